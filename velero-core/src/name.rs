//! Names that Velero derives from other names (spec A.3 and 6.11.2).

use sha2::{Digest, Sha256};

/// The value of a label that carries `name`: unchanged up to 63 bytes, else the first 57 bytes and six
/// hexadecimal digits of its SHA-256.
pub fn valid_name(name: &str) -> String {
    if name.len() <= 63 {
        return name.to_owned();
    }
    let mut cut = 57;
    while !name.is_char_boundary(cut) {
        cut -= 1;
    }
    format!("{}{}", &name[..cut], &hex(&Sha256::digest(name.as_bytes()))[..6])
}

/// The name under which a volume snapshot is restored: SHA-256 of `<restore uid>/<name>` in hexadecimal.
pub fn restored_snapshot_name(restore_uid: &str, name: &str) -> String {
    hex(&Sha256::digest(format!("{restore_uid}/{name}").as_bytes()))
}

/// Lower-case hexadecimal digits of `bytes`.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn u5_to_u8_names_over_63_bytes_end_in_a_hash() {
        let check = |input: &str, expected: &str| assert_eq!(valid_name(input), expected);
        check(&"a".repeat(63), &"a".repeat(63));
        check(
            "the-really-long-kube-service-name-that-is-much-greater-than-63-characters",
            "the-really-long-kube-service-name-that-is-much-greater-th8a11b3",
        );
        check(&"default".repeat(10), "defaultdefaultdefaultdefaultdefaultdefaultdefaultdefaultd58343f");
        check(&"a".repeat(64), &format!("{}ffe054", "a".repeat(57)));
    }

    #[test]
    fn u9_restored_snapshots_are_named_by_hash() {
        assert_eq!(
            restored_snapshot_name("11111111-2222-3333-4444-555555555555", "velero-data-abcde"),
            "dd6ca9ebc0c73c744c9951e002b9abdf0824a447a64a51cd4afecd9d3ab0b522"
        );
    }
}
