//! Sizes: `192MiB`, `1.5GiB`, `500MB`, `4096`.

/// Units and their bytes; the binary ones first, so that `Mi` is not taken for `M`.
const UNITS: [(&str, u64); 16] = [
    ("KIB", 1 << 10),
    ("MIB", 1 << 20),
    ("GIB", 1 << 30),
    ("TIB", 1 << 40),
    ("KI", 1 << 10),
    ("MI", 1 << 20),
    ("GI", 1 << 30),
    ("TI", 1 << 40),
    ("KB", 1_000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
    ("K", 1_000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("B", 1),
];

/// Reads a size in bytes.
pub fn size(text: &str) -> Result<u64, String> {
    let upper = text.trim().to_ascii_uppercase();
    let (number, unit) = UNITS
        .iter()
        .find_map(|(name, bytes)| upper.strip_suffix(name).map(|number| (number.trim_end(), *bytes)))
        .unwrap_or((&upper, 1));
    let refusal = || "expected a size such as 192MiB".to_owned();
    if !number.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(refusal());
    }
    if let Ok(whole) = number.parse::<u64>() {
        return whole.checked_mul(unit).ok_or_else(refusal);
    }
    match number.parse::<f64>() {
        Ok(fraction) if fraction.is_finite() && unit > 1 && fraction * (unit as f64) < 1e18 => {
            Ok((fraction * unit as f64) as u64)
        }
        _ => Err(refusal()),
    }
}

#[cfg(test)]
mod tests {
    use super::size;

    #[test]
    fn sizes_have_binary_and_decimal_units() {
        for (text, expected) in [
            ("192MiB", 192 << 20),
            ("192mib", 192 << 20),
            ("192Mi", 192 << 20),
            ("1.5GiB", 3 << 29),
            ("2 KiB", 2048),
            ("500MB", 500_000_000),
            ("4096", 4096),
            ("7B", 7),
        ] {
            assert_eq!(size(text), Ok(expected), "{text}");
        }
        for text in ["", "MiB", "-1", "1.5", "99999999999TiB", "inf", "1e3MiBs", "ten"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
