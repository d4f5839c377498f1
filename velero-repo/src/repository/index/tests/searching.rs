//! Searches in keys that are spread evenly, as hashes are, and in keys that somebody has chosen.

use super::*;

/// A key whose place among all is `first`.
fn content(prefix: Option<u8>, first: u64, last: u8) -> ContentId {
    let mut hash = [0; 16];
    hash[..8].copy_from_slice(&first.to_be_bytes());
    hash[15] = last;
    ContentId::new(prefix, &hash).unwrap()
}

fn table_of(contents: impl IntoIterator<Item = ContentId>) -> Table {
    let like = entry("00", P, T);
    table(&contents.into_iter().map(|content| Entry { content, ..like.clone() }).collect::<Vec<_>>())
}

/// Everything that is there is found where it is, and nothing that is not.
fn check(table: &Table) {
    let contents: Vec<_> = table.iter().map(|entry| entry.content).collect();
    assert!(table.ranks(contents.iter()).all(|rank| rank == Some((T, true))));
    for (at, content) in contents.iter().enumerate() {
        assert_eq!(table.ordinal(content), Some(at));
        for other in [1, 2, 254, 255] {
            let mut hash = content.hash().to_vec();
            hash[15] ^= other;
            let other = ContentId::new(content.prefix(), &hash).unwrap();
            assert_eq!(table.ordinal(&other), contents.binary_search(&other).ok());
            assert_eq!(table.rank(&other).is_some(), contents.binary_search(&other).is_ok());
        }
    }
    for prefix in [0, b'g', b'k', b'x', b'z'] {
        let expected = contents.iter().filter(|content| content.prefix().unwrap_or(0) == prefix).count();
        assert_eq!(table.with_prefix(prefix).count(), expected, "{prefix}");
    }
}

#[test]
fn keys_are_found_however_they_are_spread() {
    let mixed = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let prefixes = [None, None, None, None, Some(b'k'), None, Some(b'm'), Some(b'x')];
    for count in [1, 2, 31, 32, 33, 64, 100, 3000] {
        let spread = (0..count).map(|n| content(prefixes[(n % 8) as usize], mixed(n), 7));
        check(&table_of(spread));
        check(&table_of((0..count).map(|n| content(None, n, 7)))); // all in front
        check(&table_of((0..count).map(|n| content(None, u64::MAX - n, 7)))); // all behind
        check(&table_of((0..count.min(256)).map(|n| content(None, 99, n as u8)))); // alike in all that a fence tells
        check(&table_of((0..count).map(|n| content(None, 1 << (n % 64), (n / 64) as u8))));
    }
}
