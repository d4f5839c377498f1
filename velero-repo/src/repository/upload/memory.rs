//! How much of everything an upload may hold at once, from one number: the bytes of memory it is given.
//!
//! ```text
//! memory >= reserve + workers * own + windows * window + (workers + queue) * pack
//! ```
//!
//! A worker that reads has a window and fills packs of its own; one that has nothing to read leaves its window to those
//! that cut a stream, and hashes for them. The queue is of packs that the store has not taken yet. With little
//! memory there are fewer workers before there are smaller windows, because a window holds the longest chunk twice or
//! nothing can be cut. Pure: nothing is measured here.

use crate::{Error, Result};

/// Results and the program itself, which alone has 25 MiB in memory; measured.
const RESERVE: u64 = 32 << 20;
/// What a worker takes beside its window and pack: directories on their way, their pack, compression; measured.
const OWN: u64 = 8 << 20;
/// Windows of this many bytes hold ten chunks of usual length, so that most of the hash's eight lanes have work until its
/// end; larger ones save less time than packs take that have to wait for room.
const LARGEST_WINDOW: usize = 40 << 20;
/// Finished packs on their way to the store; more would not upload faster.
const LONGEST_QUEUE: usize = 4;
/// What is used when nobody sets a limit: once, and for each worker.
const USUAL: u64 = 64 << 20;

/// Sizes that the repository's format sets.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// The longest chunk that the splitter makes, in bytes.
    pub longest_chunk: usize,
    /// A pack that is being filled or under way takes no more bytes than these.
    pub pack: usize,
}

/// What an upload holds at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Threads that read, hash and seal.
    pub workers: usize,
    /// Bytes of each worker's window.
    pub window: usize,
    /// Windows, one for each worker at least.
    pub windows: usize,
    /// Packs beyond one for each worker.
    pub queue: usize,
}

impl Plan {
    /// The plan for at most `workers` threads in `memory` bytes; no limit is 64 MiB and 64 MiB for each worker.
    ///
    /// # Errors
    /// Invalid: not even one worker fits; the message says how much would do.
    pub fn new(memory: Option<u64>, workers: usize, sizes: Sizes) -> Result<Plan> {
        let workers = workers.max(1);
        let memory = memory.unwrap_or(USUAL.saturating_mul(1 + workers as u64));
        let window = sizes.longest_chunk.saturating_mul(2);
        let smallest = |workers| Plan { workers, window, windows: workers, queue: 1 };
        let mut plan = (1..=workers).rev().map(smallest).find(|plan| plan.bytes(sizes) <= memory).ok_or_else(|| {
            let least = smallest(1).bytes(sizes).div_ceil(1 << 20);
            Error::invalid(format!("memory of {memory} bytes"), format!("at least {least} MiB are needed"))
        })?;
        plan.grow(memory, sizes);
        Ok(plan)
    }

    /// The bytes that the plan may take.
    pub fn bytes(&self, sizes: Sizes) -> u64 {
        let (window, pack) = (self.window as u64, sizes.pack as u64);
        let packs = (self.workers as u64).saturating_add(self.queue as u64).saturating_mul(pack);
        let windows = (self.windows as u64).saturating_mul(window);
        let own = OWN.saturating_mul(self.workers as u64);
        [own, windows, packs].into_iter().fold(RESERVE, u64::saturating_add)
    }

    /// Adds, in this order, what fits: windows with chunks for most lanes of the hash; another pack on its way, because
    /// one at a time waits for the disk; chunks for all lanes; a window that is cut while all others are hashed; more.
    fn grow(&mut self, memory: u64, sizes: Sizes) {
        let largest = LARGEST_WINDOW.max(self.window);
        let goals = [
            Plan { window: largest.min(self.window / 2 * 3), ..*self },
            Plan { queue: 2, ..*self },
            Plan { window: largest, ..*self },
            Plan { windows: self.workers + 1, ..*self },
            Plan { queue: LONGEST_QUEUE, ..*self },
            Plan { windows: 2 * self.workers, ..*self },
        ];
        for goal in goals {
            while let Some(larger) = self.step(&goal, sizes).filter(|larger| larger.bytes(sizes) <= memory) {
                *self = larger;
            }
        }
    }

    /// One step towards the goal.
    fn step(&self, goal: &Plan, sizes: Sizes) -> Option<Plan> {
        match () {
            () if self.windows < goal.windows => Some(Plan { windows: self.windows + 1, ..*self }),
            () if self.queue < goal.queue => Some(Plan { queue: self.queue + 1, ..*self }),
            () if self.window < goal.window => {
                Some(Plan { window: (self.window + sizes.longest_chunk).min(goal.window), ..*self })
            }
            () => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Plan, Sizes};

    const SIZES: Sizes = Sizes { longest_chunk: 8 << 20, pack: 20 << 20 };

    #[test]
    fn a_plan_fits_its_memory_whatever_is_asked_for() {
        for mebibytes in [128, 160, 192, 256, 512, 1024, 65536] {
            for workers in [1, 2, 3, 8, 64] {
                let plan = Plan::new(Some(mebibytes << 20), workers, SIZES).unwrap();
                assert!(plan.bytes(SIZES) <= mebibytes << 20, "{plan:?}");
                assert!(
                    (1..=workers).contains(&plan.workers) && plan.window >= 16 << 20 && plan.queue >= 1,
                    "{plan:?}"
                );
            }
        }
    }

    #[test]
    fn little_memory_means_fewer_workers_and_too_little_is_refused_with_the_least_that_would_do() {
        let two = Plan { workers: 2, window: 32 << 20, windows: 2, queue: 2 };
        assert_eq!(Plan::new(Some(192 << 20), 2, SIZES).unwrap(), two);
        assert_eq!(Plan::new(Some(192 << 20), 8, SIZES).unwrap().workers, 3);
        assert_eq!(Plan::new(Some(2 << 30), 8, SIZES).unwrap().workers, 8);
        let refusal = Plan::new(Some(64 << 20), 8, SIZES).unwrap_err().to_string();
        assert!(refusal.contains("at least 96 MiB"), "{refusal}");
    }

    #[test]
    fn without_a_limit_every_worker_has_a_large_window() {
        assert_eq!(Plan::new(None, 2, SIZES).unwrap(), Plan::new(Some(192 << 20), 2, SIZES).unwrap());
        let plan = Plan::new(None, 4, SIZES).unwrap();
        assert_eq!((plan.workers, plan.window, plan.windows, plan.queue), (4, 32 << 20, 4, 2));
    }
}
