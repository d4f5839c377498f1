//! Events of a run, for progress bars, logs and services.

use std::sync::Arc;
use velero_core::{ItemId, Problem};

/// Something that happened in a run.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event {
    /// The run enters a stage; the text is for people (`listing`, `uploading`, `restoring`).
    Stage(&'static str),
    /// Objects done so far, and in all if that is known.
    Progress {
        /// Objects done.
        done: u64,
        /// Objects to do; `None` while still unknown.
        total: Option<u64>,
    },
    /// An object was written; `action` is `backed up`, `created`, `updated`, `skipped` or `failed`.
    Item {
        /// The object (target namespace in a restore).
        id: ItemId,
        /// What became of it.
        action: &'static str,
    },
    /// A problem, also part of the final report.
    Problem(Problem),
}

/// Receives events; called from the run's own task, so it must not block.
pub type Observer = Arc<dyn Fn(Event) + Send + Sync>;

/// An observer that ignores everything.
pub fn silent() -> Observer {
    Arc::new(|_| {})
}

/// An observer and the stream of its events; dropping the stream is allowed.
pub fn stream() -> (Observer, impl futures::Stream<Item = Event> + Send + Unpin) {
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel();
    let observer: Observer = Arc::new(move |event| drop(sender.send(event)));
    (observer, futures::stream::poll_fn(move |context| receiver.poll_recv(context)))
}
