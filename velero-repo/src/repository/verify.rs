//! Verifying: whether what a repository says it has can be restored, and what is hurt if not.
//!
//! ```text
//! index        every small blob opens; every content's pack is there and long enough
//! metadata     every directory of every snapshot is read and hashed; every file's contents are known, with the right lengths
//! sampled      some contents are read and hashed
//! everything   all of them, each pack once; the trailers of packs agree with the index
//! ```
//!
//! Comes in: an opened repository. Goes out: a [`Report`], which names each damaged blob and the files of each snapshot
//! that it hurts. Nothing is written. Kopia's fullest check never looks at trailers, at the maintenance schedule, or
//! into packs that hold only unused contents; [`Level::Everything`] does.
//!
//! Only the store's own failures end it early: one that can not be reached says nothing about what it holds. Damage
//! that another program's maintenance made up, by moving contents meanwhile, is looked at again in a fresh index.
//!
//! Memory, besides the index: three bits for each content, 4 bytes more while bytes are read, and
//! [`VerifyOptions::memory`] for everything else.

mod blobs;
mod epochs;
mod findings;
mod hurt;
pub(crate) mod marks;
pub(crate) mod objects;
mod placement;
pub(crate) mod progress;
mod read;
mod report;
mod run;
mod snapshots;
#[cfg(test)]
pub(crate) mod tests;
mod trailer;
mod trees;
mod unnamed;
pub(crate) mod walk;
pub(crate) mod windows;

use super::manifest::ManifestId;
use super::open::Repository;
use crate::error::{Error, Result};
use run::Run;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub use progress::Progress;
pub use report::{Checked, Damage, DamageKind, Hurt, Level, Report, SnapshotReport, Warning, WarningKind};

/// How often damage is looked at again because the index has changed meanwhile.
const TRIES: usize = 3;

/// How a repository is verified.
#[derive(Clone, Debug)]
pub struct VerifyOptions {
    /// How thoroughly.
    pub level: Level,
    /// Only these snapshots; all if there are none. What no snapshot uses is then read, too, at [`Level::Everything`].
    pub snapshots: Vec<ManifestId>,
    /// Threads that read and compute; each reads one thing at a time.
    pub workers: usize,
    /// Bytes of memory to stay within beside the index, all workers together. A content that does not fit is still read.
    pub memory: u64,
    /// Paths that are listed for each damage and snapshot; all are counted.
    pub paths: usize,
    /// Counters to look at meanwhile.
    pub progress: Arc<Progress>,
    /// Ends it early, with an error.
    pub cancel: CancellationToken,
}

impl VerifyOptions {
    /// All snapshots, one worker for each processor, 64 MiB and 64 MiB for each worker, ten paths.
    pub fn new(level: Level) -> Self {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        VerifyOptions {
            level,
            snapshots: Vec::new(),
            workers,
            memory: (1 + workers as u64) * (64 << 20),
            paths: 10,
            progress: Arc::default(),
            cancel: CancellationToken::new(),
        }
    }
}

/// Verifies a repository.
///
/// # Errors
/// Invalid: the memory is too little. Missing: a snapshot was asked for that is not there. Cancelled. The store's. Damage is no error: it is reported.
pub async fn verify(repository: &Repository, options: &VerifyOptions) -> Result<Report> {
    if options.memory < read::LEAST {
        let reason = format!("at least {} MiB are needed", read::LEAST.div_ceil(1 << 20));
        return Err(Error::invalid(format!("memory of {} bytes", options.memory), reason));
    }
    repository.refresh().await?;
    let mut tried = 0;
    loop {
        options.progress.reset();
        let before = repository.view().await?;
        let report = Run::report(repository, options).await?;
        tried += 1;
        if report.is_whole() || tried == TRIES || repository.refresh().await.is_err() {
            return Ok(report);
        }
        let now = repository.view().await?;
        if (now.ordinals(), now.watermark()) == (before.ordinals(), before.watermark()) {
            return Ok(report);
        }
    }
}
