//! Marks on numbered things, set by many threads: a bit for each.

use std::sync::atomic::{AtomicU64, Ordering};

/// A set of numbers below a limit. 75 million contents take 9.4 MB.
pub(crate) struct Marks(Box<[AtomicU64]>);

impl Marks {
    /// No number below `limit` is marked.
    pub(crate) fn new(limit: usize) -> Self {
        Marks((0..limit.div_ceil(64)).map(|_| AtomicU64::new(0)).collect())
    }

    /// Marks a number; whether it was not marked before. Numbers beyond the limit are never marked.
    pub(crate) fn set(&self, number: usize) -> bool {
        let bit = 1 << (number % 64);
        self.0.get(number / 64).is_some_and(|word| {
            // Most are marked already where snapshots share most, and looking is cheaper than writing.
            word.load(Ordering::Relaxed) & bit == 0 && word.fetch_or(bit, Ordering::Relaxed) & bit == 0
        })
    }

    /// Whether a number is marked.
    pub(crate) fn has(&self, number: usize) -> bool {
        self.0.get(number / 64).is_some_and(|word| word.load(Ordering::Relaxed) & (1 << (number % 64)) != 0)
    }

    /// How many are marked.
    pub(crate) fn count(&self) -> u64 {
        self.0.iter().map(|word| u64::from(word.load(Ordering::Relaxed).count_ones())).sum()
    }
}
