#![allow(clippy::unwrap_used)] // a test may panic

use std::collections::BTreeMap;

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

mod golden;
mod leaves;
mod merging;
mod searching;

const T: i64 = 1_700_000_000;
const P: &str = "p0123456789abcdef0123456789abcdef-s0011223344556677147";
const Q: &str = "qfedcba9876543210fedcba9876543210-s0011223344556677147";

fn entry(content: &str, pack: &str, timestamp: i64) -> Entry {
    Entry {
        content: ContentId::parse(content).unwrap(),
        pack: BlobId::new(pack).unwrap(),
        offset: 32,
        packed_length: 34,
        original_length: 6,
        timestamp,
        deleted: false,
        compression: 0,
        format_version: 3,
        key_id: 0,
    }
}

fn deleted(entry: Entry) -> Entry {
    Entry { deleted: true, ..entry }
}

fn table(entries: &[Entry]) -> Table {
    Table::parse(encode(2, &mut entries.to_vec(), &[]).unwrap().into(), PACKED_OVERHEAD).unwrap()
}

/// Entries as either version can tell them.
fn entries(version: u8) -> impl Strategy<Value = Vec<Entry>> {
    let prefix = proptest::option::of(b'g'..=b'z');
    let one = (prefix, any::<[u8; 16]>(), 0..40u8, any::<u32>(), 0..1u32 << 30, 0..1u32 << 28, any::<bool>(), 0..9u8);
    let entry =
        move |(prefix, hash, pack, time, offset, length, deleted, format): (_, [u8; 16], _, _, _, u32, _, u8)| Entry {
            content: ContentId::new(prefix, &hash).unwrap(),
            pack: BlobId::new(format!("p{pack}")).unwrap(),
            offset,
            packed_length: length.max(PACKED_OVERHEAD),
            original_length: length.max(PACKED_OVERHEAD) - PACKED_OVERHEAD,
            timestamp: i64::from(time),
            deleted,
            compression: if version == 1 { 0 } else { u32::from(format % 3) * 0x1100 },
            format_version: format % 3 + 1,
            key_id: 0,
        };
    proptest::collection::vec(one.prop_map(entry), 1..60)
}

#[test]
fn what_could_not_be_written_again_is_not_read() {
    let payload = encode(2, &mut vec![entry("aabb", P, T)], &[]).unwrap();
    let offset = payload::HEADER + 3 + 4;
    for (high, readable) in [(0x00, true), (0x3f, true), (0x40, false), (0x80, true), (0xc0, false)] {
        let mut changed = payload.clone();
        changed[offset] = high;
        assert_eq!(Table::parse(changed.into(), PACKED_OVERHEAD).is_ok(), readable, "{high:#x}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_again(mut version_1 in entries(1), mut version_2 in entries(2), trailing in any::<[u8; 5]>()) {
        for (version, entries) in [(1, &mut version_1), (2, &mut version_2)] {
            let payload = encode(version, entries, &trailing).unwrap();
            let table = Table::parse(payload.into(), PACKED_OVERHEAD).unwrap();
            prop_assert_eq!(&table.iter().collect::<Vec<_>>(), &*entries);
            for (ordinal, entry) in entries.iter().enumerate() {
                prop_assert_eq!(table.get(&entry.content), Some(entry.clone()));
                prop_assert_eq!(table.ordinal(&entry.content), Some(ordinal));
            }
        }
    }

    #[test]
    fn payloads_that_are_cut_off_are_refused(mut entries in entries(1), part in 0.0..1.0f64) {
        for version in [1, 2] {
            let payload = encode(version, &mut entries, &[]).unwrap();
            #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
            let length = (payload.len() as f64 * part) as usize;
            prop_assert!(Table::parse(Bytes::copy_from_slice(&payload[..length]), PACKED_OVERHEAD).is_err());
        }
    }

    #[test]
    fn any_bytes_are_a_table_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..200), version in 0..4u8) {
        bytes.insert(0, version);
        if let Ok(table) = Table::parse(bytes.into(), PACKED_OVERHEAD) {
            prop_assert_eq!(table.iter().count(), table.len());
        }
    }

    #[test]
    fn damaged_payloads_never_panic(mut entries in entries(1), at in any::<prop::sample::Index>(), byte in any::<u8>(), version in 1..3u8) {
        let mut payload = encode(version, &mut entries, &[]).unwrap();
        let at = at.index(payload.len());
        payload[at] = byte;
        if let Ok(table) = Table::parse(payload.into(), PACKED_OVERHEAD) {
            prop_assert_eq!(table.iter().count(), table.len());
        }
    }

    #[test]
    fn a_view_answers_as_a_map_would(sets in proptest::collection::vec(entries(2), 0..9), watermark in proptest::option::of(any::<u32>())) {
        let watermark = watermark.map(i64::from);
        let mut expected: BTreeMap<ContentId, Entry> = BTreeMap::new();
        // Every content of the first set is in every other one too, at other times.
        let first = sets.first().cloned().unwrap_or_default();
        let sets: Vec<Vec<Entry>> = sets.into_iter().map(|mut set| {
            let other = set[0].clone();
            set.extend(first.iter().map(|entry| Entry { content: entry.content, ..other.clone() }));
            set
        }).collect();
        for entry in sets.iter().flatten() {
            let known = expected.entry(entry.content).or_insert_with(|| entry.clone());
            if entry.row().precedence(&known.row()).is_gt() {
                *known = entry.clone();
            }
        }
        let view = View::new(sets.iter().map(|set| table(set)), watermark).unwrap();
        let hidden = |entry: &Entry| entry.deleted && watermark.is_some_and(|watermark| entry.timestamp <= watermark);
        for (content, entry) in &expected {
            prop_assert_eq!(view.get(content), Some(entry.clone()).filter(|entry| !hidden(entry)));
            prop_assert_eq!(view.has(content), !entry.deleted);
        }
        let contents: Vec<_> = expected.keys().copied().collect();
        let alive: Vec<_> = expected.values().map(|entry| !entry.deleted).collect();
        prop_assert_eq!(view.has_all(&contents), alive);
        let visible: Vec<Entry> = expected.into_values().filter(|entry| !hidden(entry)).collect();
        prop_assert_eq!(view.iter().collect::<Vec<_>>(), visible);
    }
}
