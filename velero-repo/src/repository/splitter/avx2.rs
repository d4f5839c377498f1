//! The BUZHASH search in eight stretches side by side, for processors with AVX2.
//!
//! A gather instruction would fetch table values no faster than plain loads do, so they are laid out first, one row per
//! step with the eight stretches next to each other; then one step of eight hashes is a rotation and two XORs. Only
//! whether a block has a hit is told this way; which one is the first, the plain search finds.

#![allow(unsafe_code)] // intrinsics on memory, and calls that need the processor's feature; both stay in this file

use std::arch::x86_64::*;

use super::WINDOW;
use super::buzhash::scalar;
use super::table::BUZHASH;

const LANES: usize = 8;
/// Bytes that each stretch tests. Its rows, and those of the window before it, fit the first-level cache.
const STRETCH: usize = 512;
const BLOCK: usize = LANES * STRETCH;
/// One row per byte of a stretch and of the window before it.
type Rows = [[u32; LANES]; WINDOW + STRETCH];

/// Whether this processor has what [`find`] needs.
pub(super) fn available() -> bool {
    is_x86_feature_detected!("avx2")
}

/// See [`super::buzhash::Kernel::find`]. Without the processor's feature it is the plain search.
pub(super) fn find(data: &[u8], mask: u32) -> Option<usize> {
    if !available() || data.len() < WINDOW + BLOCK {
        return scalar(data, mask);
    }
    // SAFETY: the processor has AVX2.
    unsafe { find_blocks(data, mask) }
}

#[target_feature(enable = "avx2")]
fn find_blocks(data: &[u8], mask: u32) -> Option<usize> {
    if scalar(&data[..WINDOW], mask).is_some() {
        return Some(WINDOW);
    }
    let mut rows: Rows = [[0; LANES]; WINDOW + STRETCH];
    let mut start = 0;
    while let Some(block) = data[start..].get(..WINDOW + BLOCK) {
        lay_out(block, &mut rows);
        if any_hit(&rows, mask) {
            return scalar(block, mask).map(|end| start + end);
        }
        start += BLOCK;
    }
    scalar(&data[start..], mask).map(|end| start + end)
}

#[target_feature(enable = "avx2")]
fn lay_out(block: &[u8], rows: &mut Rows) {
    for lane in 0..LANES {
        let stretch = &block[lane * STRETCH..][..WINDOW + STRETCH];
        for (row, &byte) in rows.iter_mut().zip(stretch) {
            row[lane] = BUZHASH[byte as usize];
        }
    }
}

#[target_feature(enable = "avx2")]
fn any_hit(rows: &Rows, mask: u32) -> bool {
    let (mask, zero) = (_mm256_set1_epi32(mask as i32), _mm256_setzero_si256());
    let (mut hashes, mut hits) = (zero, zero);
    for row in &rows[..WINDOW] {
        hashes = _mm256_xor_si256(rotate(hashes), load(row));
    }
    for (entering, leaving) in rows[WINDOW..].iter().zip(rows) {
        hashes = _mm256_xor_si256(rotate(hashes), _mm256_xor_si256(load(entering), load(leaving)));
        hits = _mm256_or_si256(hits, _mm256_cmpeq_epi32(_mm256_and_si256(hashes, mask), zero));
    }
    _mm256_movemask_epi8(hits) != 0
}

#[target_feature(enable = "avx2")]
fn rotate(hashes: __m256i) -> __m256i {
    _mm256_or_si256(_mm256_add_epi32(hashes, hashes), _mm256_srli_epi32::<31>(hashes))
}

#[target_feature(enable = "avx2")]
fn load(row: &[u32; LANES]) -> __m256i {
    // SAFETY: 32 readable bytes; this load asks for no alignment.
    unsafe { _mm256_loadu_si256(row.as_ptr().cast()) }
}
