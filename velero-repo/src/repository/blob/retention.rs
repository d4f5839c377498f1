//! Blobs that the store keeps for a time (object lock), where the format asks for it.
//!
//! Index blobs, packs and both format blobs carry the retention, each from the time it is written on; markers of
//! sessions, logs and the schedule of maintenance do not. Only S3 stores take it. Where the store does not, the
//! repository can be read, and not written.

use super::{Backend, BlobStore};
use crate::error::{Error, Result};
use crate::repository::format::Retention;
use crate::repository::name::{BLOB_SETTINGS, BlobId, FORMAT};
use std::sync::Arc;

/// What the names of blobs with a retention begin with.
pub(crate) const PREFIXES: [&str; 6] = ["n", "x", "p", "q", FORMAT, BLOB_SETTINGS];

/// Whether a blob carries the retention.
pub(super) fn is_kept(id: &BlobId) -> bool {
    PREFIXES.iter().any(|prefix| id.as_str().starts_with(prefix))
}

impl BlobStore {
    /// Blobs get this retention from now on, if the store can give it.
    #[must_use]
    pub(crate) fn with_retention(mut self, retention: Option<Retention>) -> Self {
        if let Backend::Remote(remote) = &mut self.backend {
            match Arc::make_mut(remote).retain(retention) {
                Ok(()) => self.retention = retention,
                Err(error) => tracing::debug!(%error, "blobs get no retention"),
            }
        }
        self
    }

    /// Refuses to go on where blobs would not get the retention that the format asks for.
    ///
    /// # Errors
    /// Invalid, with what to do.
    pub(crate) fn check_retention(&self, wanted: Option<Retention>) -> Result<()> {
        let reason = match (wanted, self.retention) {
            (wanted, given) if wanted == given => return Ok(()),
            (Some(_), None) => {
                "its blobs have to carry a retention (object lock), which only s3:// stores can give here, in the modes \
                 GOVERNANCE and COMPLIANCE; write to it with kopia"
            }
            _ => "the retention of its blobs (object lock) has been changed since it was opened; open it again",
        };
        Err(Error::invalid(self.address(), reason))
    }

    /// Keeps a blob for the whole period from now on.
    ///
    /// # Errors
    /// Invalid: the store gives no retention. The store's.
    pub(crate) async fn extend_retention(&self, id: &BlobId) -> Result<()> {
        match &self.backend {
            Backend::Remote(remote) => remote.extend_retention(id).await,
            Backend::Directory(_) => Err(Error::invalid(self.address(), "a directory keeps no retention")),
        }
    }
}
