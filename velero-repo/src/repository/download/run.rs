//! What the threads of one restore share, and how they end.

use std::collections::HashSet;
use std::io::{self, ErrorKind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::Scope;

use crossbeam_channel::bounded;
use tokio_util::sync::CancellationToken;

use super::batch::Tasks;
use super::fetch::{Packs, Planned};
use super::folder::Folder;
use super::memory::Plan;
use super::report::{DownloadReport, Progress, count};
use super::walk::{BATCH, Walk};
use super::{Download, DownloadOptions};
use crate::repository::browse::Found;
use crate::repository::open::Repository;
use crate::repository::tree::{Kind, Refused, Sink};
use crate::{Error, Result};

/// Regions that are planned ahead for each thread that reads.
const AHEAD: usize = 2;

/// What the threads of one restore share.
pub(super) struct Run {
    pub(super) what: Found,
    pub(super) options: DownloadOptions,
    pub(super) repository: Repository,
    pub(super) sink: Arc<dyn Sink>,
    pub(super) progress: Arc<Progress>,
    pub(super) packs: Packs,
    cancel: CancellationToken,
    stopped: AtomicBool,
    outcome: Mutex<Outcome>,
    /// Files and links that have no final name yet.
    unfinished: Mutex<HashSet<Vec<u8>>>,
}

#[derive(Default)]
struct Outcome {
    failure: Option<Error>,
    report: DownloadReport,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Run {
    pub(super) fn new(
        download: Download,
        repository: Repository,
        sink: Arc<dyn Sink>,
        cancel: CancellationToken,
    ) -> Run {
        Run {
            what: download.what,
            options: download.options,
            repository,
            sink,
            progress: download.progress,
            packs: Packs::default(),
            cancel,
            stopped: AtomicBool::new(false),
            outcome: Mutex::default(),
            unfinished: Mutex::default(),
        }
    }

    /// Restores, on this thread and those of the plan.
    pub(super) fn download(&self, plan: Plan) -> Result<DownloadReport> {
        std::thread::scope(|scope| {
            let tasks = match plan.readers {
                0 => self.start_local(scope, &plan),
                _ => self.start_remote(scope, &plan),
            };
            if let Err(error) = Walk::new(self, plan, tasks).tree() {
                self.stop(error);
            }
        });
        self.finish()
    }

    /// Starts workers that read for themselves, and some more for parts of files.
    fn start_local<'a>(&'a self, scope: &'a Scope<'a, '_>, plan: &Plan) -> Tasks {
        let (whole, wholes) = bounded(AHEAD * plan.workers);
        let (parts, incoming) = bounded(BATCH);
        let (planned, longest) = (Planned { whole: wholes, parts: incoming }, plan.longest_region);
        for _ in 0..plan.workers {
            let planned = planned.clone();
            scope.spawn(move || self.work(&planned, longest));
        }
        for _ in 0..plan.writers {
            let planned = planned.clone();
            scope.spawn(move || self.work_on_parts(&planned, longest));
        }
        Tasks { whole, parts }
    }

    /// Starts readers, and workers that take what those have read.
    fn start_remote<'a>(&'a self, scope: &'a Scope<'a, '_>, plan: &Plan) -> Tasks {
        let (tasks, planned) = bounded(AHEAD * plan.readers);
        let (fetched, arrived) = bounded(plan.readers);
        for _ in 0..plan.readers {
            let (planned, fetched) = (planned.clone(), fetched.clone());
            scope.spawn(move || self.read_ahead(&planned, &fetched));
        }
        for _ in 0..plan.workers {
            let arrived = arrived.clone();
            scope.spawn(move || self.work_on_fetched(&arrived));
        }
        Tasks { whole: tasks.clone(), parts: tasks }
    }

    fn finish(&self) -> Result<DownloadReport> {
        for path in lock(&self.unfinished).drain() {
            if let Err(error) = self.sink.remove(&path, Kind::File) {
                tracing::warn!(path = %String::from_utf8_lossy(&path), %error, "an unfinished file stays");
            }
        }
        let Outcome { failure, report } = std::mem::take(&mut *lock(&self.outcome));
        if let Some(error) = failure {
            return Err(error);
        }
        self.check_cancelled()?;
        if self.options.sync {
            self.sink.sync().map_err(|source| failed(b"", source))?;
        }
        let done = self.progress.status();
        Ok(DownloadReport {
            directories: done.directories,
            files: done.files,
            links: done.links,
            bytes: done.bytes,
            kept: done.kept,
            ..report
        })
    }

    /// Whether there is no use in going on.
    pub(super) fn is_over(&self) -> bool {
        self.stopped.load(Ordering::Relaxed) || self.cancel.is_cancelled()
    }

    pub(super) fn check_cancelled(&self) -> Result<()> {
        match self.cancel.is_cancelled() {
            true => Err(Error::Cancelled { what: "the restore".to_owned() }),
            false => Ok(()),
        }
    }

    /// Ends the restore. The first failure counts.
    pub(super) fn stop(&self, error: Error) {
        lock(&self.outcome).failure.get_or_insert(error);
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Notes that an entry can not be restored; ends the restore unless that is to be ignored.
    pub(super) fn fail(&self, path: &[u8], error: Error) {
        count(&self.progress.failed);
        if !self.options.ignore_errors || is_general(&error) {
            let path = String::from_utf8_lossy(path).into_owned();
            return self.stop(Error::Entry { operation: "restoring", path, source: Box::new(error) });
        }
        lock(&self.outcome).report.failed.add(path, chain(&error));
    }

    /// Notes that an entry differs from what the snapshot says.
    pub(super) fn warn(&self, path: &[u8], reason: impl Into<String>) {
        lock(&self.outcome).report.warnings.add(path, reason);
    }

    /// Notes what of an entry's attributes could not be set.
    pub(super) fn warn_refused(&self, path: &[u8], refused: Refused) {
        for (what, error) in refused.named() {
            self.warn(path, format!("its {what} could not be set: {error}"));
        }
    }

    /// Notes that an entry of a folder is complete, which may complete the folder and those above it.
    pub(super) fn release(&self, folder: &Arc<Folder>) {
        folder.release(|folder| {
            if !self.is_over() {
                let path = folder.path();
                self.warn_refused(&path, self.sink.set_attributes(&path, Kind::Directory, &folder.attributes));
            }
        });
    }

    /// Notes a name that must not stay.
    pub(super) fn begin_unfinished(&self, path: &[u8]) {
        lock(&self.unfinished).insert(path.to_vec());
    }

    /// Notes that the name is gone.
    pub(super) fn end_unfinished(&self, path: &[u8]) {
        lock(&self.unfinished).remove(path);
    }
}

/// The sink's refusal, of an entry that the message around it names.
pub(super) fn failed(path: &[u8], source: io::Error) -> Error {
    Error::Io { operation: "writing", path: String::from_utf8_lossy(path).into_owned(), source }
}

/// Whether every other entry would fail too: the disk is full, or the store does not answer.
fn is_general(error: &Error) -> bool {
    match error {
        Error::Io { source, .. } => matches!(source.kind(), ErrorKind::StorageFull | ErrorKind::QuotaExceeded),
        Error::Store { .. } => error.kind() != crate::ErrorKind::NotFound,
        _ => false,
    }
}

/// An error and what caused it, in one line.
pub(super) fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
