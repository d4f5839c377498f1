//! One maintenance at a time.
//!
//! The format has no lock. What there is: the owner in the parameters, which every program respects; the schedule, which
//! is written before anything is done, so that whoever comes later sees that nothing is due. Ours adds two things. Where
//! the repository is a directory, a file lock in it, which ends with the process. Everywhere, a run of a task of our
//! own in the schedule, without a successful end: another one of ours sees it and refuses, until it has said nothing for
//! six hours. Every change of the schedule is written only over what was read where the store can do that (S3), so of
//! two that begin at the same moment one fails; elsewhere both read it back, and one that does not find itself stops.
//!
//! Not protected: a run of Kopia by the same owner at the same time, forced against the schedule, and on stores
//! without conditional writes two that begin within one round trip of each other.

use super::Cycle;
use super::parameters::Parameters;
use super::schedule::{Schedule, Task, TaskRun};
use crate::error::{Error, Result};
use crate::repository::blob::{Seen, blocking};
use crate::repository::format::MAX_FORMAT_BLOB;
use crate::repository::gojson::Time;
use crate::repository::name::{BlobId, MAINTENANCE, hex};
use crate::repository::open::{Identity, Repository};
use crate::repository::seal::random;
use jiff::{SignedDuration, Timestamp};
use std::fs::{File, OpenOptions, TryLockError};
use std::future::Future;

/// The task whose run says that one of ours is under way.
const UNDER_WAY: &str = "velero-maintenance";
/// The file that is locked in a directory; no blob's name ends like this.
const LOCK_FILE: &str = ".velero-maintenance.lock";
/// A run that has said nothing for so long is over.
const SILENCE: SignedDuration = SignedDuration::from_hours(6);
/// How far the clocks of this machine and of the store may differ.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);
/// How often a change of the schedule is tried when others change it, too.
const TRIES: usize = 5;

/// The right to run maintenance, for one run.
pub(super) struct Exclusive {
    repository: Repository,
    start: Timestamp,
    run: String,
    machine: String,
    lock: Option<File>,
}

/// The schedule as it is stored, or an empty one if there is none.
///
/// # Errors
/// Corrupt: it can not be read. The store's.
pub(super) async fn load(repository: &Repository) -> Result<(Schedule, Seen)> {
    let (sealed, seen) = repository.blobs().get_seen(&BlobId::new(MAINTENANCE)?, MAX_FORMAT_BLOB as u64).await?;
    let schedule = sealed.map(|sealed| parse(repository, &sealed)).transpose()?;
    Ok((schedule.unwrap_or_default(), seen))
}

fn parse(repository: &Repository, sealed: &[u8]) -> Result<Schedule> {
    Schedule::parse(&repository.format().open_schedule(sealed)?)
}

impl Exclusive {
    /// Begins: writes the schedule with the next times of `cycle`, and learns from the store what time it is.
    ///
    /// # Errors
    /// Locked: another run is under way. Invalid: the clocks of this machine and of the store differ by more than five
    /// minutes. Corrupt: the schedule. The store's.
    pub(super) async fn begin(repository: &Repository, cycle: Cycle, parameters: &Parameters) -> Result<Self> {
        let mut exclusive = Exclusive {
            repository: repository.clone(),
            start: repository.now(),
            run: hex(&random::<8>()),
            machine: Identity::of_this_process().hostname,
            lock: lock(repository).await?,
        };
        let now = repository.now();
        let after = |interval| Time::try_from(now.checked_add(interval).unwrap_or(Timestamp::MAX));
        let (full, quick) = (after(parameters.full.interval())?, after(parameters.quick.interval())?);
        let mine = exclusive.under_way()?;
        let begin = |schedule: &mut Schedule| {
            exclusive.check_others(schedule)?;
            schedule.next_quick = quick;
            if cycle == Cycle::Full {
                schedule.next_full = full;
            }
            schedule.report(UNDER_WAY, mine.clone());
            Ok(())
        };
        exclusive.renew_damaged().await?;
        exclusive.change(begin).await?;
        exclusive.start = match exclusive.check_begun().await {
            Ok(start) => start,
            Err(error) => {
                exclusive.end(&Err(Error::invalid("maintenance", error.to_string()))).await?;
                return Err(error);
            }
        };
        Ok(exclusive)
    }

    /// Puts an empty schedule in the place of one that can not be read. Nothing is lost that is dangerous to lose: without
    /// earlier collections no deletion becomes final.
    async fn renew_damaged(&self) -> Result<()> {
        let id = BlobId::new(MAINTENANCE)?;
        let (sealed, seen) = self.repository.blobs().get_seen(&id, MAX_FORMAT_BLOB as u64).await?;
        match sealed.map(|sealed| parse(&self.repository, &sealed)) {
            Some(Err(error)) => {
                tracing::warn!(%error, "the maintenance schedule is written anew");
                let sealed = self.repository.format().seal_schedule(&Schedule::default().json()?)?;
                self.repository.blobs().put_over(&id, sealed.into(), &seen).await.map(drop)
            }
            _ => Ok(()),
        }
    }

    /// When it began, by the store's clock.
    pub(super) fn start(&self) -> Timestamp {
        self.start
    }

    /// Whether the schedule that was written is ours, and what time the store says it is.
    async fn check_begun(&self) -> Result<Timestamp> {
        let (schedule, _) = load(&self.repository).await?;
        self.check_mine(&schedule)?;
        let written = self.repository.blobs().stat(&BlobId::new(MAINTENANCE)?).await?;
        let written =
            written.ok_or_else(|| Error::corrupt(MAINTENANCE, "the store confirmed it and does not have it"))?;
        let now = self.repository.now();
        if written.modified.duration_since(now).abs() > CLOCK_TOLERANCE {
            let reason = format!("its clock says {}, and this machine's {now}; set them right", written.modified);
            return Err(Error::invalid(self.repository.blobs().address(), reason));
        }
        Ok(written.modified)
    }

    fn under_way(&self) -> Result<TaskRun> {
        let now = Time::try_from(self.repository.now())?;
        let error = format!("under way: {} by {} on {}", self.run, self.repository.identity(), self.machine);
        Ok(TaskRun { start: now, end: now, error, ..TaskRun::default() })
    }

    /// Refuses while another one of ours is under way. One that died on this machine has lost its file lock.
    fn check_others(&self, schedule: &Schedule) -> Result<()> {
        let Some(other) = schedule.runs_of(UNDER_WAY).first().filter(|run| !run.success) else { return Ok(()) };
        let silent = self.repository.now().duration_since(other.end.timestamp());
        let died = self.lock.is_some() && other.error.ends_with(&format!(" on {}", self.machine));
        match other.error.starts_with("under way: ") && silent < SILENCE && !died {
            true => Err(Error::locked("maintenance", format!("{} since {}", other.error, other.start.timestamp()))),
            false => Ok(()),
        }
    }

    fn check_mine(&self, schedule: &Schedule) -> Result<()> {
        let mark = format!("under way: {} ", self.run);
        match schedule.runs_of(UNDER_WAY).first().is_some_and(|run| run.error.starts_with(&mark)) {
            true => Ok(()),
            false => Err(Error::locked("maintenance", "another run has begun meanwhile")),
        }
    }

    /// Changes the schedule, as it is then.
    async fn change(&self, change: impl Fn(&mut Schedule) -> Result<()>) -> Result<()> {
        let id = BlobId::new(MAINTENANCE)?;
        for _ in 0..TRIES {
            let (mut schedule, seen) = load(&self.repository).await?;
            change(&mut schedule)?;
            let sealed = bytes::Bytes::from(self.repository.format().seal_schedule(&schedule.json()?)?);
            if self.repository.blobs().put_over(&id, sealed.clone(), &seen).await? {
                return Ok(());
            }
            // The answer to an earlier try may be lost, and not the blob.
            if self.repository.blobs().get(&id, MAX_FORMAT_BLOB as u64).await?.as_ref() == Some(&sealed) {
                return Ok(());
            }
        }
        Err(Error::locked(MAINTENANCE, "others change it faster than it can be written"))
    }

    /// Does a task, and reports how it went.
    ///
    /// # Errors
    /// The task's. Locked: another run has begun meanwhile; nothing more may be done.
    pub(super) async fn task<T>(&self, task: Task, work: impl Future<Output = Result<T>>) -> Result<T> {
        let start = Time::try_from(self.repository.now())?;
        let done = work.await;
        let run = TaskRun {
            start,
            end: Time::try_from(self.repository.now())?,
            success: done.is_ok(),
            error: done.as_ref().err().map(ToString::to_string).unwrap_or_default(),
            ..TaskRun::default()
        };
        let report = |schedule: &mut Schedule| {
            self.check_mine(schedule)?;
            self.touch(schedule)?;
            schedule.report(task.name(), run.clone());
            Ok(())
        };
        match (done, self.change(report).await) {
            (Err(error), _) | (Ok(_), Err(error)) => Err(error),
            (Ok(done), Ok(())) => Ok(done),
        }
    }

    /// Says that it goes on.
    ///
    /// # Errors
    /// Locked: another run has begun meanwhile; nothing more may be done.
    pub(super) async fn say_so(&self) -> Result<()> {
        self.change(|schedule| {
            self.check_mine(schedule)?;
            self.touch(schedule)
        })
        .await
    }

    fn touch(&self, schedule: &mut Schedule) -> Result<()> {
        let now = Time::try_from(self.repository.now())?;
        let run = schedule.runs.get_mut(UNDER_WAY).and_then(|runs| runs.first_mut());
        run.into_iter().for_each(|run| run.end = now);
        Ok(())
    }

    /// Reports how all of it went, and lets others begin.
    pub(super) async fn end(self, done: &Result<()>) -> Result<()> {
        let failed = done.as_ref().err().map(|error| format!("failed: {error}")).unwrap_or_default();
        self.change(|schedule| {
            self.check_mine(schedule)?;
            self.touch(schedule)?;
            if let Some(run) = schedule.runs.get_mut(UNDER_WAY).and_then(|runs| runs.first_mut()) {
                run.success = failed.is_empty();
                run.error.clone_from(&failed);
            }
            Ok(())
        })
        .await
    }
}

/// Locks the directory of the repository, if it is in one.
async fn lock(repository: &Repository) -> Result<Option<File>> {
    let Some(path) = repository.blobs().directory().map(|root| root.join(LOCK_FILE)) else { return Ok(None) };
    blocking(move || {
        let failed = |source| Error::Io { operation: "locking", path: path.display().to_string(), source };
        let file = OpenOptions::new().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => {
                Err(Error::locked("maintenance", "another process on this machine runs it at present"))
            }
            Err(TryLockError::Error(source)) => {
                Err(Error::Io { operation: "locking", path: path.display().to_string(), source })
            }
        }
    })
    .await
}
