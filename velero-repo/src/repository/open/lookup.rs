//! Looking up contents: in the tables that are loaded, and in large index blobs that lie in the cache.
//!
//! Comes in: the identity of a content, or a prefix letter. Goes out: entries. With a cache, an opening leaves large index
//! blobs where they are ([`Kept`]): who reads one file of a repository with a hundred million looks at a few leaves. All of
//! the index is loaded for whoever asks for the [`View`], and for whoever has asked so often that it would have been less
//! work. A cache that does not keep what it promised makes no difference but for time: then, too, all is loaded, from the
//! store where it must be.
//!
//! What is in no cache is left in the store when a repository is opened for reading only ([`Unread`]). Of such blobs there
//! are *glimpses*, which prove nothing: they are for readers who can tell from what they find whether it is right. Everybody
//! else has them loaded first.

use std::sync::{Arc, PoisonError};

use super::Repository;
use super::kept::Kept;
use super::unread::Unread;
use crate::error::Result;
use crate::repository::blob::blocking;
use crate::repository::content::ContentId;
use crate::repository::index::{Entry, View};

/// What is known of contents. Cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Index {
    /// What is loaded.
    pub(super) view: Arc<View>,
    /// What lies in the cache; often nothing.
    pub(super) kept: Arc<[Arc<Kept>]>,
    /// What only the store has; mostly nothing.
    pub(super) unread: Arc<[Arc<Unread>]>,
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

    fn glimpse(&self, id: &ContentId) -> Result<Option<Entry>> {
        let kept = self.kept.iter().map(|kept| kept.get(id));
        let others: Vec<_> = kept.chain(self.unread.iter().map(|unread| unread.get(id))).collect::<Result<_>>()?;
        Ok(self.view.get_among(id, others.into_iter().flatten().collect()))
    }

    fn glimpse_prefix(&self, prefix: u8) -> Result<Vec<Entry>> {
        let mut view = View::clone(&self.view);
        for unread in self.unread.iter() {
            view = view.overlay(unread.with_prefix(prefix)?)?;
        }
        Index { view: Arc::new(view), ..self.clone() }.with_prefix(prefix)
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
        (index.kept.is_empty() && index.unread.is_empty()).then_some(index.view)
    }

    /// The entry that counts for a content, in the index as it was last read.
    ///
    /// # Errors
    /// As [`Repository::view`].
    pub async fn entry(&self, id: &ContentId) -> Result<Option<Entry>> {
        self.load_unread().await?;
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
        if !self.index().unread.is_empty() {
            self.blobs().wait(self.load_unread())?;
        }
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
        self.load_unread().await?;
        let index = self.index();
        let found = blocking(move || index.with_prefix(prefix)).await;
        match unless_lost(found) {
            Some(found) => Ok(found),
            None => Ok(self.view().await?.with_prefix(prefix).filter_map(|(_, row)| row.entry()).collect()),
        }
    }

    /// The entry that seems to count for a content; none where it is worth no look, because everything is loaded, or
    /// because so much was looked at already. To be believed when its content has been read and has its hash.
    pub(crate) async fn glimpse(&self, id: &ContentId) -> Option<Entry> {
        let (index, id) = (self.glimpsed()?, *id);
        blocking(move || index.glimpse(&id)).await.ok().flatten()
    }

    /// As [`Repository::glimpse`], on a plain thread.
    pub(super) fn glimpse_blocking(&self, id: &ContentId) -> Option<Entry> {
        self.glimpsed()?.glimpse(id).ok().flatten()
    }

    /// The entries of contents with a prefix letter, as it seems; as [`Repository::glimpse`].
    pub(super) async fn glimpse_prefix(&self, prefix: u8) -> Option<Vec<Entry>> {
        let index = self.glimpsed()?;
        blocking(move || index.glimpse_prefix(prefix)).await.ok()
    }

    fn glimpsed(&self) -> Option<Index> {
        let index = self.index();
        (!index.unread.is_empty() && !index.unread.iter().any(|unread| unread.is_worn())).then_some(index)
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

    pub(super) fn set_unread(&self, unread: Arc<[Arc<Unread>]>) {
        self.0.index.write().unwrap_or_else(PoisonError::into_inner).unread = unread;
    }
}

/// What was found; `None` where the cache does not have any more what it had.
pub(super) fn unless_lost<T>(found: Result<T>) -> Option<T> {
    found.inspect_err(|error| tracing::debug!(%error, "the cache has lost an index blob")).ok()
}
