//! Several tables as one.

use super::*;
use crate::repository::name::shard_of;

fn numbered(number: u32, pack: &str, timestamp: i64) -> Entry {
    let mut hash = blake3::hash(&number.to_be_bytes()).as_bytes()[..16].to_vec();
    hash[15] = 1;
    Entry { content: ContentId::new(None, &hash).unwrap(), ..entry("00", pack, timestamp) }
}

#[test]
fn the_later_entry_counts_then_the_living_then_the_larger_pack() {
    let at = |pack, timestamp| entry("aa", pack, timestamp);
    let table = [
        (at("p1", 2), at("p2", 1)),
        (deleted(at("p1", 2)), at("p2", 1)),
        (at("p1", 2), deleted(at("p2", 2))),
        (at("p2", 2), at("p1", 2)),
        (deleted(at("p2", 2)), deleted(at("p1", 2))),
    ];
    for (winner, loser) in table {
        for order in [[&winner, &loser], [&loser, &winner]] {
            let tables = order.map(|entry| super::table(std::slice::from_ref(entry)));
            assert_eq!(Table::merge(&tables).unwrap().get(&winner.content).unwrap(), winner);
            let mut both = vec![order[0].clone(), order[1].clone()];
            encode(2, &mut both, &[]).unwrap();
            assert_eq!(both, std::slice::from_ref(&winner));
        }
    }
}

#[test]
fn a_merge_keeps_tombstones_and_a_view_hides_the_old_ones() {
    let (live, gone) = (entry("aa", "p1", 1), deleted(entry("aa", "p1", 2)));
    let tables = [table(&[live]), table(std::slice::from_ref(&gone))];
    assert_eq!(Table::merge(&tables).unwrap().iter().collect::<Vec<_>>(), std::slice::from_ref(&gone));
    let view = |watermark| View::new(tables.clone(), watermark).unwrap();
    for watermark in [None, Some(1)] {
        assert_eq!(view(watermark).get(&gone.content), Some(gone.clone()));
        assert!(!view(watermark).has(&gone.content));
    }
    // The tombstone hides the older live entry too.
    assert_eq!(view(Some(2)).get(&gone.content), None);
    assert_eq!(view(Some(2)).iter().count(), 0);
    // A content that was written again after it is there.
    let again = view(Some(2)).overlay(vec![entry("aa", "p2", 3)]).unwrap();
    assert!(again.has(&gone.content));
    assert_eq!(again.with([], Some(1)).unwrap().watermark(), Some(2));
}

#[test]
fn tombstones_are_those_that_a_merge_of_all_would_leave() {
    let sets: Vec<Vec<Entry>> = (0..4_i64)
        .map(|set| {
            let one = |n: u32| numbered(n, &format!("p{}", n % 3), (i64::from(n) * 7 + set * 5) % 4);
            (0..60).map(|n| if (i64::from(n) + set) % 3 == 0 { deleted(one(n)) } else { one(n) }).collect()
        })
        .collect();
    let view = View::new(sets.iter().map(|set| table(set)), Some(1)).unwrap();
    let merged = Table::merge(view.tables().iter().map(AsRef::as_ref)).unwrap();
    let expected: Vec<Entry> = merged.iter().filter(|entry| entry.deleted).collect();
    let mut found: Vec<Entry> = view.tombstones().map(|row| row.entry().unwrap()).collect();
    found.sort_by_key(|entry| entry.content);
    assert!(view.tables().len() > 1 && expected.len() > 10, "{}", expected.len());
    assert_eq!(found, expected);
}

#[test]
fn no_tables_are_an_empty_view() {
    let view = View::default();
    assert_eq!((view.ordinals(), view.iter().count(), view.packs().len()), (0, 0, 0));
    assert!(Table::merge([]).unwrap().is_empty());
    assert!(Table::parse(encode(1, &mut Vec::new(), &[7; 32]).unwrap().into(), 28).unwrap().is_empty());
    assert!(view.overlay(Vec::new()).unwrap().tables().is_empty());
}

#[test]
fn many_tables_become_few_and_ordinals_stay_apart() {
    let sets: Vec<Vec<Entry>> = (0..30)
        .map(|set| (0..100).map(|n| numbered(set * 50 + n, &format!("p{set}"), i64::from(set))).collect())
        .collect();
    let view = View::new(sets.iter().map(|set| table(set)), None).unwrap();
    assert!(view.tables().len() <= 4, "{}", view.tables().len());
    let mut seen = vec![false; view.ordinals()];
    for (ordinal, row) in view.rows() {
        assert!(!std::mem::replace(&mut seen[ordinal], true));
        let content = row.entry().unwrap().content;
        assert_eq!(view.ordinal(&content), Some(ordinal));
        assert_eq!(view.row_at(ordinal), Some(row));
    }
    assert_eq!(seen.iter().filter(|seen| **seen).count(), 29 * 50 + 100);
    assert_eq!(view.row_at(view.ordinals()), None);
}

#[test]
fn large_tables_are_not_merged_because_there_are_many_small_ones() {
    let large = (0..3).map(|set| table(&(0..1000).map(|n| numbered(set * 1000 + n, "p1", 1)).collect::<Vec<_>>()));
    let small = (0..9).map(|n| table(&[numbered(9000 + n, "p2", 1)]));
    let view = View::new(large.chain(small), None).unwrap();
    let mut lengths: Vec<usize> = view.tables().iter().map(|table| table.len()).collect();
    lengths.sort_unstable();
    assert_eq!(lengths, [9, 1000, 1000, 1000]);
}

#[test]
fn a_tombstone_in_one_table_counts_for_contents_that_others_show_alive() {
    let (old, gone, again, never) =
        (numbered(1, "p1", 1), numbered(2, "p1", 1), numbered(3, "p1", 1), numbered(4, "p1", 1));
    let at = |entry: &Entry, timestamp| Entry { timestamp, ..entry.clone() };
    let tables = [
        table(&[old.clone(), gone.clone(), again.clone()]),
        table(&[deleted(at(&gone, 2)), deleted(at(&again, 2)), numbered(5, "p1", 1)]),
        table(&[at(&again, 3), numbered(6, "p1", 1)]),
    ];
    for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
        let view = View::new(order.map(|at| tables[at].clone()), None).unwrap();
        let contents = [&never, &gone, &again, &old].map(|entry| entry.content);
        assert_eq!(view.has_all(&contents), [false, false, true, true]);
        assert_eq!(contents.map(|content| view.has(&content)), [false, false, true, true]);
    }
    assert_eq!(View::default().has_all(&[old.content]), [false]);
}

#[test]
fn contents_are_listed_pack_by_pack_in_the_order_of_their_offsets() {
    let at = |number, pack, offset| Entry { offset, ..numbered(number, pack, 1) };
    let view = View::new(
        [table(&[at(1, "pb", 60), at(2, "pa", 32), at(3, "pb", 32)]), table(&[at(4, "pb", 90), at(5, "qc", 32)])],
        Some(9),
    )
    .unwrap()
    .overlay(vec![deleted(numbered(5, "qc", 2))])
    .unwrap();
    let packs = view.packs();
    let names: Vec<String> = (0..packs.len()).map(|pack| packs.name(pack).unwrap().to_string()).collect();
    assert_eq!(names, ["pa", "pb", "qc"]);
    assert_eq!((packs.find("pb"), packs.find("pz"), packs.name(3)), (Some(1), None, None));
    let order = view.by_pack(&packs);
    let offsets = |pack| order.contents(pack).map(|ordinal| view.row_at(ordinal).unwrap().offset).collect::<Vec<_>>();
    assert_eq!([offsets(0), offsets(1), offsets(2), offsets(3)], [vec![32], vec![32, 60, 90], vec![], vec![]]);
    for (ordinal, row) in view.rows() {
        assert_eq!(packs.of_content(ordinal), packs.find(row.pack));
    }
}

#[test]
fn shards_hold_every_entry_once() {
    let all = table(&(0..500).map(|n| numbered(n, "p1", 1)).collect::<Vec<_>>());
    let shards: Vec<Table> =
        encode_shards(2, all.rows(), 3).map(|payload| Table::parse(payload.unwrap().into(), 28).unwrap()).collect();
    assert_eq!(shards.len(), 3);
    for (number, shard) in shards.iter().enumerate() {
        assert!(shard.rows().all(|row| shard_of(row.key, 3) == number));
    }
    assert_eq!(Table::merge(&shards).unwrap().iter().collect::<Vec<_>>(), all.iter().collect::<Vec<_>>());
    let whole: Vec<u8> = encode_shards(2, all.rows(), 1).next().unwrap().unwrap();
    assert_eq!(whole, encode(2, &mut all.iter().collect(), &[]).unwrap());
}

#[test]
fn an_entry_takes_less_than_forty_bytes() {
    const ENTRIES: u32 = 40_000;
    let pack = |n| format!("p{:032x}-s0011223344556677147", n / 20);
    let sets = [0, 1, 2].map(|part: u32| {
        let own = (0..ENTRIES).filter(|n| n % 3 == part);
        table(&own.map(|n| Entry { packed_length: 1 << 24, ..numbered(n, &pack(n), 1) }).collect::<Vec<_>>())
    });
    let merged = Table::merge(&sets).unwrap();
    assert_eq!(merged.len(), 40_000);
    assert!(merged.memory() < 40 * merged.len(), "{}", merged.memory());
}
