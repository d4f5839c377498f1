//! Cuts are where Kopia makes them, whatever the kernel, and however the stream arrives.

use std::sync::OnceLock;

use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::buzhash::Kernel;
use super::table::BUZHASH;
use super::{Rule, Splitter};
use crate::ErrorKind;

const STREAM: usize = 64 << 20;

fn splitter(rule: Rule, average: usize) -> Splitter {
    Splitter { rule, average }
}

/// Both rules, the first with every kernel that runs here.
fn rules() -> Vec<Rule> {
    let mut rules: Vec<Rule> = Kernel::available().into_iter().map(Rule::Buzhash).collect();
    rules.push(Rule::RabinKarp);
    rules
}

fn lengths(splitter: Splitter, stream: &[u8]) -> Vec<usize> {
    let (mut cutter, mut start, mut lengths) = (splitter.cutter(), 0, Vec::new());
    while let Some(length) = cutter.next(&stream[start..], true) {
        lengths.push(length);
        start += length;
    }
    lengths
}

/// The same through a window that grows by the given steps, in turn.
fn lengths_fed(splitter: Splitter, stream: &[u8], steps: &[usize]) -> Vec<usize> {
    let (mut cutter, mut start, mut end, mut lengths) = (splitter.cutter(), 0, 0, Vec::new());
    for step in steps.iter().cycle() {
        while let Some(length) = cutter.next(&stream[start..end], end == stream.len()) {
            lengths.push(length);
            start += length;
        }
        if end == stream.len() {
            break;
        }
        end = stream.len().min(end + step);
    }
    lengths
}

/// Kopia's loop as the format describes it: every byte is rolled through one hash over the whole stream.
fn lengths_rolled(rule: Rule, average: usize, stream: &[u8]) -> Vec<usize> {
    let (mut window, mut hash, mut count, mut lengths) = ([0u8; 64], 0u64, 0, Vec::new());
    for (position, &byte) in stream.iter().enumerate() {
        let leaving = std::mem::replace(&mut window[position % 64], byte);
        hash = match rule {
            Rule::Fixed => 1,
            Rule::Buzhash(_) => {
                u64::from((hash as u32).rotate_left(1) ^ BUZHASH[leaving as usize] ^ BUZHASH[byte as usize])
            }
            Rule::RabinKarp => fingerprint(hash, leaving, byte),
        };
        count += 1;
        if count >= average / 2 && (hash & (average as u64 - 1) == 0 || count >= 2 * average) {
            lengths.push(count);
            count = 0;
        }
    }
    lengths.extend((count > 0).then_some(count));
    lengths
}

/// The Rabin fingerprint bit by bit: take the oldest byte's 63 shifts away, shift the new byte in, reduce.
fn fingerprint(hash: u64, leaving: u8, entering: u8) -> u64 {
    let shifted = |mut value: u64, bits: usize| {
        for _ in 0..bits {
            value <<= 1;
            value ^= if value >> 53 == 1 { 0x2E_3E3E_4A30_5605 } else { 0 };
        }
        value
    };
    static OLDEST: OnceLock<Vec<u64>> = OnceLock::new();
    let oldest = OLDEST.get_or_init(|| (0..256).map(|byte| shifted(byte, 8 * 63)).collect());
    shifted(hash ^ oldest[leaving as usize], 8) ^ u64::from(entering)
}

/// `SHA-256(0) SHA-256(1) …`
fn digests() -> &'static [u8] {
    static DATA: OnceLock<Vec<u8>> = OnceLock::new();
    DATA.get_or_init(|| (0..STREAM as u64 / 32).flat_map(|number| Sha256::digest(number.to_be_bytes())).collect())
}

/// A multiplied xorshift from 7, eight bytes a step.
fn xorshift(bytes: usize) -> Vec<u8> {
    let mut state = 7u64;
    let mut step = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes()
    };
    (0..bytes / 8).flat_map(|_| step()).collect()
}

fn text(bytes: usize) -> Vec<u8> {
    let line = |number| format!("2026-11-21T13:{:02}:00Z level=info msg=\"request {number} served\"\n", number % 60);
    (0..).flat_map(|number: usize| line(number).into_bytes()).take(bytes).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn the_table_is_kopias() {
    let bytes: Vec<u8> = BUZHASH.iter().flat_map(|value| value.to_be_bytes()).collect();
    assert_eq!(hex(&Sha256::digest(bytes)), "9f95254df5585a4957a754ceac4fba2a8af24ad015e84f56db59dfc1e218f6dd");
}

#[test]
fn all_of_kopias_names_are_known_and_no_other() {
    for size in ["128K", "256K", "512K", "1M", "2M", "4M", "8M"] {
        for name in [format!("FIXED-{size}"), format!("DYNAMIC-{size}-BUZHASH"), format!("DYNAMIC-{size}-RABINKARP")] {
            assert!(Splitter::by_name(&name).is_ok(), "{name}");
        }
    }
    for (old, new) in [("", "FIXED-4M"), ("FIXED", "FIXED-4M"), ("DYNAMIC", "DYNAMIC-4M-BUZHASH")] {
        assert_eq!(Splitter::by_name(old).unwrap(), Splitter::by_name(new).unwrap(), "{old}");
    }
    for name in ["fixed", "FIXED-", "FIXED-3M", "FIXED-4M-BUZHASH", "DYNAMIC-4M", "DYNAMIC-16M-BUZHASH", "DYNAMIC-4M-X"]
    {
        assert_eq!(Splitter::by_name(name).unwrap_err().kind(), ErrorKind::Invalid, "{name}");
    }
}

#[test]
fn chunk_sizes_lie_between_half_and_twice_the_average() {
    let dynamic = Splitter::by_name("DYNAMIC-4M-BUZHASH").unwrap();
    assert_eq!((dynamic.min_chunk(), dynamic.max_chunk()), (2 << 20, 8 << 20));
    let fixed = Splitter::by_name("FIXED-1M").unwrap();
    assert_eq!((fixed.min_chunk(), fixed.max_chunk()), (1 << 20, 1 << 20));
}

#[test]
fn streams_shorter_than_a_chunk_are_one_and_empty_ones_none() {
    for name in ["FIXED-128K", "DYNAMIC-128K-BUZHASH", "DYNAMIC-128K-RABINKARP"] {
        let splitter = Splitter::by_name(name).unwrap();
        assert!(lengths(splitter, &[]).is_empty());
        assert_eq!(lengths(splitter, &[1]), [1]);
        assert_eq!(lengths(splitter, &[0; 65_535]), [65_535]);
    }
    assert_eq!(lengths(Splitter::by_name("FIXED-128K").unwrap(), &[0; 300_000]), [131_072, 131_072, 37_856]);
}

#[test]
fn cuts_of_chained_digests_are_kopias() {
    let golden: [(&str, usize, &[usize], &str); 6] = [
        (
            "DYNAMIC-128K-BUZHASH",
            386,
            &[93743, 149206, 262144, 107458, 262144, 144536, 122194, 233275],
            "084c29b7d4367c274198acb4f56c1b86",
        ),
        ("DYNAMIC-1M-BUZHASH", 49, &[1501899, 1214566, 1265650, 829084, 2097152], "172ec6521f59497caa4d5c788e9127df"),
        (
            "DYNAMIC-4M-BUZHASH",
            14,
            &[7423781, 5669076, 4286232, 2887177, 8388608, 3750025, 2607515, 5687180],
            "830430a76dff96d95eb021414041231f",
        ),
        ("DYNAMIC-8M-BUZHASH", 7, &[7423781, 16777216, 5385030, 7402838], "b917d1118c99528c4a5fefdbad8640cf"),
        ("DYNAMIC-128K-RABINKARP", 392, &[157103, 212588, 191596, 262144, 91427], "4f981ea7b1ec28deb18586a457b517e4"),
        (
            "DYNAMIC-4M-RABINKARP",
            11,
            &[5803924, 6959883, 2980296, 6675524, 8388608, 8388608, 3260285, 6336141],
            "bfb0a5595eb7ddef29949c9212dfaffc",
        ),
    ];
    for (name, count, first, digest) in golden {
        let lengths = lengths(Splitter::by_name(name).unwrap(), digests());
        assert_eq!((lengths.len(), &lengths[..first.len()]), (count, first), "{name}");
        let bytes: Vec<u8> = lengths.iter().flat_map(|&length| (length as u32).to_be_bytes()).collect();
        assert_eq!(hex(&Sha256::digest(bytes)[..16]), digest, "{name}");
    }
}

#[test]
fn cuts_of_pseudo_random_bytes_are_kopias() {
    let stream = xorshift(STREAM);
    let golden: [(&str, usize, [usize; 8]); 3] = [
        ("128K", 419, [170979, 236880, 352290, 436281, 575339, 837483, 1099627, 1259554]),
        ("1M", 51, [2097152, 2828418, 3493779, 4412489, 5074465, 6484536, 8047198, 10144350]),
        ("4M", 12, [2355775, 4485831, 8047198, 16435806, 19339512, 22795352, 25087915, 32386812]),
    ];
    for (size, count, first) in golden {
        let splitter = Splitter::by_name(&format!("DYNAMIC-{size}-BUZHASH")).unwrap();
        let mut end = 0;
        let ends: Vec<usize> = lengths(splitter, &stream).iter().map(|length| (end += length, end).1).collect();
        assert_eq!(ends[..8], first, "{size}");
        // Counted are the cuts; the rest behind the last one is a chunk, too.
        assert_eq!(ends.len() - 1, count, "{size}");
    }
}

#[test]
fn constant_bytes_are_cut_as_early_as_allowed_unless_the_fingerprint_forbids_it() {
    for (byte, rule, expected) in
        [(0u8, "BUZHASH", 2), (0xff, "BUZHASH", 2), (0, "RABINKARP", 2), (b'a', "RABINKARP", 8)]
    {
        let splitter = Splitter::by_name(&format!("DYNAMIC-4M-{rule}")).unwrap();
        assert_eq!(splitter.cutter().next(&vec![byte; 8 << 20], false), Some(expected << 20), "{rule} {byte}");
    }
}

#[test]
fn every_kernel_cuts_as_the_rolling_loop_does() {
    let zeros_between = [xorshift(300_000), vec![0; 200_000], xorshift(200_000)].concat();
    let streams = [xorshift(1_500_000), text(700_000), vec![0; 200_000], vec![0xff; 200_000], zeros_between];
    for stream in streams {
        for average in [128, 256, 1024, 4096, 32 << 10, 128 << 10, 512 << 10] {
            for reference in [Rule::Buzhash(Kernel::Scalar), Rule::RabinKarp] {
                let expected = lengths_rolled(reference, average, &stream);
                for rule in
                    rules().into_iter().filter(|rule| (*rule == Rule::RabinKarp) == (reference == Rule::RabinKarp))
                {
                    assert_eq!(lengths(splitter(rule, average), &stream), expected, "{rule:?} {average}");
                }
            }
        }
    }
}

#[test]
fn every_kernel_finds_a_hit_at_every_place_and_none_where_there_is_none() {
    let data = xorshift(9_000);
    for length in (0..200).chain([575, 576, 577, 4096, 4160, 4161, 4223, 8255, 8256, 9_000]) {
        for bits in [2, 5, 9, 12, 20, 31] {
            let expected = Kernel::Scalar.find(&data[..length], (1 << bits) - 1);
            for kernel in Kernel::available() {
                assert_eq!(kernel.find(&data[..length], (1 << bits) - 1), expected, "{kernel:?} {length} {bits}");
            }
        }
    }
    for start in 0..2_000 {
        let expected = Kernel::Scalar.find(&data[start..], 0x3ff);
        for kernel in Kernel::available() {
            assert_eq!(kernel.find(&data[start..], 0x3ff), expected, "{kernel:?} from {start}");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn cuts_do_not_depend_on_how_the_stream_arrives(
        runs in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 1..600)), 0..40),
        steps in prop::collection::vec(1usize..3_000, 1..6),
    ) {
        let stream: Vec<u8> =
            runs.iter().flat_map(|(constant, run)| run.iter().map(|&byte| if *constant { run[0] } else { byte })).collect();
        for rule in rules() {
            for average in [128, 1024] {
                let expected = lengths_rolled(rule, average, &stream);
                prop_assert_eq!(&lengths(splitter(rule, average), &stream), &expected);
                prop_assert_eq!(&lengths_fed(splitter(rule, average), &stream, &steps), &expected);
            }
        }
        let expected: Vec<usize> = stream.chunks(1024).map(<[u8]>::len).collect();
        prop_assert_eq!(&lengths_fed(splitter(Rule::Fixed, 1024), &stream, &steps), &expected);
    }
}
