//! Looking up contents: in the tables that are loaded, and in large index blobs that lie in the cache.
//!
//! Comes in: the identity of a content, or a prefix letter. Goes out: entries. With a cache, an opening leaves large index
//! blobs where they are ([`Kept`]): who reads one file of a repository with a hundred million looks at a few leaves. All of
//! the index is loaded for whoever asks for the [`View`], and for whoever has asked so often that it would have been less
//! work. A cache that does not keep what it promised makes no difference but for time: then, too, all is loaded, from the
//! store where it must be.

use std::sync::{Arc, PoisonError};

use super::Repository;
use super::kept::Kept;
use crate::error::Result;
use crate::repository::blob::blocking;
use crate::repository::content::ContentId;
use crate::repository::index::{Entry, View};

/// What is known of contents. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Index {
    /// What is loaded.
    pub(super) view: Arc<View>,
    /// What is not; often nothing.
    pub(super) kept: Arc<[Arc<Kept>]>,
}

impl Index {
    fn is_worn(&self) -> bool {
        self.kept.iter().any(|kept| kept.is_worn())
    }

    fn get(&self, id: &ContentId) -> Result<Option<Entry>> {
        let kept: Vec<_> = self.kept.iter().map(|kept| kept.get(id)).collect::<Result<_>>()?;
        Ok(self.view.get_among(id, kept.into_iter().flatten().collect()))
    }

    fn with_prefix(&self, prefix: u8) -> Result<Vec<Entry>> {
        let mut view = View::clone(&self.view);
        for kept in self.kept.iter() {
            view = view.overlay(kept.with_prefix(prefix)?)?;
        }
        Ok(view.with_prefix(prefix).filter_map(|(_, row)| row.entry()).collect())
    }
}

impl Repository {
    /// The whole index, as it was last read. What lies only in the cache so far is loaded now, and from now on at once.
    ///
    /// # Errors
    /// Those of [`Repository::refresh_index`], where the cache has lost something.
    pub async fn view(&self) -> Result<Arc<View>> {
        match self.whole_view() {
            Some(view) => Ok(view),
            None => {
                self.load_kept().await?;
                Ok(self.index().view)
            }
        }
    }

    /// As [`Repository::view`], on a plain thread.
    ///
    /// # Errors
    /// As [`Repository::view`].
    pub fn view_blocking(&self) -> Result<Arc<View>> {
        self.whole_view().map_or_else(|| self.blobs().wait(self.view()), Ok)
    }

    fn whole_view(&self) -> Option<Arc<View>> {
        let index = self.index();
        index.kept.is_empty().then_some(index.view)
    }

    /// The entry that counts for a content, in the index as it was last read.
    ///
    /// # Errors
    /// As [`Repository::view`].
    pub async fn entry(&self, id: &ContentId) -> Result<Option<Entry>> {
        let (index, id) = (self.index(), *id);
        if !index.kept.is_empty() && !index.is_worn() {
            let found = blocking(move || index.get(&id)).await;
            if let Some(found) = unless_lost(found) {
                return Ok(found);
            }
        }
        Ok(self.view().await?.get(&id))
    }

    /// As [`Repository::entry`], on a plain thread.
    ///
    /// # Errors
    /// As [`Repository::view`].
    pub fn entry_blocking(&self, id: &ContentId) -> Result<Option<Entry>> {
        let index = self.index();
        if !index.kept.is_empty()
            && !index.is_worn()
            && let Some(found) = unless_lost(index.get(id))
        {
            return Ok(found);
        }
        Ok(self.view_blocking()?.get(id))
    }

    /// The entries that count for contents with a prefix letter, in the index as it was last read.
    pub(super) async fn entries_with_prefix(&self, prefix: u8) -> Result<Vec<Entry>> {
        let index = self.index();
        let found = blocking(move || index.with_prefix(prefix)).await;
        match unless_lost(found) {
            Some(found) => Ok(found),
            None => Ok(self.view().await?.with_prefix(prefix).filter_map(|(_, row)| row.entry()).collect()),
        }
    }

    pub(super) fn index(&self) -> Index {
        self.0.index.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn set_view(&self, view: View) {
        self.0.index.write().unwrap_or_else(PoisonError::into_inner).view = Arc::new(view);
    }

    pub(super) fn set_kept(&self, kept: Arc<[Arc<Kept>]>) {
        self.0.index.write().unwrap_or_else(PoisonError::into_inner).kept = kept;
    }
}

/// What was found; `None` where the cache does not have any more what it had.
pub(super) fn unless_lost<T>(found: Result<T>) -> Option<T> {
    found.inspect_err(|error| tracing::debug!(%error, "the cache has lost an index blob")).ok()
}
