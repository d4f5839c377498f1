//! The BUZHASH search in blocks of 64 bytes, for processors with AVX-512 VBMI.
//!
//! The table lies in registers as four planes of bytes, from which one permutation fetches 64 values at once. The byte
//! that leaves is 64 places before the one that enters, so what a block takes out is what the block before put in.
//!
//! Seen through a frame that rotates back one bit per place, a rolling hash is a running XOR: with `r` the hash after
//! place `p`, rotated right by `p + 1`, the next `r` is `r ^ (value >>> (p + 2))`. A running XOR has a tree form; what
//! one block hands to the next is one XOR. The mask of a place is rotated likewise.

#![allow(unsafe_code)] // intrinsics on memory, and calls that need the processor's features; both stay in this file

use std::arch::x86_64::*;

use super::WINDOW;
use super::buzhash::scalar;
use super::table::BUZHASH;

const BLOCK: usize = 64;

/// Byte `n` of every table value, by `n`.
static PLANES: [[[u8; 64]; 4]; 4] = planes();
/// Order of the bytes within each 16: place `4 * group + member` is fetched as `4 * member + group`, so that after the
/// planes are put together vector `member` holds that member of all sixteen groups.
static ORDER: [u8; 64] = order();
/// By member and group: by how many bits that place's frame is rotated, without the whole turns.
static TURNS: [[u32; 16]; 4] = turns();

const fn planes() -> [[[u8; 64]; 4]; 4] {
    let mut planes = [[[0; 64]; 4]; 4];
    let mut at = 0;
    while at < 1024 {
        planes[at / 256][at / 64 % 4][at % 64] = BUZHASH[at % 256].to_le_bytes()[at / 256];
        at += 1;
    }
    planes
}

const fn order() -> [u8; 64] {
    let mut order = [0; 64];
    let mut at = 0;
    while at < 64 {
        order[at] = (at % 4 * 4 + at / 4 % 4) as u8;
        at += 1;
    }
    order
}

const fn turns() -> [[u32; 16]; 4] {
    let mut turns = [[0; 16]; 4];
    let mut place = 0;
    while place < 64 {
        turns[place % 4][place / 4] = (place as u32 + 1) % 32;
        place += 1;
    }
    turns
}

/// Whether this processor has what [`find`] needs.
pub(super) fn available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vbmi")
}

/// See [`super::buzhash::Kernel::find`]. Without the processor's features it is the plain search.
pub(super) fn find(data: &[u8], mask: u32) -> Option<usize> {
    if !available() {
        return scalar(data, mask);
    }
    // SAFETY: the processor has these three features.
    unsafe { find_blocks(data, mask) }
}

#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn find_blocks(data: &[u8], mask: u32) -> Option<usize> {
    let (blocks, _) = data.as_chunks::<BLOCK>();
    let (first, rest) = blocks.split_first()?;
    let hash = first.iter().fold(0u32, |hash, &byte| hash.rotate_left(1) ^ BUZHASH[byte as usize]);
    if hash & mask == 0 {
        return Some(WINDOW);
    }
    let (tables, order) = (load_tables(), load(&ORDER));
    let mut turns = [_mm512_setzero_si512(); 4];
    let mut masks = turns;
    for member in 0..4 {
        turns[member] = load(&TURNS[member]);
        masks[member] = _mm512_rorv_epi32(_mm512_set1_epi32(mask as i32), turns[member]);
    }
    let mut leaving = look_up(&tables, _mm512_shuffle_epi8(load(first), order));
    let mut carry = _mm512_set1_epi32(hash as i32);
    for (number, block) in rest.iter().enumerate() {
        let entering = look_up(&tables, _mm512_shuffle_epi8(load(block), order));
        let (hashes, next) = scan(interleave(&entering, &leaving), &turns, carry);
        let mut hits = [0; 4];
        for member in 0..4 {
            hits[member] = _mm512_testn_epi32_mask(hashes[member], masks[member]);
        }
        if hits[0] | hits[1] | hits[2] | hits[3] != 0 {
            return Some((number + 1) * BLOCK + first_place(hits) + 1);
        }
        (leaving, carry) = (entering, next);
    }
    // The bytes behind the last whole block, with the window before them.
    let start = blocks.len() * BLOCK - WINDOW;
    scalar(&data[start..], mask).map(|end| start + end)
}

#[target_feature(enable = "avx512f")]
fn load_tables() -> [[__m512i; 4]; 4] {
    let mut tables = [[_mm512_setzero_si512(); 4]; 4];
    for plane in 0..4 {
        for quarter in 0..4 {
            tables[plane][quarter] = load(&PLANES[plane][quarter]);
        }
    }
    tables
}

/// The table values of 64 bytes, as four planes.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn look_up(tables: &[[__m512i; 4]; 4], bytes: __m512i) -> [__m512i; 4] {
    let upper = _mm512_movepi8_mask(bytes);
    let mut planes = [_mm512_setzero_si512(); 4];
    for plane in 0..4 {
        let [a, b, c, d] = tables[plane];
        let (low, high) = (_mm512_permutex2var_epi8(a, bytes, b), _mm512_permutex2var_epi8(c, bytes, d));
        planes[plane] = _mm512_mask_blend_epi8(upper, low, high);
    }
    planes
}

/// What each place adds to the hash, by member.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn interleave(entering: &[__m512i; 4], leaving: &[__m512i; 4]) -> [__m512i; 4] {
    let mut both = *entering;
    for plane in 0..4 {
        both[plane] = _mm512_xor_si512(both[plane], leaving[plane]);
    }
    let (low, high) = (_mm512_unpacklo_epi8(both[0], both[1]), _mm512_unpackhi_epi8(both[0], both[1]));
    let (low_upper, high_upper) = (_mm512_unpacklo_epi8(both[2], both[3]), _mm512_unpackhi_epi8(both[2], both[3]));
    [
        _mm512_unpacklo_epi16(low, low_upper),
        _mm512_unpackhi_epi16(low, low_upper),
        _mm512_unpacklo_epi16(high, high_upper),
        _mm512_unpackhi_epi16(high, high_upper),
    ]
}

/// The hashes after each place in that place's frame, and the one after the last as the next block's carry.
#[target_feature(enable = "avx512f,avx512bw,avx512vbmi")]
fn scan(values: [__m512i; 4], turns: &[__m512i; 4], carry: __m512i) -> ([__m512i; 4], __m512i) {
    let zero = _mm512_setzero_si512();
    let mut sums = values;
    let mut groups = zero;
    for member in 0..4 {
        groups = _mm512_xor_si512(groups, _mm512_rorv_epi32(values[member], turns[member]));
        sums[member] = groups;
    }
    let mut upto = groups;
    upto = _mm512_xor_si512(upto, _mm512_alignr_epi32::<15>(upto, zero));
    upto = _mm512_xor_si512(upto, _mm512_alignr_epi32::<14>(upto, zero));
    upto = _mm512_xor_si512(upto, _mm512_alignr_epi32::<12>(upto, zero));
    upto = _mm512_xor_si512(upto, _mm512_alignr_epi32::<8>(upto, zero));
    let before = _mm512_xor_si512(_mm512_xor_si512(upto, groups), carry);
    let last = _mm512_permutexvar_epi32(_mm512_set1_epi32(15), upto);
    for sum in &mut sums {
        *sum = _mm512_xor_si512(*sum, before);
    }
    (sums, _mm512_xor_si512(carry, last))
}

/// The first place with a hit; there is one.
fn first_place(hits: [u16; 4]) -> usize {
    let places = hits.iter().enumerate().filter(|(_, groups)| **groups != 0);
    places.map(|(member, groups)| 4 * groups.trailing_zeros() as usize + member).min().unwrap_or(0)
}

#[target_feature(enable = "avx512f")]
fn load<T>(bytes: &T) -> __m512i {
    const { assert!(size_of::<T>() == 64) };
    // SAFETY: 64 readable bytes; this load asks for no alignment, and every value of its bits is a vector.
    unsafe { _mm512_loadu_si512((&raw const *bytes).cast()) }
}
