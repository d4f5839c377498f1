//! scrypt with the one cost that Kopia has: N = 65536, r = 8, p = 1; RFC 7914.
//!
//! Comes in: a password and a salt. Goes out: the derived key. All time goes into a chain of two million Salsa20/8 cores,
//! each of which needs the one before it, so what counts is how soon one ends and not how many there are at once. That is
//! why this works on plain words: an addition, a rotation and an exclusive or of a word take three cycles everywhere,
//! while the same on vectors, which hold the words of one core side by side, take up to eight and need words to be moved
//! between lanes. The blocks stay words from the first to the last step; the `scrypt` crate, whose answers the
//! tests compare, takes twice as long.
//!
//! The 64 MiB of rows go back to the allocator as they are: from all of them nobody gets at the key faster than from the
//! password.

use pbkdf2::pbkdf2_hmac;
use scrypt::{Params, scrypt};
use sha2::Sha256;
use zeroize::Zeroizing;

use super::FORMAT_BLOB;
use crate::{Error, Result};

/// Words of a Salsa20 block.
const BLOCK: usize = 16;
/// Words of a row: 2 * r blocks.
const ROW: usize = 2 * 8 * BLOCK;
/// Rows, the cost N.
const ROWS: usize = 1 << 16;

/// What is mixed, as words in the order of their bytes.
type Row = [u32; ROW];

/// The key that is derived from a password.
///
/// # Errors
/// Invalid: the crate refuses the cost, which it does not.
pub(super) fn derive(password: &[u8], salt: &[u8], key: &mut [u8]) -> Result<()> {
    // What is built without optimisation would take seconds here; the crate is optimised even then.
    if cfg!(debug_assertions) {
        let refused = || Error::invalid(FORMAT_BLOB, "scrypt refuses its own default cost");
        return Params::new(16, 8, 1).ok().and_then(|cost| scrypt(password, salt, &cost, key).ok()).ok_or_else(refused);
    }
    derive_with(ROWS, password, salt, key);
    Ok(())
}

/// The key by another number of rows, a power of two.
fn derive_with(rows: usize, password: &[u8], salt: &[u8], key: &mut [u8]) {
    let mut bytes = Zeroizing::new([0; 4 * ROW]);
    pbkdf2_hmac::<Sha256>(password, salt, 1, &mut *bytes);
    let mut row = Zeroizing::new([0; ROW]);
    for (word, bytes) in row.iter_mut().zip(bytes.as_chunks().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    mix(&mut row, &mut vec![[0; ROW]; rows]);
    for (bytes, word) in bytes.as_chunks_mut().0.iter_mut().zip(row.iter()) {
        *bytes = word.to_le_bytes();
    }
    pbkdf2_hmac::<Sha256>(password, &*bytes, 1, key);
}

/// The RFC's `scryptROMix` in this memory: every row follows from the one before, then rows are visited as the
/// row so far says.
fn mix(row: &mut Row, rows: &mut [Row]) {
    let mask = rows.len() - 1; // there is one at least
    for stored in rows.iter_mut() {
        *stored = *row;
        mix_blocks(stored, row);
    }
    let mut mixed = Zeroizing::new([0; ROW]);
    for _ in 0..rows.len() {
        let visited = &rows[row[ROW - BLOCK] as usize & mask]; // the mask keeps it below their number
        for (mixed, (word, other)) in mixed.iter_mut().zip(row.iter().zip(visited)) {
            *mixed = word ^ other;
        }
        mix_blocks(&mixed, row);
    }
}

/// The RFC's `scryptBlockMix`: a chain through all blocks; the even ones come first in `to`, the odd ones after them.
#[inline(always)]
fn mix_blocks(from: &Row, to: &mut Row) {
    let (blocks, _) = from.as_chunks::<BLOCK>();
    let (even, odd) = to.split_at_mut(ROW / 2);
    let mut block = blocks[blocks.len() - 1]; // there are 16
    for ((pair, even), odd) in blocks.as_chunks::<2>().0.iter().zip(even.as_chunks_mut().0).zip(odd.as_chunks_mut().0) {
        *even = salsa(&mut block, &pair[0]);
        *odd = salsa(&mut block, &pair[1]);
    }
}

/// Takes `next` into the block and sends it through Salsa20/8.
#[inline(always)]
fn salsa(block: &mut [u32; BLOCK], next: &[u32; BLOCK]) -> [u32; BLOCK] {
    for (word, next) in block.iter_mut().zip(next) {
        *word ^= next;
    }
    let mut x = *block;
    for _ in 0..4 {
        quarter::<0, 4, 8, 12>(&mut x);
        quarter::<5, 9, 13, 1>(&mut x);
        quarter::<10, 14, 2, 6>(&mut x);
        quarter::<15, 3, 7, 11>(&mut x);
        quarter::<0, 1, 2, 3>(&mut x);
        quarter::<5, 6, 7, 4>(&mut x);
        quarter::<10, 11, 8, 9>(&mut x);
        quarter::<15, 12, 13, 14>(&mut x);
    }
    for (word, x) in block.iter_mut().zip(x) {
        *word = word.wrapping_add(x);
    }
    *block
}

/// A quarter of a round: four words of a column or a row, in the order that starts on the diagonal.
#[inline(always)]
fn quarter<const A: usize, const B: usize, const C: usize, const D: usize>(x: &mut [u32; BLOCK]) {
    x[B] ^= x[A].wrapping_add(x[D]).rotate_left(7);
    x[C] ^= x[B].wrapping_add(x[A]).rotate_left(9);
    x[D] ^= x[C].wrapping_add(x[B]).rotate_left(13);
    x[A] ^= x[D].wrapping_add(x[C]).rotate_left(18);
}

#[cfg(test)]
mod tests;
