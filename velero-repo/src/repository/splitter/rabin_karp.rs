//! The Rabin fingerprint of the last 64 bytes, and the search for where it allows a cut.
//!
//! Bytes are polynomials over two elements, reduced by one of degree 53 that Kopia fixed.

use super::WINDOW;

const POLYNOMIAL: u64 = 0x2E_3E3E_4A30_5605;
const DEGREE: u32 = 53;

/// For each byte, what it contributes when it is the oldest of the window.
static LEAVING: [u64; 256] = powers(8 * (WINDOW as u32 - 1), false);
/// For each byte shifted out at the top, the bits that replace it; the byte itself is taken away by the same XOR.
static REDUCTION: [u64; 256] = powers(DEGREE, true);

/// `byte * x^exponent` modulo the polynomial, for all bytes; with `top`, together with the byte above the degree.
const fn powers(exponent: u32, top: bool) -> [u64; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let mut value = byte as u64;
        let mut power = 0;
        while power < exponent {
            value <<= 1;
            if value >> DEGREE & 1 == 1 {
                value ^= POLYNOMIAL;
            }
            power += 1;
        }
        table[byte] = if top { value | (byte as u64) << DEGREE } else { value };
        byte += 1;
    }
    table
}

fn append(hash: u64, entering: u8) -> u64 {
    let top = (hash >> (DEGREE - 8)) as usize & 0xff;
    (hash << 8 | u64::from(entering)) ^ REDUCTION[top]
}

/// Where the first 64 bytes within `data` end whose fingerprint has no bit of `mask`: an index from 64 to its length.
pub(super) fn find(data: &[u8], mask: usize) -> Option<usize> {
    let mask = mask as u64;
    let (first, rest) = data.split_at_checked(WINDOW)?;
    let mut hash = first.iter().fold(0, |hash, &byte| append(hash, byte));
    if hash & mask == 0 {
        return Some(WINDOW);
    }
    for (step, (&entering, &leaving)) in rest.iter().zip(data).enumerate() {
        hash = append(hash ^ LEAVING[leaving as usize], entering);
        if hash & mask == 0 {
            return Some(WINDOW + step + 1);
        }
    }
    None
}
