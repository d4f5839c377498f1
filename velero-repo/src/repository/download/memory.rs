//! How much a restore may hold at once, from one number: the bytes of memory it is given.
//!
//! ```text
//! memory >= reserve + (workers + writers + 2 * readers) * region + (workers + writers) * content
//! ```
//!
//! A worker or writer holds one region and one expanded content of it. Where reading waits for a network, readers hold
//! regions ahead of the workers. What was planned but not read is small: the reserve holds it. Pure: nothing is measured
//! here.

use crate::{Error, Result};

/// A batch of planned pieces, a few contents of a directory, stacks and the program itself.
const RESERVE: u64 = 48 << 20;
/// What is used when nobody sets a limit: once, and for each worker.
const USUAL: u64 = 64 << 20;
/// Regions of a local pack: large enough to hide the cost of opening it, small enough for the processor's cache.
const LOCAL_REGION: usize = 1 << 20;
/// Regions that are asked for over a network.
const REMOTE_REGION: usize = 8 << 20;
/// Bytes between two contents that are read along rather than left out: a read costs more than them.
const LOCAL_GAP: u32 = 16 << 10;
const REMOTE_GAP: u32 = 256 << 10;
/// Threads that wait for the disk; more would not make it faster.
const MOST_WRITERS: usize = 2;
/// Reads over a network at once.
const MOST_READERS: usize = 16;
/// Nonce, tag, header and error correction beside the longest content.
const SEALING: usize = 64 << 10;

/// Sizes that the repository's format sets.
#[derive(Clone, Copy, Debug)]
pub struct Sizes {
    /// The longest chunk that the splitter makes, in bytes.
    pub longest_chunk: usize,
}

/// What a restore holds at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Threads that open contents and write them.
    pub workers: usize,
    /// Threads beside them that only fill large files, and wait for the disk most of the time; where packs are local.
    pub writers: usize,
    /// Threads that read ahead; none where the workers read for themselves.
    pub readers: usize,
    /// Bytes at which a region ends; a single content may be longer.
    pub region: usize,
    /// Bytes of the longest region that there can be: a content alone.
    pub longest_region: usize,
    /// Bytes between two contents of a region at most.
    pub gap: u32,
}

impl Plan {
    /// The plan for at most `workers` threads in `memory` bytes; no limit is 64 MiB and 64 MiB for each worker. `local`:
    /// the packs are files of this machine.
    ///
    /// # Errors
    /// Invalid: not even one worker fits; the message says how much would do.
    pub fn new(memory: Option<u64>, workers: usize, sizes: Sizes, local: bool) -> Result<Plan> {
        let workers = workers.max(1);
        let memory = memory.unwrap_or(USUAL.saturating_mul(1 + workers as u64));
        let (region, gap) = if local { (LOCAL_REGION, LOCAL_GAP) } else { (REMOTE_REGION, REMOTE_GAP) };
        let longest_region = sizes.longest_chunk.saturating_add(SEALING).max(region);
        let readers = usize::from(!local);
        let smallest = |workers| Plan { workers, writers: 0, readers, region, longest_region, gap };
        let fits = |plan: &Plan| plan.bytes(sizes) <= memory;
        let plan = (1..=workers).rev().map(smallest).find(fits).ok_or_else(|| {
            let least = smallest(1).bytes(sizes).div_ceil(1 << 20);
            Error::invalid(format!("memory of {memory} bytes"), format!("at least {least} MiB are needed"))
        })?;
        let more = |number| match local {
            true => Plan { writers: number, ..plan },
            false => Plan { readers: number, ..plan },
        };
        let most = if local { MOST_WRITERS } else { MOST_READERS };
        Ok((readers..=most).rev().map(more).find(fits).unwrap_or(plan))
    }

    /// The bytes that the plan may take.
    pub fn bytes(&self, sizes: Sizes) -> u64 {
        let (content, region) = (sizes.longest_chunk as u64, self.longest_region as u64);
        let threads = (self.workers as u64).saturating_add(self.writers as u64);
        let regions = threads.saturating_add(2 * self.readers as u64);
        let contents = threads.saturating_mul(content);
        RESERVE.saturating_add(regions.saturating_mul(region)).saturating_add(contents)
    }
}

#[cfg(test)]
mod tests {
    use super::{Plan, Sizes};

    const SIZES: Sizes = Sizes { longest_chunk: 8 << 20 };

    #[test]
    fn a_plan_fits_its_memory_whatever_is_asked_for() {
        for mebibytes in [96, 128, 192, 256, 512, 65536] {
            for (workers, local) in [(1, true), (2, true), (8, true), (64, false), (1, false), (3, false)] {
                let plan = Plan::new(Some(mebibytes << 20), workers, SIZES, local).unwrap();
                assert!(plan.bytes(SIZES) <= mebibytes << 20, "{plan:?}");
                assert!((1..=workers).contains(&plan.workers) && (plan.readers == 0) == local, "{plan:?}");
            }
        }
    }

    #[test]
    fn little_memory_means_fewer_workers_and_too_little_is_refused_with_the_least_that_would_do() {
        assert_eq!(Plan::new(Some(192 << 20), 8, SIZES, true).unwrap().workers, 8);
        assert_eq!(Plan::new(Some(96 << 20), 8, SIZES, true).unwrap().workers, 2);
        assert_eq!(Plan::new(Some(192 << 20), 2, SIZES, false).unwrap().workers, 2);
        let refusal = Plan::new(Some(50 << 20), 8, SIZES, true).unwrap_err().to_string();
        assert!(refusal.contains("at least 65 MiB"), "{refusal}");
    }

    #[test]
    fn a_disk_gets_threads_of_its_own_where_there_is_memory_for_them() {
        let writers = |mebibytes: u64, workers| Plan::new(Some(mebibytes << 20), workers, SIZES, true).unwrap().writers;
        assert_eq!((writers(192, 2), writers(128, 2), writers(96, 2)), (2, 2, 0));
        assert_eq!(Plan::new(None, 2, SIZES, false).unwrap().writers, 0);
    }

    #[test]
    fn over_a_network_more_memory_means_more_reads_at_once() {
        let readers = |mebibytes: u64| Plan::new(Some(mebibytes << 20), 2, SIZES, false).unwrap().readers;
        assert!(readers(128) < readers(192) && readers(192) < readers(512), "{} {}", readers(128), readers(192));
        assert_eq!(Plan::new(None, 8, SIZES, false).unwrap().readers, 16);
    }
}
