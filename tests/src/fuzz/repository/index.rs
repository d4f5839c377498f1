//! Payloads of index blobs of both versions, and the views over them.

use super::seed;
use crate::fuzz::{Random, Target, mutate};
use bytes::Bytes;
use velero_repo::repository::index::{Entry, PACKED_OVERHEAD, Root, Table, View, encode, encode_shards, sealed_blob};

const WORDS: [&str; 8] = [
    "p0123456789abcdef0123456789abcdef-s0",
    "\u{2}\u{11}\0\u{13}",
    "\u{1}\u{11}\0\u{14}",
    "\0\0\0\0",
    "k0123456789abcdef",
    "\u{7f}",
    "/",
    "\n",
];

pub struct Indexes;

impl Target for Indexes {
    fn name(&self) -> &'static str {
        "index"
    }

    fn memory(&self) -> usize {
        16 << 20 // inputs have 64 KiB at most; names in version 1 may overlap, in version 2 they are written apart
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let version = 1 + random.below(2) as u8;
        let mut entries = seed::entries(random, version);
        let mut payload = encode(version, &mut entries, b"trailing").expect("the entries fit");
        if !random.one_in(8) {
            mutate::numbers(random, &mut payload);
        }
        if random.one_in(4) {
            mutate::havoc(random, &mut payload, &WORDS);
        }
        payload
    }

    fn run(&self, input: &[u8]) {
        start_only(input, &[]);
        let read = read(input);
        assert_eq!(read, self::read(input), "a second reading differs");
        sealed(input, read.is_some());
        let Some(entries) = read else { return };
        let again = encode(2, &mut entries.clone(), &[]).ok().filter(|_| !entries.is_empty());
        let again = again.or_else(|| entries.is_empty().then(Vec::new)).expect("what was read can be written");
        if !entries.is_empty() {
            assert_eq!(self::read(&again).as_ref(), Some(&entries), "what was written reads differently");
        }
        view(input, &entries);
        leaves(&again, &entries);
        start_only(&again, &entries);
    }
}

fn parse(payload: &[u8]) -> Option<Table> {
    Table::parse(Bytes::copy_from_slice(payload), PACKED_OVERHEAD).ok()
}

/// The entries of a payload, found in every way in which they can be.
fn read(payload: &[u8]) -> Option<Vec<Entry>> {
    let table = parse(payload)?;
    let entries: Vec<Entry> = table.iter().collect();
    assert_eq!(entries.len(), table.len());
    for (place, entry) in entries.iter().enumerate() {
        assert_eq!(table.ordinal(&entry.content), Some(place));
        assert_eq!(table.get(&entry.content).as_ref(), Some(entry));
    }
    let by_prefix: Vec<Entry> = (0..=u8::MAX).flat_map(|prefix| table.with_prefix(prefix)).collect();
    assert_eq!(by_prefix, entries);
    Some(entries)
}

/// A damaged root with leaves that are not its own: there may be an error, but no entry of another content.
fn damaged_root(bytes: &[u8], payload: &[u8]) {
    let Ok(root) = Root::parse(bytes) else { return };
    let payload = Bytes::copy_from_slice(payload);
    let read = |number| {
        let leaf = root.leaf(number);
        Ok(payload.slice(leaf.start.min(payload.len())..leaf.end.min(payload.len())))
    };
    for entry in root.with_prefix(0, usize::MAX, read).into_iter().flatten() {
        if let Ok(Some(found)) = root.get(&entry.content, read) {
            assert_eq!(found.content, entry.content);
        }
    }
}

/// What seems to be in a payload of which only the start is known: these entries, or anything but a panic and entries of
/// other contents.
fn start_only(payload: &[u8], entries: &[Entry]) {
    let payload = Bytes::copy_from_slice(payload);
    let header = &payload[..Root::HEADER.min(payload.len())];
    let formats = Root::formats_of(header).ok().and_then(|range| payload.get(range));
    let root = formats.and_then(|formats| Root::of_start(&[header, formats].concat(), payload.len()).ok());
    let Some(root) = root else { return assert!(entries.is_empty(), "a payload with entries has no start") };
    let read = |number| {
        let leaf = root.leaf(number);
        Ok(payload.slice(leaf.start.min(payload.len())..leaf.end.min(payload.len())))
    };
    for entry in entries {
        assert_eq!(root.get(&entry.content, read).expect("its leaves are whole").as_ref(), Some(entry));
    }
    for prefix in [0, b'k', b'm', 0xff] {
        for entry in root.with_prefix(prefix, 100, read).into_iter().flatten() {
            if let Ok(Some(found)) = root.get(&entry.content, read) {
                assert_eq!(found.content, entry.content);
            }
        }
    }
}

/// In leaves there are the same entries.
fn leaves(payload: &[u8], entries: &[Entry]) {
    let Some((table, root)) = parse(payload).and_then(|table| Root::of(&table).map(|root| (table, root))) else {
        return assert!(entries.is_empty(), "a table with entries has no root");
    };
    let mut stored = root.encode();
    let root = Root::parse(&stored).expect("what was written is read");
    let read = |number| Ok(table.payload().slice(root.leaf(number)));
    for entry in entries {
        let found = root.get(&entry.content, read).expect("its own leaves are whole");
        assert_eq!(found.as_ref(), Some(entry));
    }
    let at = payload.len() % stored.len();
    stored[at] ^= 1 << (entries.len() % 8);
    damaged_root(&stored, payload);
}

/// As a blob it reads as it does without its seal, and with any other bit not at all.
fn sealed(payload: &[u8], readable: bool) {
    let seal = seed::seal(0);
    let (id, mut blob) = sealed_blob(seal, "xn0_", "s01-c1", payload).expect("it can be sealed");
    assert_eq!(Table::load(seal, &id, &blob).is_ok(), readable);
    let at = payload.len() % blob.len();
    blob[at] ^= 4;
    assert!(Table::load(seal, &id, &blob).is_err(), "a changed blob was read");
}

/// Views have the same entries, however many tables they are made of.
fn view(payload: &[u8], entries: &[Entry]) {
    let tables = || (0..7).filter_map(|_| parse(payload));
    let watermark = entries.iter().map(|entry| entry.timestamp).max();
    let all = View::new(tables(), None).expect("tables of the same hashes can be merged");
    assert!(all.iter().eq(entries.iter().cloned()));
    let living = View::new(tables(), watermark).expect("as before");
    assert!(living.iter().eq(entries.iter().filter(|entry| !entry.deleted).cloned()));
    let packs = all.packs();
    let order = all.by_pack(&packs);
    assert_eq!((0..packs.len()).map(|pack| order.contents(pack).len()).sum::<usize>(), entries.len());
    for (ordinal, row) in all.rows() {
        let pack = packs.of_content(ordinal).and_then(|pack| packs.name(pack));
        assert_eq!(pack.as_ref().map(|pack| pack.as_str()), Some(row.pack));
        assert_eq!(all.row_at(ordinal), Some(row));
    }
    let mut shards = 0;
    for shard in encode_shards(2, entries.iter().map(Entry::row), 3).flatten() {
        shards += parse(&shard).map_or(0, |table| table.len());
    }
    assert_eq!(shards, entries.len());
}
