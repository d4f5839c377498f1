//! All of the index, for whoever asks for it: what an opening left in the cache or in the store is loaded.
//!
//! Comes in: what is known of the index blobs. Goes out: the same, with everything in the view. What has gone meanwhile from
//! where it was left is looked for in a fresh listing.

use super::Repository;
use super::indexes::{AT_ONCE, Indexes, Loaded};
use super::lookup::unless_lost;
use super::unread::Unread;
use crate::error::{Error, Result};
use crate::repository::blob::blocking;
use futures::stream::{StreamExt, TryStreamExt};
use std::sync::Arc;

impl Repository {
    /// Loads what was left in the store.
    ///
    /// # Errors
    /// As [`Repository::refresh_index`].
    pub(super) async fn load_unread(&self) -> Result<()> {
        if self.index().unread.is_empty() {
            return Ok(());
        }
        self.load_all_unread(&mut *self.0.indexes.lock().await).await
    }

    async fn load_all_unread(&self, indexes: &mut Indexes) -> Result<()> {
        let unread = self.index().unread;
        let read = |unread: Arc<Unread>| async move {
            Ok::<_, Error>((unread.info().id.clone(), self.load_blob(unread.info(), true).await?))
        };
        let all = futures::stream::iter(unread.to_vec()).map(read).buffered(AT_ONCE).try_collect::<Vec<_>>().await?;
        let (mut tables, mut is_gone) = (Vec::new(), false);
        for (id, loaded) in all {
            match loaded {
                Some(Loaded::Table(table)) => tables.push(table),
                _ => {
                    indexes.loaded.remove(&id); // another program has replaced it; an attempt that failed may have done so
                    is_gone = true;
                }
            }
        }
        self.add(tables, None).await?;
        if is_gone {
            let whole = std::mem::replace(&mut indexes.whole, true); // what has replaced it may be as large
            let refreshed = self.refresh_indexes(indexes).await;
            indexes.whole = whole;
            refreshed?;
        }
        self.set_unread(Arc::default()); // not before: who fails has to begin again
        Ok(())
    }

    /// Loads what lies in the cache into the view, and from the store what is lost there or was left there.
    ///
    /// # Errors
    /// As [`Repository::refresh_index`].
    pub(super) async fn load_kept(&self) -> Result<()> {
        let mut indexes = self.0.indexes.lock().await;
        indexes.whole = true;
        self.load_all_unread(&mut indexes).await?;
        let mut is_lost = false;
        let all = self.index().kept;
        for kept in all.iter() {
            let reading = kept.clone();
            match unless_lost(blocking(move || reading.table()).await) {
                Some(table) => self.add(vec![table], None).await?,
                None => {
                    indexes.loaded.remove(kept.blob()); // unless an attempt that failed has done so
                    is_lost = true;
                }
            }
        }
        if is_lost {
            self.refresh_indexes(&mut indexes).await?;
        }
        self.set_kept(Arc::default());
        Ok(())
    }
}
