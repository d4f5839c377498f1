//! Watching over the workers: what was written is made visible from time to time, and so is the tree as far as it is.
//!
//! Two intervals. Contents become visible every ten minutes or so, as the session says, so that a crash loses little of
//! the work. A snapshot that is not complete is stored every 45 minutes at most: a collection of another program may
//! mark contents that only this upload refers to, and revives them when it sees a snapshot that does.

use std::sync::{Arc, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, interval, sleep_until};

use super::estimate::Scan;
use super::schedule::Rest;
use super::{CHECKPOINT_INTERVAL, Plan, Run, Upload, Worker, now, put, stats};
use crate::repository::directory::Entry;
use crate::repository::gojson::Time;
use crate::repository::manifest::ManifestId;
use crate::repository::snapshot::{CANCELED, CHECKPOINT};
use crate::{Error, Result};

/// Stack of a worker in bytes, of which only what is used takes memory: a checkpoint goes down the tree as deep as it is.
const STACK: usize = 16 << 20;
/// How often the session is asked whether it has enough to be made visible.
const LOOK: Duration = Duration::from_secs(5);

impl Upload {
    /// Runs the workers, and makes visible what has to be meanwhile. Answers the root, and the incomplete snapshots that
    /// the final one replaces.
    pub(super) async fn watch(&self, run: &Arc<Run>, start: Time, plan: Plan) -> Result<(Entry, Vec<ManifestId>)> {
        let mut workers = start_workers(run, plan);
        let _guard = StopOnDrop(run);
        let policies = &run.settings.policies;
        let scan = || Scan::start(run.source.clone(), policies.clone(), self.progress.clone());
        let _scan = self.estimate.then(scan).transpose()?;
        let mut look = interval(LOOK);
        let every = self.checkpoint_interval.min(CHECKPOINT_INTERVAL);
        let mut next = Instant::now() + every;
        let mut stored = Vec::new();
        let mut failed = None;
        loop {
            let step = tokio::select! {
                biased;
                _ = &mut workers => break,
                () = self.cancel.cancelled(), if failed.is_none() => self.stop(run, start, &mut stored).await,
                () = sleep_until(next), if failed.is_none() => {
                    next = Instant::now() + every;
                    self.checkpoint(run, start, CHECKPOINT, &mut stored).await
                }
                _ = look.tick(), if failed.is_none() => match run.session.is_checkpoint_due() {
                    true => run.session.checkpoint().await,
                    false => Ok(()),
                },
            };
            if let Err(error) = step {
                run.schedule.fail(Error::invalid("upload", "it was stopped"));
                failed = Some(error);
            }
        }
        match failed {
            Some(error) => Err(error),
            None => run.schedule.outcome().map(|root| (root, stored)),
        }
    }

    /// Ends the upload because somebody wants it; always an error.
    async fn stop(&self, run: &Arc<Run>, start: Time, stored: &mut Vec<ManifestId>) -> Result<()> {
        if self.keep_cancelled {
            self.checkpoint(run, start, CANCELED, stored).await?;
        }
        Err(Error::Cancelled { what: format!("the upload of {}", self.identity) })
    }

    /// Stores the tree as far as it is in place of the checkpoints before.
    async fn checkpoint(
        &self,
        run: &Arc<Run>,
        start: Time,
        reason: &'static str,
        stored: &mut Vec<ManifestId>,
    ) -> Result<()> {
        let (reply, answer) = oneshot::channel();
        run.schedule.ask_for_rest(Rest { checkpoint: Some(reason), reply });
        // No answer: everything was over before the workers came to rest, or there is no tree yet.
        let Ok(Some(root)) = answer.await else { return Ok(()) };
        let repository = run.session.repository();
        let report = run.report.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let snapshot = self.snapshot(root, start, now(repository), reason, stats(&report));
        let id = put(&run.session, &snapshot)?;
        for before in std::mem::replace(stored, vec![id]) {
            run.session.delete_manifest(&before)?;
        }
        run.session.checkpoint().await
    }
}

/// Stops the workers when nobody waits for the upload any more.
struct StopOnDrop<'a>(&'a Run);

impl Drop for StopOnDrop<'_> {
    fn drop(&mut self) {
        self.0.schedule.fail(Error::Cancelled { what: "an upload that nobody waits for".to_owned() });
    }
}

/// Stops the workers when one of them panics, which is a fault of this program: the others would wait for it.
struct StopOnFall<'a>(&'a Run);

impl Drop for StopOnFall<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.schedule.fail(Error::invalid("upload", "one of its workers panicked"));
        }
    }
}

/// Starts the workers on plain threads. What comes back ends when the last of them has.
fn start_workers(run: &Arc<Run>, plan: Plan) -> oneshot::Receiver<()> {
    let (done, ended) = oneshot::channel::<()>();
    let done = Arc::new(done);
    for number in 0..plan.workers {
        let (run_of_failed, run, done) = (run, run.clone(), done.clone());
        let writer = run.session.writer();
        let work = move || {
            let fall = StopOnFall(&run);
            Worker::new(&run, writer).work(number == 0);
            drop(fall);
            drop((run, done)); // in this order: who hears of the end may need to be the only owner
        };
        if let Err(source) = std::thread::Builder::new().name(format!("upload-{number}")).stack_size(STACK).spawn(work)
        {
            let path = "a worker's thread".to_owned();
            run_of_failed.schedule.fail(Error::Io { operation: "start", path, source });
        }
    }
    ended
}
