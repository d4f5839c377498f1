//! Which contents need not be written, because they are there or on their way.

use super::lost::Lost;
use crate::repository::content::ContentId;
use crate::repository::index::{Row, Table, View};
use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks between which the contents on their way are divided.
const SHARDS: usize = 64;
/// Bits for each content that the repository has at the beginning: one in seventy is mistaken for relied on.
const BITS: usize = 16;
/// Least and most bits.
const RANGE: std::ops::RangeInclusive<usize> = (1 << 20)..=(1 << 30);

/// What the session knows of contents.
pub(super) struct Known {
    on_their_way: Vec<Mutex<HashSet<ContentId>>>,
    /// A Bloom filter with two bits for each content that was not written because it was there. Exact lists of millions
    /// of contents would take as much memory as the index.
    relied_on: Vec<AtomicU64>,
    lost: Lost,
}

impl Known {
    /// For a repository with that many contents, of which some may be lost.
    pub(super) fn new(contents: usize, lost: Lost) -> Self {
        let bits = contents.saturating_mul(BITS).clamp(*RANGE.start(), *RANGE.end()).next_power_of_two();
        Known {
            on_their_way: (0..SHARDS).map(|_| Mutex::default()).collect(),
            relied_on: (0..bits / 64).map(|_| AtomicU64::new(0)).collect(),
            lost,
        }
    }

    /// Which of these contents are there, so that they need not be written.
    pub(super) fn there(&self, view: &View, contents: &[ContentId]) -> Vec<bool> {
        if self.lost.is_empty() {
            return view.has_all(contents);
        }
        contents.iter().map(|content| view.find(content).is_some_and(|(_, row)| self.has(&row))).collect()
    }

    fn has(&self, row: &Row<'_>) -> bool {
        !row.deleted && !self.lost.has(row)
    }

    /// Takes it upon the caller to write `content`, and says with what time at least; `None` if it need not be written.
    pub(super) fn claim(&self, view: &View, content: &ContentId, now: i64) -> Option<i64> {
        self.rely_on(content);
        let found = view.find(content);
        if found.as_ref().is_some_and(|(_, row)| self.has(row)) || !self.shard(content).insert(*content) {
            return None;
        }
        Some(found.map_or(now, |(_, row)| later(now, &row)))
    }

    /// Notes that nobody writes these any more: the index has them now.
    pub(super) fn arrived(&self, table: &Table) {
        for entry in table.iter() {
            self.shard(&entry.content).remove(&entry.content);
        }
    }

    pub(super) fn rely_on(&self, content: &ContentId) {
        for (word, bit) in self.places(content) {
            if let Some(word) = self.relied_on.get(word) {
                word.fetch_or(bit, Ordering::Relaxed);
            }
        }
    }

    /// As [`Known::rely_on`], of many contents. All places are looked at before the first is changed: memory brings many of
    /// them in little more time than one, which a change would wait for.
    pub(super) fn rely_on_all<'a>(&self, contents: impl Iterator<Item = &'a ContentId> + Clone) {
        for (word, _) in contents.clone().flat_map(|content| self.places(content)) {
            std::hint::black_box(self.relied_on.get(word).map(|word| word.load(Ordering::Relaxed)));
        }
        contents.for_each(|content| self.rely_on(content));
    }

    /// Whether `content` may be relied on; false is certain.
    pub(super) fn may_be_relied_on(&self, content: &ContentId) -> bool {
        let is_set = |(word, bit)| {
            self.relied_on.get(word).is_some_and(|word: &AtomicU64| word.load(Ordering::Relaxed) & bit != 0)
        };
        self.places(content).into_iter().all(is_set)
    }

    fn shard(&self, content: &ContentId) -> MutexGuard<'_, HashSet<ContentId>> {
        let first = content.hash().first().copied().unwrap_or(0);
        let shard = &self.on_their_way[usize::from(first) % SHARDS]; // there are that many
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Word and bit of two places. The hash is keyed, so nobody can aim at them.
    fn places(&self, content: &ContentId) -> [(usize, u64); 2] {
        let bits = self.relied_on.len() as u64 * 64; // a power of two, not above 2^30
        [0, 4].map(|from| {
            let mut number = [0; 4];
            number.iter_mut().zip(content.hash().iter().skip(from)).for_each(|(to, byte)| *to = *byte);
            let place = u64::from(u32::from_le_bytes(number)) & (bits - 1);
            ((place / 64) as usize, 1 << (place % 64))
        })
    }
}

/// A time that makes an entry count instead of this one.
pub(super) fn later(now: i64, row: &Row<'_>) -> i64 {
    now.max(row.timestamp.saturating_add(1))
}
