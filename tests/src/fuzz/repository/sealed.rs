//! Sealed bytes that were damaged, with and without error correction.
//!
//! An input is a script, because nonces are random: the algorithms, how much is damaged, where, then the plain bytes.

use super::seed;
use crate::fuzz::{Random, Target, mutate};

/// Bytes that are opened at most.
const LIMIT: usize = 32 << 10;

pub struct Sealed;

impl Target for Sealed {
    fn name(&self) -> &'static str {
        "sealed"
    }

    fn memory(&self) -> usize {
        8 << 20
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut script = vec![random.number() as u8, random.below(6) as u8, random.below(4) as u8];
        let length = *random.pick(&[0, 1, 100, 2_000, 40_000]);
        script.extend((0..12 + random.below(length + 1)).map(|_| random.number() as u8));
        if random.one_in(4) {
            mutate::havoc(random, &mut script, &["\0\0\0\u{1}", "\u{7f}"]);
        }
        script
    }

    fn run(&self, input: &[u8]) {
        let Some((&[choice, times, cut], script)) = input.split_first_chunk::<3>() else { return };
        let seal = seed::seal(choice);
        let iv = seal.hash(script);
        let mut sealed = Vec::new();
        seal.seal(&iv, script, &mut sealed).expect("it can be sealed");
        assert_eq!(sealed.len(), script.len() + seal.overhead(script.len()));
        for at in script.chunks(2).take(usize::from(times)) {
            let at = at.iter().fold(0, |at, byte| at << 8 | usize::from(*byte)) % sealed.len();
            sealed[at] ^= 0x55;
        }
        sealed.truncate(sealed.len() - if cut == 3 { script.len() / 2 } else { 0 });
        let whole = cut != 3 && (times == 0 || times == 1 && seed::repairs(choice));
        let opened = seal.open(&iv, &sealed, LIMIT);
        match &opened {
            Ok(plain) => assert_eq!(plain, script, "damage was taken for data"),
            Err(_) => assert!(!whole || script.len() > LIMIT, "what was whole or could be repaired was not opened"),
        }
        let mut place = sealed.clone();
        let placed = seal.open_in_place(&iv, &mut place).map(|plain| plain.to_vec());
        assert!(script.len() > LIMIT || placed.ok() == opened.ok(), "opening in place differs");
        assert!(seal.open(&iv, script, LIMIT).is_err(), "bytes without a seal were opened");
    }
}
