//! BLAKE2b's compression in eight lanes, for processors with AVX-512.

#![allow(unsafe_code)] // intrinsics on memory, and calls that need the processor's features; both stay in this file

use std::arch::x86_64::*;

use super::batch::{BLOCK, LANES, State};

/// Half of the start of SHA-512's constants; BLAKE2b mixes them into every block.
pub(super) const CONSTANTS: [u64; 8] = [
    0x6a09e667f3bcc908,
    0xbb67ae8584caa73b,
    0x3c6ef372fe94f82b,
    0xa54ff53a5f1d36f1,
    0x510e527fade682d1,
    0x9b05688c2b3e6c1f,
    0x1f83d9abfb41bd6b,
    0x5be0cd19137e2179,
];

/// Whether this processor has what [`compress`] needs.
pub(super) fn available() -> bool {
    is_x86_feature_detected!("avx512f")
}

/// Takes `inputs`, all of one length and that a number of blocks, into the lanes of `state`. The blocks of a lane whose
/// word of `last` is all ones are the end of its message; `counts` are the bytes before these inputs.
pub(super) fn compress(state: &mut State, inputs: &[&[u8]; LANES], counts: &mut [u64; LANES], last: &[u64; LANES]) {
    assert!(available() && inputs.iter().all(|input| input.len() == inputs[0].len()));
    // SAFETY: the processor has AVX-512.
    unsafe { compress_blocks(state, inputs, counts, last) }
}

/// One quarter of a round on four words of the state.
macro_rules! mix {
    ($v:ident, $a:literal, $b:literal, $c:literal, $d:literal, $x:expr, $y:expr) => {
        $v[$a] = _mm512_add_epi64(_mm512_add_epi64($v[$a], $v[$b]), $x);
        $v[$d] = _mm512_ror_epi64::<32>(_mm512_xor_si512($v[$d], $v[$a]));
        $v[$c] = _mm512_add_epi64($v[$c], $v[$d]);
        $v[$b] = _mm512_ror_epi64::<24>(_mm512_xor_si512($v[$b], $v[$c]));
        $v[$a] = _mm512_add_epi64(_mm512_add_epi64($v[$a], $v[$b]), $y);
        $v[$d] = _mm512_ror_epi64::<16>(_mm512_xor_si512($v[$d], $v[$a]));
        $v[$c] = _mm512_add_epi64($v[$c], $v[$d]);
        $v[$b] = _mm512_ror_epi64::<63>(_mm512_xor_si512($v[$b], $v[$c]));
    };
}

/// A round, by the order in which it takes the words of the message: columns, then diagonals.
macro_rules! round {
    ($v:ident, $m:ident, $($at:literal)+) => { round!(@ $v, [$($m[$at]),+]) };
    (@ $v:ident, [$a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr, $g:expr, $h:expr,
        $i:expr, $j:expr, $k:expr, $l:expr, $m:expr, $n:expr, $o:expr, $p:expr]) => {
        mix!($v, 0, 4, 8, 12, $a, $b);
        mix!($v, 1, 5, 9, 13, $c, $d);
        mix!($v, 2, 6, 10, 14, $e, $f);
        mix!($v, 3, 7, 11, 15, $g, $h);
        mix!($v, 0, 5, 10, 15, $i, $j);
        mix!($v, 1, 6, 11, 12, $k, $l);
        mix!($v, 2, 7, 8, 13, $m, $n);
        mix!($v, 3, 4, 9, 14, $o, $p);
    };
}

#[target_feature(enable = "avx512f")]
fn compress_blocks(state: &mut State, inputs: &[&[u8]; LANES], counts: &mut [u64; LANES], last: &[u64; LANES]) {
    let mut h = [_mm512_setzero_si512(); 8];
    for word in 0..8 {
        h[word] = load(&state[word]);
    }
    let (mut count, last) = (load(counts), load(last));
    for at in (0..inputs[0].len() / BLOCK).map(|block| block * BLOCK) {
        count = _mm512_add_epi64(count, _mm512_set1_epi64(BLOCK as i64));
        let mut v = [_mm512_setzero_si512(); 16];
        for word in 0..8 {
            v[word] = h[word];
            v[8 + word] = _mm512_set1_epi64(CONSTANTS[word] as i64);
        }
        v[12] = _mm512_xor_si512(v[12], count);
        v[14] = _mm512_xor_si512(v[14], last);
        let m = message(inputs, at);
        round!(v, m, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        round!(v, m, 14 10 4 8 9 15 13 6 1 12 0 2 11 7 5 3);
        round!(v, m, 11 8 12 0 5 2 15 13 10 14 3 6 7 1 9 4);
        round!(v, m, 7 9 3 1 13 12 11 14 2 6 5 10 4 0 15 8);
        round!(v, m, 9 0 5 7 2 4 10 15 14 1 11 12 6 8 3 13);
        round!(v, m, 2 12 6 10 0 11 8 3 4 13 7 5 15 14 1 9);
        round!(v, m, 12 5 1 15 14 13 4 10 0 7 6 3 9 2 8 11);
        round!(v, m, 13 11 7 14 12 1 3 9 5 0 15 4 8 6 2 10);
        round!(v, m, 6 15 14 9 11 3 0 8 12 2 13 7 1 4 10 5);
        round!(v, m, 10 2 8 4 7 6 1 5 15 11 9 14 3 12 13 0);
        round!(v, m, 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15);
        round!(v, m, 14 10 4 8 9 15 13 6 1 12 0 2 11 7 5 3);
        for word in 0..8 {
            h[word] = _mm512_xor_si512(h[word], _mm512_xor_si512(v[word], v[8 + word]));
        }
    }
    for word in 0..8 {
        store(&mut state[word], h[word]);
    }
    store(counts, count);
}

/// The sixteen words of the block at `at` of every lane, turned so that a vector holds one word of all lanes.
#[target_feature(enable = "avx512f")]
fn message(inputs: &[&[u8]; LANES], at: usize) -> [__m512i; 16] {
    let mut words = [_mm512_setzero_si512(); 16];
    for half in 0..2 {
        let mut rows = [_mm512_setzero_si512(); 8];
        for lane in 0..LANES {
            let row: &[u8; 64] = inputs[lane][at + 64 * half..].first_chunk().unwrap_or(&[0; 64]);
            rows[lane] = load(row);
        }
        turn(&mut rows);
        words[8 * half..][..8].copy_from_slice(&rows);
    }
    words
}

/// Turns eight rows of eight words into eight columns.
#[target_feature(enable = "avx512f")]
fn turn(rows: &mut [__m512i; 8]) {
    let mut pairs = *rows;
    for at in [0, 2, 4, 6] {
        pairs[at] = _mm512_unpacklo_epi64(rows[at], rows[at + 1]);
        pairs[at + 1] = _mm512_unpackhi_epi64(rows[at], rows[at + 1]);
    }
    let mut fours = pairs;
    for at in [0, 1, 4, 5] {
        fours[at] = _mm512_shuffle_i64x2::<0b10_00_10_00>(pairs[at], pairs[at + 2]);
        fours[at + 2] = _mm512_shuffle_i64x2::<0b11_01_11_01>(pairs[at], pairs[at + 2]);
    }
    for at in 0..4 {
        rows[at] = _mm512_shuffle_i64x2::<0b10_00_10_00>(fours[at], fours[at + 4]);
        rows[at + 4] = _mm512_shuffle_i64x2::<0b11_01_11_01>(fours[at], fours[at + 4]);
    }
}

#[target_feature(enable = "avx512f")]
fn load<T>(bytes: &T) -> __m512i {
    const { assert!(size_of::<T>() == 64) };
    // SAFETY: 64 readable bytes; this load asks for no alignment, and every value of its bits is a vector.
    unsafe { _mm512_loadu_si512((&raw const *bytes).cast()) }
}

#[target_feature(enable = "avx512f")]
fn store(words: &mut [u64; LANES], vector: __m512i) {
    // SAFETY: 64 writable bytes; this store asks for no alignment.
    unsafe { _mm512_storeu_si512(words.as_mut_ptr().cast(), vector) }
}
