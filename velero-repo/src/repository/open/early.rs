//! What an opening reads of the index before it has the key, which takes a tenth of a second.
//!
//! Comes in: blobs. Goes out: the listing of the index of a repository with epochs, and as many of its active blobs as
//! fit into [`LARGEST`] bytes, as they are stored: nothing is opened here, so nothing is known of them. It only saves
//! time: which blobs are active is decided again with the repository's own parameters, a listing that took too long is
//! as invalid as any other, and whatever can not be read here is read again, and its error told, when the key is known.

use crate::repository::blob::{BlobInfo, BlobStore};
use crate::repository::clock::Clock;
use crate::repository::epoch::State;
use crate::repository::format::EpochParameters;
use crate::repository::name::BlobId;
use bytes::Bytes;
use futures::stream::StreamExt;
use jiff::Timestamp;
use std::collections::HashMap;

/// The bytes of index blobs that are read early, at most.
const LARGEST: u64 = 16 << 20;
/// Blobs that are read at once.
const AT_ONCE: usize = 4;

/// What was read early.
pub(super) struct Early {
    /// When the listing was begun.
    pub(super) taken: Timestamp,
    /// All blobs of the index of a repository with epochs.
    pub(super) listing: Vec<BlobInfo>,
    /// Blobs of the listing, each as long as it says.
    pub(super) sealed: HashMap<BlobId, Bytes>,
}

impl Early {
    /// Lists the index and reads the blobs that are likely to be wanted; of a repository whose blobs may lie in a cache,
    /// only the former. Nothing, if the index can not be listed.
    pub(super) async fn read(blobs: &BlobStore, clock: &dyn Clock, is_cached: bool) -> Option<Early> {
        let taken = clock.now();
        let listing = blobs.list("x").await.ok()?;
        let mut room = if is_cached { 0 } else { LARGEST };
        let mut fits = |blob: &BlobInfo| room.checked_sub(blob.length).inspect(|rest| room = *rest).is_some();
        let mut active = State::of(&listing, taken, &EpochParameters::default()).active();
        active.retain(|blob| fits(blob));
        let read = |blob: BlobInfo| async move {
            let sealed = blobs.get_range(&blob.id, 0, blob.length).await;
            sealed.ok().flatten().map(|sealed| (blob.id, sealed))
        };
        let sealed = futures::stream::iter(active).map(read).buffer_unordered(AT_ONCE).filter_map(std::future::ready);
        Some(Early { taken, sealed: sealed.collect().await, listing })
    }
}

#[cfg(test)]
mod tests;
