//! Digests are BLAKE2b's, whatever goes with them through the lanes.

use blake2b_simd::Params;
use proptest::prelude::*;

use super::hash_many;

fn expected(key: &[u8], digest_length: usize, inputs: &[&[u8]]) -> Vec<[u8; 64]> {
    let hash = |input: &&[u8]| {
        let mut padded = [0; 64];
        let digest = Params::new().key(key).hash_length(digest_length).hash(input);
        padded[..digest_length].copy_from_slice(digest.as_bytes());
        padded
    };
    inputs.iter().map(hash).collect()
}

fn bytes(length: usize) -> Vec<u8> {
    (0..length as u32).map(|number| (number.wrapping_mul(0x9e37_79b1) >> 13) as u8).collect()
}

#[test]
fn lengths_around_blocks_have_the_digests_of_one_stream() {
    let data = bytes(9_000);
    let lengths = (0..=390).chain([4095, 4096, 4097, 4224, 4225, 8191, 8192, 8193, 9_000]);
    let inputs: Vec<&[u8]> = lengths.map(|length| &data[data.len() - length..]).collect();
    for key in [&[][..], b"k", &[7; 32], &[9; 64]] {
        for digest_length in [16, 20, 32, 64] {
            assert_eq!(hash_many(key, digest_length, &inputs), expected(key, digest_length, &inputs));
        }
    }
}

#[test]
fn any_number_of_inputs_keeps_its_order() {
    let data = bytes(2_000);
    for count in 0..40 {
        let inputs: Vec<&[u8]> = (0..count).map(|number| &data[number * 31..][..(number * 397) % 700]).collect();
        assert_eq!(hash_many(b"key", 32, &inputs), expected(b"key", 32, &inputs), "{count}");
    }
}

#[test]
fn one_input_far_longer_than_the_others_is_no_exception() {
    let data = bytes(200_000);
    let mut inputs: Vec<&[u8]> = vec![&data[..300]; 20];
    inputs[7] = &data;
    assert_eq!(hash_many(b"key", 32, &inputs), expected(b"key", 32, &inputs));
    assert_eq!(hash_many(b"key", 32, &[&data[..]; 9]), expected(b"key", 32, &[&data[..]; 9]));
}

#[test]
#[should_panic(expected = "BLAKE2b has no such key or digest")]
fn keys_beyond_the_algorithms_limit_are_refused() {
    hash_many(&[0; 65], 32, &[]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn many_inputs_have_the_digests_of_one_stream(
        inputs in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..900), 0..30),
        key in prop::collection::vec(any::<u8>(), 0..=64),
        digest_length in 1usize..=64,
    ) {
        let inputs: Vec<&[u8]> = inputs.iter().map(Vec::as_slice).collect();
        prop_assert_eq!(hash_many(&key, digest_length, &inputs), expected(&key, digest_length, &inputs));
    }
}
