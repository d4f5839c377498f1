//! The last bytes of a pack: where its local index lies.

use std::ops::Range;

use crate::{Error, Result};

/// Only this version is in use.
const VERSION: u64 = 1;
/// Longest hash of any algorithm, in bytes.
const LONGEST_IV: usize = 64;

/// Where the local index of a pack lies, and the hash it was sealed by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Postamble {
    /// Hash of the plain local index; not truncated.
    pub iv: Vec<u8>,
    /// Where the sealed local index begins in the pack, in bytes.
    pub offset: usize,
    /// Length of the sealed local index, in bytes.
    pub length: usize,
}

impl Postamble {
    /// Reads the postamble at the end of a pack, or of its last bytes; 256 are enough. None if there is no valid one.
    pub fn find(tail: &[u8]) -> Option<Self> {
        let (length, tail) = tail.split_last()?;
        let (_, bytes) = tail.split_at_checked(tail.len().checked_sub(usize::from(*length))?)?;
        let (mut fields, sum) = bytes.split_last_chunk::<4>()?;
        if crc32fast::hash(fields) != u32::from_be_bytes(*sum) || uvarint(&mut fields)? != VERSION {
            return None;
        }
        let iv_length = usize::try_from(uvarint(&mut fields)?).ok().filter(|length| *length <= LONGEST_IV)?;
        let (iv, mut rest) = fields.split_at_checked(iv_length)?;
        let mut number = || usize::try_from(uvarint(&mut rest)?).ok();
        Some(Postamble { iv: iv.to_vec(), offset: number()?, length: number()? })
    }

    /// Where the sealed local index lies; None if its end would overflow.
    pub fn range(&self) -> Option<Range<usize>> {
        Some(self.offset..self.offset.checked_add(self.length)?)
    }

    /// Appends the postamble.
    ///
    /// # Errors
    /// If it would be longer than 255 bytes.
    pub(super) fn write(&self, out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        put_uvarint(VERSION, out);
        put_uvarint(wide(self.iv.len()), out);
        out.extend_from_slice(&self.iv);
        put_uvarint(wide(self.offset), out);
        put_uvarint(wide(self.length), out);
        let sum = crc32fast::hash(&out[start..]); // it was longer than that before
        out.extend_from_slice(&sum.to_be_bytes());
        let length = u8::try_from(out.len() - start);
        out.push(length.map_err(|_| Error::invalid("the postamble of a pack", "the hash is too long"))?);
        Ok(())
    }
}

fn wide(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

fn put_uvarint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or(0)); // below 0x80
}

/// Takes a number off the front; None if it is cut off or does not fit into 64 bits.
fn uvarint(bytes: &mut &[u8]) -> Option<u64> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        let bits = u64::from(byte & 0x7f);
        if shift == 63 && bits > 1 {
            return None;
        }
        number |= bits << shift;
        if byte & 0x80 == 0 {
            return Some(number);
        }
    }
    None
}
