//! The memory that a worker reads regions into, one after the other.
//!
//! The same bytes each time: fresh memory costs the kernel as much as opening what is read into it. They are laid so that
//! the first content of a region begins as far from a block's beginning as it will in its file, so that the inside of a
//! large one can be written past the page cache without being copied.

use super::batch::{Place, Region};
use crate::Result;
use crate::repository::blob::BlobStore;
use crate::repository::direct::BLOCK;

/// Bytes before a content's own in every encryption that there is: its nonce.
const NONCE: u64 = 12;

/// The memory of one worker.
pub(super) struct Room {
    bytes: Vec<u8>,
    longest: usize,
}

impl Room {
    /// Room for regions of up to `longest` bytes.
    pub(super) fn new(longest: usize) -> Room {
        Room { bytes: vec![0; longest + 2 * BLOCK], longest }
    }

    /// Reads a region; `None` if its pack is not there, or if it is longer than any that was planned for.
    ///
    /// # Errors
    /// The store's.
    pub(super) fn read(&mut self, blobs: &BlobStore, region: &Region) -> Result<Option<&mut [u8]>> {
        let Some(length) = usize::try_from(region.length).ok().filter(|length| *length <= self.longest) else {
            return Ok(None);
        };
        let start = match region.pieces.first().map(|piece| piece.place) {
            Some(Place::Part { start, .. }) => start,
            Some(Place::Whole) | None => 0,
        };
        let shift = (start.wrapping_sub(NONCE) % BLOCK as u64) as usize; // below a block
        let first = self.bytes.as_ptr().align_offset(BLOCK).min(BLOCK) + shift;
        let room = &mut self.bytes[first..first + length]; // two blocks more than the longest
        Ok(blobs.read_range_blocking(&region.pack, region.start, room)?.then_some(room))
    }
}
