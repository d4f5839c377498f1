//! What is found in leaves is what the table has.

use super::*;
use crate::error::ErrorKind;

/// A key whose place among all is `first`.
fn content(prefix: Option<u8>, first: u64, last: u64) -> ContentId {
    let mut hash = [0; 16];
    hash[..8].copy_from_slice(&first.to_be_bytes());
    hash[8..].copy_from_slice(&last.to_be_bytes());
    ContentId::new(prefix, &hash).unwrap()
}

/// Contents in as many packs as there are contents, unless there are to be few.
fn table_of(contents: impl IntoIterator<Item = ContentId>, packs: usize) -> Table {
    let like = entry("00", P, T);
    let one = |(number, content)| {
        let pack = BlobId::new(format!("p{:032x}-s0011223344556677147", number % packs)).unwrap();
        Entry { content, pack, offset: number as u32, deleted: number % 7 == 0, ..like.clone() }
    };
    table(&contents.into_iter().enumerate().map(one).collect::<Vec<_>>())
}

fn leaf(table: &Table, root: &Root, number: usize) -> crate::Result<Bytes> {
    Ok(table.payload().slice(root.leaf(number)))
}

/// The root as it is read again.
fn root(table: &Table) -> Root {
    Root::parse(&Root::of(table).unwrap().encode()).unwrap()
}

/// The root of which only the start is known.
fn started(table: &Table) -> Root {
    let payload = table.payload();
    let formats = Root::formats_of(&payload[..Root::HEADER]).unwrap();
    Root::of_start(&[&payload[..Root::HEADER], &payload[formats]].concat(), payload.len()).unwrap()
}

/// Everything that is there is found, with at most `most` leaves for each, or a few more where they are searched, and
/// nothing that is not.
fn check(table: &Table, most: usize) {
    check_with(table, &root(table), most);
    check_with(table, &started(table), most + 4);
}

fn check_with(table: &Table, root: &Root, most: usize) {
    let whole: Vec<u8> = (0..root.leaves()).flat_map(|number| leaf(table, root, number).unwrap()).collect();
    assert_eq!(&[root.header(), &whole].concat()[..], &table.payload()[..]);
    assert_eq!(root.length(), table.payload().len());
    for entry in table.iter() {
        let mut read = 0;
        let counted = |number| {
            read += 1;
            leaf(table, root, number)
        };
        assert_eq!(root.get(&entry.content, counted).unwrap().as_ref(), Some(&entry));
        assert!(read <= most, "{read} leaves for {}", entry.content);
        for flip in [1, 255] {
            let mut hash = entry.content.hash().to_vec();
            hash[15] ^= flip;
            let other = ContentId::new(entry.content.prefix(), &hash).unwrap();
            assert_eq!(root.get(&other, |number| leaf(table, root, number)).unwrap(), table.get(&other));
        }
    }
    for prefix in [0, b'g', b'k', b'm', b'x', b'z'] {
        let found = root.with_prefix(prefix, usize::MAX, |number| leaf(table, root, number)).unwrap();
        assert!(found.iter().cloned().eq(table.with_prefix(prefix)), "{prefix}");
        let fewer = found.len().checked_sub(1);
        let refused = |most| root.with_prefix(prefix, most, |number| leaf(table, root, number)).is_err();
        assert!(fewer.is_none_or(refused), "{prefix}");
    }
}

#[test]
fn entries_are_found_however_many_leaves_there_are() {
    let mixed = |n: u64| n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let prefixes = [None, None, None, None, Some(b'k'), None, Some(b'm'), Some(b'x')];
    for count in [1, 2, 1_927, 1_928, 1_929, 6_000] {
        // One leaf of rows, or two where the key is the first of one, and at most two for a pack and two for its name.
        check(&table_of((0..count).map(|n| content(prefixes[(n % 8) as usize], mixed(n), 7)), 3), 4);
        check(&table_of((0..count).map(|n| content(None, mixed(n), 7)), 10_000), 6);
    }
}

#[test]
fn keys_that_are_alike_in_all_that_a_root_tells_are_found() {
    check(&table_of((0..6_000).map(|n| content(None, n / 5_000, n)), 3), 8);
}

#[test]
fn an_empty_table_has_no_root() {
    assert!(Root::of(&Table::default()).is_none());
}

#[test]
fn roots_that_are_cut_or_too_long_are_refused() {
    let whole = Root::of(&table_of((0..6_000).map(|n| content(None, n, 7)), 3)).unwrap().encode();
    for length in 0..whole.len() {
        assert_eq!(Root::parse(&whole[..length]).unwrap_err().kind(), ErrorKind::Corrupt, "{length}");
    }
    assert!(Root::parse(&[&whole[..], &[0; 8]].concat()).is_err());
}

#[test]
fn leaves_of_another_table_are_refused_or_tell_something_else_but_never_more() {
    let one = table_of((0..6_000).map(|n| content(None, n, 7)), 3);
    let other = table_of((0..3_000).map(|n| content(None, 2 * n, 7)), 3_000);
    let (root, foreign) = (root(&one), root(&other));
    for entry in one.iter() {
        let found = root.get(&entry.content, |number| leaf(&other, &foreign, number.min(foreign.leaves() - 1)));
        assert!(found.is_err() || found.unwrap().is_none_or(|found| found.content == entry.content));
    }
}

proptest! {
    #[test]
    fn changed_roots_do_no_harm(entries in entries(2), changes in prop::collection::vec((any::<usize>(), any::<u8>()), 1..6)) {
        let table = Table::parse(encode(2, &mut entries.clone(), &[]).unwrap().into(), PACKED_OVERHEAD).unwrap();
        let mut bytes = Root::of(&table).unwrap().encode();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        if let Ok(root) = Root::parse(&bytes) {
            let read = |number: usize| Ok(table.payload().slice(number.min(table.payload().len())..));
            let _ = root.get(&entries[0].content, read);
            let _ = root.with_prefix(b'k', usize::MAX, read);
        }
    }
}
