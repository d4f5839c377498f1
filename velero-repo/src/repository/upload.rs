//! A tree becomes a snapshot.
//!
//! ```text
//! walk > slices of files > earlier snapshots? > windows: read, cut > hash, seal, pack > directories > manifest
//! ```
//!
//! Comes in: a [`Source`], who it belongs to, a policy, the snapshots to build on. Goes out: one new snapshot in the
//! repository, and an [`UploadReport`] that names what could not be read and what the format can not carry. Nothing is
//! visible before all of it is stored; an upload that fails or is cancelled leaves no snapshot. Refused: a root that can
//! not be listed, because a restore of it would be an empty directory that looks like a success.
//!
//! All workers are alike; the same tree gives the same root object whatever their number. Memory is bounded
//! by one number ([`Plan`]). Long uploads store what they have so far as incomplete snapshots, which keeps collections
//! of other programs away from contents that only this upload refers to, and lets the next upload go on from there.

mod batch;
mod checkpoint;
mod choice;
mod chunks;
mod estimate;
mod files;
mod memory;
mod names;
mod node;
mod outcome;
mod progress;
mod report;
mod reuse;
mod schedule;
mod stream;
#[cfg(test)]
pub(in crate::repository) mod tests;
mod walk;
mod window;
mod worker;

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use super::directory::Entry;
use super::gojson::Time;
use super::manifest::{Labels, ManifestId};
use super::open::Repository;
use super::policy::{self, Policy};
use super::seal::{compression::Compressor, random};
use super::session::{Session, SessionOptions, Written, held_by_a_pack};
use super::snapshot::{self, Snapshot, Stats};
use super::splitter::Splitter;
use super::tree::Source;
use crate::{Error, Result};
use choice::Choice;
use chunks::Layout;
use schedule::Schedule;
use worker::{Run, Settings, Worker};

pub use memory::{Plan, Sizes};
pub use progress::{Progress, Status};
pub use report::{Lost, Trouble, Troubles, UploadReport};

/// Longest time between two checkpoints, as Kopia has it.
pub const CHECKPOINT_INTERVAL: Duration = Duration::from_secs(45 * 60);
/// Compression of lists of contents, whatever the policy says of directories; as Kopia's default and Velero's.
const LIST_COMPRESSION: &str = "zstd-fastest";

/// An upload that is to be made.
#[derive(Clone, Debug)]
pub struct Upload {
    /// Whose tree it is.
    pub identity: snapshot::Source,
    /// The policy that counts for it, with all defaults.
    pub policy: Policy,
    /// Policies that are set for paths below it, as they stand; [`policy::below`] finds them. What counts where,
    /// [`policy::Tree`] says.
    pub below: Vec<(String, Policy)>,
    /// Tags of the snapshot.
    pub tags: Labels,
    /// Pins of the snapshot.
    pub pins: Vec<String>,
    /// Description of the snapshot.
    pub description: String,
    /// Snapshots to build on, as [`snapshot::previous`] or [`snapshot::velero_parent`] choose them. Files that have not
    /// changed since are not read.
    pub parents: Vec<Snapshot>,
    /// Store directories without compression, as Velero does whatever the policy says.
    pub plain_directories: bool,
    /// End with an error at the first entry that can not be read, as Velero does.
    pub fail_fast: bool,
    /// Threads that read, hash and seal; fewer if memory is short.
    pub workers: usize,
    /// Bytes of memory to stay within; none is 64 MiB and 64 MiB for each worker.
    pub memory: Option<u64>,
    /// Longest time between two checkpoints; more than [`CHECKPOINT_INTERVAL`] is not safe and counts as that.
    pub checkpoint_interval: Duration,
    /// Count files and bytes ahead, for a progress with a total.
    pub estimate: bool,
    /// When cancelled, keep what there is as an incomplete snapshot.
    pub keep_cancelled: bool,
    /// Counters to look at meanwhile.
    pub progress: Arc<Progress>,
    /// Cancels the upload.
    pub cancel: CancellationToken,
}

/// A snapshot that was taken.
#[derive(Clone, Debug)]
pub struct Uploaded {
    /// Its manifest.
    pub id: ManifestId,
    /// What the manifest says.
    pub snapshot: Snapshot,
    /// What was read, and what was not.
    pub report: UploadReport,
    /// What was new to the repository.
    pub written: Written,
}

impl Upload {
    /// An upload of `identity` by `policy` with all processors and nothing to build on.
    pub fn new(identity: snapshot::Source, policy: Policy) -> Upload {
        Upload {
            identity,
            policy,
            below: Vec::new(),
            tags: Labels::new(),
            pins: Vec::new(),
            description: String::new(),
            parents: Vec::new(),
            plain_directories: false,
            fail_fast: false,
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            memory: None,
            checkpoint_interval: CHECKPOINT_INTERVAL,
            estimate: false,
            keep_cancelled: false,
            progress: Arc::default(),
            cancel: CancellationToken::new(),
        }
    }

    /// An upload as Velero makes it, for the volume that `requestor` calls `real_source`.
    pub fn velero(requestor: &str, real_source: &str) -> Upload {
        let workers = std::thread::available_parallelism().map_or(1, usize::from);
        let mut policy = Policy::velero(i64::try_from(workers).unwrap_or(i64::MAX));
        policy.inherit(&Policy::kopia_default());
        Upload {
            tags: snapshot::velero_tags(requestor),
            pins: vec![snapshot::VELERO_PIN.to_owned()],
            description: snapshot::VELERO_DESCRIPTION.to_owned(),
            plain_directories: true,
            fail_fast: true,
            ..Upload::new(snapshot::Source::velero(requestor, real_source), policy)
        }
    }

    /// Takes the snapshot.
    ///
    /// # Errors
    /// Cancelled. Invalid: the policy names an unknown compressor or splitter, or memory is too short. The root can not
    /// be read; with `fail_fast`, any entry can not be read. Those of the session: nothing is visible then but
    /// checkpoints.
    pub async fn run(self, repository: &Repository, source: Arc<dyn Source>) -> Result<Uploaded> {
        let settings = self.settings(repository)?;
        let plan = self.plan(repository, &settings)?;
        let options = SessionOptions { packs_in_flight: plan.queue, cancel: self.session_cancel() };
        let session = Arc::new(Session::begin(repository, options).await?);
        let start_time = source.begun().map_or_else(|| now(repository), time);
        let name = source.name();
        let run = Arc::new(Run {
            root_name: String::from_utf8_lossy(&name).into_owned(),
            source,
            session: session.clone(),
            schedule: Schedule::new(plan.workers, plan.windows, plan.window),
            settings,
            progress: self.progress.clone(),
            report: Mutex::new(first_report(&name)),
            root: OnceLock::new(),
            parents: self.parents.iter().filter_map(|parent| parent.root.as_ref()?.object).collect(),
        });
        let watched = self.watch(&run, start_time, plan).await;
        let (root, checkpoints) = match watched {
            Ok(done) => done,
            Err(error) => {
                abandon(session, run).await;
                return Err(error);
            }
        };
        let report = std::mem::take(&mut *run.report.lock().unwrap_or_else(PoisonError::into_inner));
        let snapshot = self.snapshot(root, start_time, now(repository), "", stats(&report));
        let id = put(&session, &snapshot)?;
        checkpoints.iter().try_for_each(|checkpoint| session.delete_manifest(checkpoint))?;
        drop(run);
        let session = Arc::into_inner(session).ok_or_else(|| Error::invalid("upload", "a worker outlived it"))?;
        let written = session.commit().await?;
        Ok(Uploaded { id, snapshot, report, written })
    }

    /// The document of the snapshot, whole or not.
    fn snapshot(&self, root: Entry, start_time: Time, end_time: Time, incomplete: &str, stats: Stats) -> Snapshot {
        let whole = incomplete.is_empty();
        Snapshot {
            source: self.identity.clone(),
            description: if whole { self.description.clone() } else { String::new() },
            start_time,
            end_time,
            stats,
            incomplete: incomplete.to_owned(),
            root: Some(root),
            // An incomplete snapshot carries neither tags nor pins, so that nobody builds on it by its tags or keeps it.
            tags: if whole { self.tags.clone() } else { Labels::new() },
            pins: if whole { self.pins.clone() } else { Vec::new() },
            ..Snapshot::default()
        }
    }

    /// What ends the session at once. To keep what there is, it has to outlive the wish to end.
    fn session_cancel(&self) -> CancellationToken {
        if self.keep_cancelled { CancellationToken::new() } else { self.cancel.child_token() }
    }

    fn settings(&self, repository: &Repository) -> Result<Settings> {
        let splitter = Splitter::by_name(repository.format().splitter())?;
        let choose = |(path, policy): &(String, Policy)| Ok((path.clone(), Choice::new(policy, splitter)?));
        let below = self.below.iter().map(choose).collect::<Result<Vec<_>>>()?;
        Ok(Settings {
            policies: policy::Tree::new(Choice::new(&self.policy, splitter)?, below),
            layout: Layout { splitter, lists: Some(Compressor::by_name(LIST_COMPRESSION)?) },
            plain_directories: self.plain_directories,
            fail_fast: self.fail_fast,
        })
    }

    fn plan(&self, repository: &Repository, settings: &Settings) -> Result<Plan> {
        let chosen = settings.policies.values().map(|choice| choice.longest_chunk());
        let longest_chunk = chosen.fold(settings.layout.splitter.max_chunk(), usize::max);
        let pack = usize::try_from(repository.format().parameters.max_pack_size).unwrap_or(usize::MAX);
        let wanted = self.policy.upload.max_parallel_file_reads.and_then(|reads| usize::try_from(reads).ok());
        let workers = wanted.filter(|reads| *reads > 0).map_or(self.workers, |reads| reads.min(self.workers));
        let pack = held_by_a_pack(repository.blobs(), pack, longest_chunk);
        Plan::new(self.memory, workers, Sizes { longest_chunk, pack })
    }
}

/// A report that knows of the root's name only.
fn first_report(root: &[u8]) -> UploadReport {
    let mut report = UploadReport::default();
    if std::str::from_utf8(root).is_err() {
        report.lose(Lost::RootName, root, "the root's name is not UTF-8; it is stored with replacements");
    }
    report
}

/// The counters of a snapshot, as Kopia counts: files are those that were read, the size is that of all.
fn stats(report: &UploadReport) -> Stats {
    Stats {
        total_size: report.read_bytes + report.cached_bytes,
        excluded_total_size: report.excluded_bytes,
        file_count: report.read_files,
        cached_files: report.cached_files,
        non_cached_files: report.read_files,
        dir_count: report.directories,
        excluded_file_count: report.excluded_files,
        excluded_dir_count: report.excluded_directories,
        ignored_error_count: report.ignored.count,
        error_count: report.failed.count,
        ..Stats::default()
    }
}

/// The present, for documents.
fn now(repository: &Repository) -> Time {
    time(repository.now())
}

/// A moment, for documents.
fn time(moment: Timestamp) -> Time {
    Time::from_nanos(i64::try_from(moment.as_nanosecond()).unwrap_or(i64::MAX))
}

/// Adds the manifest of a snapshot, after it was read back as strictly as Kopia reads it.
fn put(session: &Session, snapshot: &Snapshot) -> Result<ManifestId> {
    snapshot.to_record(ManifestId::from_random(random()), snapshot.end_time)?;
    session.put_manifest(snapshot.labels(), snapshot)
}

/// Ends the session without leaving anything that is visible.
async fn abandon(session: Arc<Session>, run: Arc<Run>) {
    drop(run);
    if let Some(session) = Arc::into_inner(session) {
        session.abandon().await;
    }
}
