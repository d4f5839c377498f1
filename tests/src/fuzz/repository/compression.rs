//! Packed bodies of every compression. The first byte of an input names it.

use crate::fuzz::{Random, Target, mutate};
use velero_repo::repository::seal::compression::Compressor;

/// Bytes that a body may unpack to.
const LIMIT: usize = 256 << 10;

pub struct Compression;

fn compressor(choice: u8) -> Compressor {
    let names: Vec<_> = Compressor::names().collect();
    Compressor::by_name(names[usize::from(choice) % names.len()]).expect("it was named")
}

fn plain(random: &mut Random) -> Vec<u8> {
    let length = *random.pick(&[0, 1, 50, 5_000, 70_000, LIMIT, LIMIT + 1]);
    let step = *random.pick(&[1, 3, 251]);
    let noise = random.below(40);
    let mut plain: Vec<u8> = (0..random.below(length + 1)).map(|at| (at / step) as u8).collect();
    for _ in 0..noise {
        let at = random.below(plain.len());
        plain.get_mut(at).into_iter().for_each(|byte| *byte = random.number() as u8);
    }
    plain
}

impl Target for Compression {
    fn name(&self) -> &'static str {
        "compression"
    }

    fn memory(&self) -> usize {
        24 << 20 // the limit, a few copies, and blocks of 4 MiB of LZ4
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let choice = random.number() as u8;
        let plain = plain(random);
        let mut body = compressor(choice).compress(&plain).expect("anything can be packed");
        if random.one_in(2) {
            mutate::numbers(random, &mut body);
        }
        if random.one_in(2) {
            mutate::havoc(random, &mut body, &["\u{ff}\u{6}\0\0S2sTwO", "\u{4}\"M\u{18}", "(\u{b5}/\u{fd}", "\u{1f}"]);
        }
        body.insert(0, choice);
        body
    }

    fn run(&self, input: &[u8]) {
        let Some((&choice, body)) = input.split_first() else { return };
        let compressor = compressor(choice);
        assert_eq!(Compressor::by_id(compressor.id()).ok(), Some(compressor));
        let unpacked = compressor.decompress(body, LIMIT).ok();
        assert!(unpacked.as_ref().is_none_or(|plain| plain.len() <= LIMIT));
        assert_eq!(unpacked, compressor.decompress(body, LIMIT).ok(), "a second unpacking differs");
        if let Some(plain) = &unpacked {
            let shorter = plain.len().checked_sub(1).map(|limit| compressor.decompress(body, limit));
            assert!(shorter.is_none_or(|result| result.is_err()), "more was unpacked than allowed");
        }
        let packed = compressor.compress(body).expect("anything can be packed");
        assert_eq!(compressor.decompress(&packed, body.len()).ok().as_deref(), Some(body));
    }
}
