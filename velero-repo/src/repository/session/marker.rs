//! The marker of a session: a small blob that tells collections who is writing since when.

use crate::error::{Error, Result};
use crate::repository::gojson::{self, Time, document};
use crate::repository::index::sealed_blob;
use crate::repository::name::{BlobId, SessionId};
use crate::repository::open::Repository;
use jiff::Timestamp;

document! {
    /// What is in a marker.
    pub struct Marker {
        /// The session.
        pub id: String = "id",
        /// When it began.
        pub start: Time = "startTime",
        /// When it was last known to go on.
        pub checkpoint: Time = "checkpointTime",
        /// Whose it is.
        pub username: String = "username",
        /// And where.
        pub hostname: String = "hostname",
    }
}

/// Name and bytes of the marker of a session that begins now.
pub(super) fn sealed(repository: &Repository, id: &SessionId, now: Timestamp) -> Result<(BlobId, Vec<u8>)> {
    let now = Time::try_from(now)?;
    let marker = Marker {
        id: id.as_str().to_owned(),
        start: now,
        checkpoint: now,
        username: repository.identity().username.clone(),
        hostname: repository.identity().hostname.clone(),
        ..Marker::default()
    };
    let json = gojson::to_vec(&marker).map_err(|reason| Error::invalid("session marker", reason.to_string()))?;
    sealed_blob(&repository.seal(), "s", id.as_str(), &json)
}
