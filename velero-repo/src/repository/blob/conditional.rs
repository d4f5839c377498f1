//! Writing over exactly what was read: the little that object stores offer to those who must not work at the same time.

use super::{Backend, BlobStore};
use crate::error::Result;
use crate::repository::name::BlobId;
use bytes::Bytes;
use std::path::Path;

/// What a blob was when it was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    /// There was none.
    Absent,
    /// This state of it, by the store's tag.
    State(String),
    /// The store does not tell, or takes no conditions.
    Unknown,
}

impl BlobStore {
    /// The directory that holds the blobs, if that is where they are.
    pub fn directory(&self) -> Option<&Path> {
        match &self.backend {
            Backend::Directory(directory) => Some(directory.root()),
            Backend::Remote(_) => None,
        }
    }

    /// A whole blob of at most `limit` bytes, and what it was.
    pub(crate) async fn get_seen(&self, id: &BlobId, limit: u64) -> Result<(Option<Bytes>, Seen)> {
        let seen = match &self.backend {
            Backend::Directory(_) => Seen::Unknown,
            Backend::Remote(remote) => remote.seen(id).await?, // first: a blob that changes now is refused later
        };
        Ok((self.get(id, limit).await?, seen))
    }

    /// Writes a blob unless it is not what was seen any more; whether it was written. A store that takes no conditions
    /// writes always.
    pub(crate) async fn put_over(&self, id: &BlobId, bytes: Bytes, seen: &Seen) -> Result<bool> {
        match &self.backend {
            Backend::Directory(_) => self.put(id, bytes).await.map(|()| true),
            Backend::Remote(remote) => remote.put_over(id, bytes, seen).await,
        }
    }
}
