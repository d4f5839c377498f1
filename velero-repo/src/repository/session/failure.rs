//! The first failure of a session, which ends it for all its writers.

use crate::error::{Error, Result};
use std::future::Future;
use std::sync::{Arc, Mutex, PoisonError};
use tokio_util::sync::CancellationToken;

/// Whether the session has failed or was cancelled.
pub(super) struct Failure {
    first: Mutex<Option<Arc<Error>>>,
    happened: CancellationToken,
}

impl Failure {
    /// `cancel` counts as a failure when it is cancelled; it is not cancelled here.
    pub(super) fn new(cancel: &CancellationToken) -> Self {
        Failure { first: Mutex::default(), happened: cancel.child_token() }
    }

    /// Keeps the first error, and ends the session.
    pub(super) fn set(&self, error: Error) {
        self.first.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| Arc::new(error));
        self.happened.cancel();
    }

    /// Ends the session for no other reason.
    pub(super) fn cancel(&self) {
        self.happened.cancel();
    }

    /// The failure, if there was one.
    pub(super) fn check(&self) -> Result<()> {
        match self.happened.is_cancelled() {
            true => Err(self.error()),
            false => Ok(()),
        }
    }

    fn error(&self) -> Error {
        match &*self.first.lock().unwrap_or_else(PoisonError::into_inner) {
            Some(first) => Error::Ended { source: first.clone() },
            None => Error::Cancelled { what: "the writing session".to_owned() },
        }
    }

    /// What `work` yields, unless the session ends before it.
    pub(super) async fn or<T>(&self, work: impl Future<Output = T>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.happened.cancelled() => Err(self.error()),
            done = work => Ok(done),
        }
    }
}
