//! The marker of a session: a small blob that tells collections who is writing since when. A session that lasts for days
//! writes another one each day, and removes all of them at its end.

use crate::error::{Error, Result};
use crate::repository::gojson::{self, Time, document};
use crate::repository::index::sealed_blob;
use crate::repository::name::{BlobId, SessionId};
use crate::repository::open::Repository;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;

/// How old the last marker of a session becomes at most. Collections take a session for dead after four days; Kopia
/// writes one marker and no other, so that its own sessions must not last longer.
const RENEWAL: SignedDuration = SignedDuration::from_hours(24);

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

/// Name and bytes of the marker of a session that goes on now. Each one has another name.
fn sealed(repository: &Repository, id: &SessionId, begun: Timestamp, now: Timestamp) -> Result<(BlobId, Vec<u8>)> {
    let marker = Marker {
        id: id.as_str().to_owned(),
        start: Time::try_from(begun)?,
        checkpoint: Time::try_from(now)?,
        username: repository.identity().username.clone(),
        hostname: repository.identity().hostname.clone(),
        ..Marker::default()
    };
    let json = gojson::to_vec(&marker).map_err(|reason| Error::invalid("session marker", reason.to_string()))?;
    sealed_blob(&repository.seal(), "s", id.as_str(), &json)
}

/// The markers of one session.
pub(super) struct Markers(Mutex<Written>);

struct Written {
    /// Those that may be in the store.
    blobs: Vec<BlobId>,
    last: Timestamp,
    over: bool,
}

impl Markers {
    /// Writes the first marker of a session that begins at `begun`; returns its name and length, too.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn begin(
        repository: &Repository,
        id: &SessionId,
        begun: Timestamp,
    ) -> Result<(Self, BlobId, u64)> {
        let (marker, sealed) = sealed(repository, id, begun, begun)?;
        let length = sealed.len() as u64;
        let written = Written { blobs: vec![marker.clone()], last: begun, over: false };
        let markers = Markers(Mutex::new(written));
        if let Err(error) = repository.blobs().put(&marker, sealed.into()).await {
            markers.forget(repository).await;
            return Err(error);
        }
        Ok((markers, marker, length))
    }

    /// Writes another one if the last is a day old.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn renew(&self, repository: &Repository, id: &SessionId, begun: Timestamp) -> Result<()> {
        let mut written = self.0.lock().await;
        let now = repository.now();
        if written.over || now.duration_since(written.last) < RENEWAL {
            return Ok(());
        }
        let (marker, sealed) = sealed(repository, id, begun, now)?;
        written.blobs.push(marker.clone());
        repository.blobs().put(&marker, sealed.into()).await?;
        written.last = now;
        Ok(())
    }

    /// Removes them: from now on collections may remove what no index names.
    pub(super) async fn forget(&self, repository: &Repository) {
        let mut written = self.0.lock().await;
        written.over = true;
        for marker in std::mem::take(&mut written.blobs) {
            if let Err(error) = repository.blobs().delete(&marker).await {
                tracing::warn!(%marker, %error, "the marker of a session stays; collections remove it in time");
            }
        }
    }
}
