use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;

/// Shares of every size of shard; making a code takes long without optimisation.
static ECCS: LazyLock<Vec<(u32, Ecc)>> =
    LazyLock::new(|| [1, 2, 3, 6, 10, 100].map(|percent| (percent, Ecc::new(NAME, percent).unwrap())).into());

fn ecc(percent: u32) -> &'static Ecc {
    &ECCS.iter().find(|(of, _)| *of == percent).unwrap().1
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| u8::try_from((at * 31 + at / 251) % 256).unwrap()).collect()
}

#[test]
fn values_grow_as_kopias_do() {
    // Upstream's constants use shards of 1024 bytes; 882 follows from the rules for the usual size.
    for (percent, shard, length, growth) in
        [(2, 1024, 1, 39), (2, 1024, 10 << 10, 810), (10, 1024, 1 << 20, 115_128), (2, 512, 10 << 10, 882)]
    {
        let ecc = Ecc::with_shard(percent, shard).unwrap();
        assert_eq!(ecc.stored_length(length) - length, growth, "{percent} percent of {length}");
        let plain = bytes(length);
        let stored = ecc.encode(&plain).unwrap();
        assert_eq!(stored.len(), length + growth);
        assert_eq!(ecc.decode(&stored).unwrap(), plain);
    }
}

#[test]
fn shard_counts_are_kopias() {
    for (free, expected) in [(0.1, (254, 2)), (1.0, (200, 2)), (2.0, (128, 2)), (10.0, (128, 12))] {
        assert_eq!(counts(free), expected, "{free}");
    }
    let two = ecc(2);
    assert_eq!((two.shard, two.large.data_shard_count(), two.large.parity_shard_count()), (512, 164, 2));
    assert_eq!(ecc(1).large.data_shard_count(), 254);
}

#[test]
fn other_names_and_shares_are_refused_by_name() {
    assert!(Ecc::new("LDPC", 2).err().unwrap().to_string().contains("LDPC"));
    for percent in [0, 101, u32::MAX] {
        assert!(Ecc::new(NAME, percent).is_err());
    }
}

#[test]
fn every_single_flip_is_repaired() {
    let ecc = ecc(2);
    for length in [0, 1, 40, 1400] {
        let plain = bytes(length);
        let stored = ecc.encode(&plain).unwrap();
        for at in 0..stored.len() {
            let mut damaged = stored.clone();
            damaged[at] ^= 0x10;
            assert_eq!(ecc.decode(&damaged).unwrap(), plain, "byte {at} of {length}");
        }
    }
}

#[test]
fn as_many_shards_as_there_is_parity_may_be_lost_in_each_block_and_not_one_more() {
    let ecc = ecc(10);
    let plain = bytes(20_000); // three blocks of 128 x 64 bytes
    let stored = ecc.encode(&plain).unwrap();
    let parity = ecc.large.parity_shard_count();
    let data_start = 3 * parity * 68;
    let mut damaged = stored.clone();
    for block in 0..3 {
        for lost in 0..parity {
            let shard = block * 128 + lost * 5;
            damaged[data_start + shard * 68 + lost % 68] ^= 1;
        }
    }
    assert_eq!(ecc.decode(&damaged).unwrap(), plain);
    damaged[data_start + 127 * 68] ^= 1;
    assert!(ecc.decode(&damaged).unwrap_err().contains("more shards are lost"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn values_come_back_at_every_length_and_share(length in 0usize..70_000, kind in 0usize..6) {
        let ecc = &ECCS[kind].1;
        let plain = bytes(length);
        let stored = ecc.encode(&plain).unwrap();
        prop_assert_eq!(stored.len(), ecc.stored_length(length));
        prop_assert!(ecc.decode(&stored).unwrap() == plain);
    }

    #[test]
    fn two_damaged_places_are_repaired(
        length in 0usize..100_000, places in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..=2),
    ) {
        let ecc = ecc(2);
        let plain = bytes(length);
        let mut stored = ecc.encode(&plain).unwrap();
        for (place, flip) in places {
            *place.get_mut(&mut stored) ^= flip;
        }
        prop_assert!(ecc.decode(&stored).unwrap() == plain);
    }

    #[test]
    fn strange_bytes_are_refused_without_panic(stored in prop::collection::vec(any::<u8>(), 0..3000), kind in 0usize..6) {
        prop_assert!(ECCS[kind].1.decode(&stored).is_err());
    }

    #[test]
    fn values_that_were_cut_off_are_refused(length in 1usize..50_000, cut in 1usize..2000) {
        let ecc = ecc(2);
        let stored = ecc.encode(&bytes(length)).unwrap();
        let kept = stored.len().saturating_sub(cut);
        prop_assert!(ecc.decode(&stored[..kept]).is_err());
    }
}
