//! A snapshot becomes a tree.
//!
//! ```text
//! walk > files in batches > contents by pack and offset > regions > read, open, expand > write in any order > attributes
//! ```
//!
//! Comes in: the entry of a snapshot ([`browse::resolve`](super::browse::resolve)), a [`Sink`], options. Goes out: the
//! tree, and a [`DownloadReport`] that names what is absent and what differs. Refused: names that lead elsewhere, by the
//! directory's reader; whatever exists already, as [`Overwrite`] says; contents of which one bit differs.
//!
//! One thread walks and plans. It resolves the contents of a few thousand files at a time and sorts them by their place,
//! so that every stretch of a pack is read once, whatever files it belongs to. Workers read such a region, open its
//! contents and write them where they belong, in any order.
//!
//! What is short and of one content is opened before its file is created, and written by one call. Everything else, and
//! what replaces something, is filled as `.velero-restore-…` beside its place and renamed when it is whole. Only a crash
//! or a lost machine leaves such files behind, or one short file for each worker that is empty or ends early, and that
//! has neither the owner nor the time of its entry.
//! Directories get owner, mode and time when all below them is complete; the time is that of the entry, unlike Kopia,
//! which takes the newest time below it.

mod batch;
mod extra;
mod fetch;
mod folder;
mod job;
mod memory;
mod options;
mod place;
mod plan;
mod report;
mod room;
mod run;
#[cfg(test)]
mod tests;
mod walk;
mod write;

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use super::blob::blocking;
use super::browse::Found;
use super::open::Repository;
use super::splitter::Splitter;
use super::tree::Sink;
use crate::Result;
use run::Run;

pub use memory::{Plan, Sizes};
pub use options::{DownloadOptions, Overwrite};
pub use plan::{Change, DownloadPlan, Sort};
pub use report::{DownloadReport, Progress, Status};

pub use super::upload::{Trouble, Troubles};

/// A restore that is to be made.
#[derive(Clone, Debug)]
pub struct Download {
    /// What is restored.
    pub what: Found,
    /// What is overwritten, left out and tolerated.
    pub options: DownloadOptions,
    /// Threads that open contents and write; fewer if memory is short.
    pub workers: usize,
    /// Bytes of memory to stay within beside the index; none is 64 MiB and 64 MiB for each worker.
    pub memory: Option<u64>,
    /// Counters to look at meanwhile.
    pub progress: Arc<Progress>,
    /// Cancels the restore.
    pub cancel: CancellationToken,
}

impl Download {
    /// A restore of `what` with all processors and Kopia's default options.
    pub fn new(what: Found) -> Download {
        Download {
            what,
            options: DownloadOptions::default(),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            memory: None,
            progress: Arc::default(),
            cancel: CancellationToken::new(),
        }
    }

    /// Restores into `sink`. A directory fills the sink's root; a file or link becomes an entry of it, or the root itself
    /// where that is a file. A block volume is written to the sink's root, or to a file `device` in it.
    ///
    /// # Errors
    /// Cancelled. Unless errors are ignored, the first entry that can not be restored, by name. A full disk in any case.
    /// What was restored before stays; nothing half-written has its final name.
    pub async fn run(self, repository: &Repository, sink: Arc<dyn Sink>) -> Result<DownloadReport> {
        let plan = self.memory_plan(repository)?;
        let cancel = self.cancel.child_token();
        let _stop_when_dropped = cancel.clone().drop_guard();
        let run = Run::new(self, repository.clone(), sink, cancel);
        blocking(move || run.download(plan)).await
    }

    /// What a restore with deletion of all else would change in `sink`. Nothing is changed.
    ///
    /// # Errors
    /// A directory of the snapshot or of the sink that can not be read; cancelled.
    pub async fn plan(&self, repository: &Repository, sink: Arc<dyn Sink>) -> Result<DownloadPlan> {
        let run = Run::new(self.clone(), repository.clone(), sink, self.cancel.clone());
        blocking(move || plan::compare(&run)).await
    }

    /// Restores in place: deletes what `plan` says, then restores and overwrites.
    ///
    /// # Errors
    /// Invalid: snapshot or target are not as they were when the plan was made; nothing was changed then. Those of
    /// [`Download::run`].
    pub async fn apply(
        self,
        plan: &DownloadPlan,
        repository: &Repository,
        sink: Arc<dyn Sink>,
    ) -> Result<DownloadReport> {
        let now = self.plan(repository, sink.clone()).await?;
        now.check_same(plan)?;
        let (target, cancel) = (sink.clone(), self.cancel.clone());
        let deleted = blocking(move || extra::delete(&now, &*target, &cancel)).await?;
        let options = DownloadOptions { overwrite: Overwrite::All, ..self.options };
        let report = Download { options, ..self }.run(repository, sink).await?;
        Ok(DownloadReport { deleted, ..report })
    }

    fn memory_plan(&self, repository: &Repository) -> Result<Plan> {
        let splitter = Splitter::by_name(repository.format().splitter())?;
        let sizes = Sizes { longest_chunk: splitter.max_chunk() };
        Plan::new(self.memory, self.workers, sizes, repository.blobs().is_directory())
    }
}
