//! How much maintenance may hold at once, from one number: the bytes of memory it is given.
//!
//! ```text
//! memory >= reserve + the largest of:  workers * directory                              walking through trees
//!                                      window + content + (2 + packs in flight) * pack  moving contents
//!                                      entries of an index blob * entry                 merging index blobs
//! ```
//!
//! The steps follow each other, so only the largest counts. The index itself, and what is merged of it, is beside that:
//! it is as large as the repository. With little memory there are fewer workers, smaller windows, fewer packs on their
//! way and smaller index blobs, which are then more. Pure: nothing is measured here.

use crate::{Error, Result};

/// Listings, results, stacks and the program itself.
const RESERVE: u64 = 60 << 20;
/// A directory that is read: about thirty thousand entries. A longer one is in memory all the same.
const DIRECTORY: u64 = 8 << 20;
/// What is used when nobody sets a limit: once, and for each worker; more where the least that will do is more.
const USUAL: u64 = 64 << 20;
/// Bytes of an entry while an index blob is made: as it is encoded, and sealed.
const ENTRY: u64 = 80;
/// Entries of one index blob, about 70 MB; Kopia reads sets of any number.
const MOST_ENTRIES: u64 = 2_000_000;
/// With fewer entries in an index blob there would be too many of them.
const FEWEST_ENTRIES: u64 = 100_000;
/// Bytes that are read at once, at most: more would not read faster.
const LARGEST_WINDOW: u64 = 16 << 20;
const SMALLEST_WINDOW: u64 = 1 << 20;
/// Packs on their way to the store.
const LONGEST_QUEUE: u64 = 3;

/// Sizes that the repository's format sets, in bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Sizes {
    /// The longest content.
    pub(super) content: u64,
    /// A pack has no more than these.
    pub(super) pack: u64,
}

/// What maintenance holds at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Limits {
    /// Threads that read directories.
    pub(super) workers: usize,
    /// Bytes of a pack that are read at once; a single content may be longer.
    pub(super) window: u64,
    /// Finished packs that wait for the store.
    pub(super) queue: u64,
    /// Entries of one index blob.
    pub(super) entries: u64,
}

impl Limits {
    /// The limits for at most `workers` threads in `memory` bytes; no limit is 64 MiB and 64 MiB for each worker.
    ///
    /// # Errors
    /// Invalid: not even the least fits; the message says how much would do.
    pub(super) fn new(memory: Option<u64>, workers: usize, sizes: Sizes) -> Result<Limits> {
        let workers = workers.max(1);
        let smallest = Limits { workers: 1, window: SMALLEST_WINDOW, queue: 1, entries: FEWEST_ENTRIES };
        let least = smallest.bytes(sizes);
        let memory = memory.unwrap_or_else(|| USUAL.saturating_mul(1 + workers as u64).max(least));
        if least > memory {
            let reason = format!("at least {} MiB are needed", least.div_ceil(1 << 20));
            return Err(Error::invalid(format!("memory of {memory} bytes"), reason));
        }
        let room = memory.saturating_sub(RESERVE);
        let most = usize::try_from(room / DIRECTORY).unwrap_or(usize::MAX);
        let mut limits = Limits { workers: workers.min(most.max(1)), ..smallest };
        limits.entries = (room / ENTRY).clamp(FEWEST_ENTRIES, MOST_ENTRIES);
        while let Some(larger) = limits.step().filter(|larger| larger.bytes(sizes) <= memory) {
            limits = larger;
        }
        Ok(limits)
    }

    /// More to read at once, then more on its way.
    fn step(&self) -> Option<Limits> {
        match () {
            () if self.window < LARGEST_WINDOW => Some(Limits { window: self.window * 2, ..*self }),
            () if self.queue < LONGEST_QUEUE => Some(Limits { queue: self.queue + 1, ..*self }),
            () => None,
        }
    }

    /// The bytes that these limits allow.
    fn bytes(&self, sizes: Sizes) -> u64 {
        let window = self.window.max(sizes.content).saturating_add(sizes.content);
        let walking = (self.workers as u64).saturating_mul(DIRECTORY);
        let moving = window.saturating_add(sizes.pack.saturating_mul(self.queue.saturating_add(2)));
        let merging = self.entries.saturating_mul(ENTRY);
        RESERVE.saturating_add(walking.max(moving).max(merging))
    }
}

#[cfg(test)]
mod tests {
    use super::{LARGEST_WINDOW, Limits, MOST_ENTRIES, RESERVE, Sizes};

    const SIZES: Sizes = Sizes { content: 8 << 20, pack: 20 << 20 };

    #[test]
    fn the_limits_fit_the_memory_whatever_is_asked_for() {
        for memory in (140..2000).step_by(37).map(|mib| mib << 20) {
            for workers in [1, 2, 8, 64, 1000] {
                let limits = Limits::new(Some(memory), workers, SIZES).unwrap();
                assert!(limits.bytes(SIZES) <= memory, "{limits:?}");
                assert!((1..=workers).contains(&limits.workers), "{limits:?}");
            }
        }
    }

    #[test]
    fn little_memory_means_less_of_everything_and_too_little_is_refused_with_the_least_that_would_do() {
        let much = Limits::new(None, 8, SIZES).unwrap();
        assert_eq!(much, Limits { workers: 8, window: LARGEST_WINDOW, queue: 3, entries: MOST_ENTRIES });
        let little = Limits::new(Some(140 << 20), 16, SIZES).unwrap();
        assert_eq!((little.workers, little.queue), (10, 1));
        assert!(little.window < much.window && little.entries < much.entries, "{little:?}");
        Limits::new(None, 1, SIZES).unwrap();
        let refused = Limits::new(Some(RESERVE), 1, SIZES).unwrap_err().to_string();
        let least: u64 = refused.split(' ').filter_map(|word| word.parse().ok()).next_back().unwrap();
        Limits::new(Some(least << 20), 1, SIZES).unwrap();
        assert!(Limits::new(Some((least - 1) << 20), 1, SIZES).is_err(), "{refused}");
    }
}
