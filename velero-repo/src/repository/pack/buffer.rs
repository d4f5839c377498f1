//! Memory that is filled from the front, and used again.
//!
//! Comes in: bytes, or the wish for room that is written over at once. Goes out: what was filled. Behind it lies what an
//! earlier use left, so that memory which sealing writes over is not cleared before, but for the first time.

use std::ops::Deref;

/// Bytes from the front of some memory.
#[derive(Debug, Default)]
pub struct Buffer {
    bytes: Vec<u8>,
    filled: usize,
}

impl Buffer {
    /// An empty one with room for so many bytes. It takes memory only as far as it is filled.
    pub fn with_capacity(capacity: usize) -> Self {
        Vec::with_capacity(capacity).into()
    }

    /// How many bytes find room where it is.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Forgets what was filled.
    pub fn clear(&mut self) {
        self.filled = 0;
    }

    /// Forgets all but the first bytes.
    pub(super) fn truncate(&mut self, length: usize) {
        self.filled = self.filled.min(length);
    }

    pub(super) fn extend_from_slice(&mut self, more: &[u8]) {
        self.grow(more.len()).copy_from_slice(more);
    }

    /// Room for so many bytes more, which count as filled; whatever is in it, the caller writes over it.
    pub(super) fn grow(&mut self, length: usize) -> &mut [u8] {
        let (start, end) = (self.filled, self.filled + length);
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
        }
        self.filled = end;
        &mut self.bytes[start..end] // it was made that long
    }

    /// Lets `write` append to what was filled.
    pub(super) fn append<T>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> T) -> T {
        self.bytes.truncate(self.filled);
        let written = write(&mut self.bytes);
        self.filled = self.bytes.len();
        written
    }

    /// What was filled.
    pub(super) fn into_filled(mut self) -> Vec<u8> {
        self.bytes.truncate(self.filled);
        self.bytes
    }
}

/// An empty one, in this memory.
impl From<Vec<u8>> for Buffer {
    fn from(bytes: Vec<u8>) -> Self {
        Buffer { bytes, filled: 0 }
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.filled] // never more than there is
    }
}
