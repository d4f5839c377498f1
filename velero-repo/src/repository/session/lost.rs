//! Packs that the index names and the store has lost, or cut short.
//!
//! Comes in: the index, and what the store lists. Goes out: [`Lost`], which tells of an entry whether its bytes can be
//! there. Without this, one lost pack would make every later snapshot of the same data look complete and be none. Looked
//! at is the listing alone, once for each session: bytes that have changed in their place are found by verification.
//! Kopia does not look.

use crate::error::Result;
use crate::repository::blob::{BlobInfo, blocking};
use crate::repository::index::{Row, View};
use crate::repository::open::Repository;
use std::collections::HashMap;
use std::sync::Arc;

/// Names of packs that are too short for what the index says, and how long they are; 0 where there is none.
#[derive(Default)]
pub(super) struct Lost(HashMap<Box<str>, u64>);

impl Lost {
    /// Lists the packs and compares. Packs in which nothing is in use do not count: maintenance deletes them.
    pub(super) async fn look(repository: &Repository, view: &Arc<View>) -> Result<Lost> {
        let blobs = repository.blobs();
        let (mut listed, more) = tokio::try_join!(blobs.list("p"), blobs.list("q"))?;
        listed.extend(more);
        let view = view.clone();
        blocking(move || Ok(Lost::of(&view, &listed))).await.inspect(|lost| lost.tell(repository))
    }

    fn of(view: &View, listed: &[BlobInfo]) -> Lost {
        let lengths: HashMap<&str, u64> = listed.iter().map(|blob| (blob.id.as_str(), blob.length)).collect();
        let length = |pack: &str| lengths.get(pack).copied().unwrap_or(0);
        let short = view.pack_ends().filter(|(pack, end)| *end > length(pack));
        let short = Lost(short.map(|(pack, _)| (pack.into(), length(pack))).collect());
        if short.is_empty() {
            return short;
        }
        let used = view.rows().filter(|(_, row)| !row.deleted && short.has(row));
        Lost(used.map(|(_, row)| (row.pack.into(), length(row.pack))).collect())
    }

    fn tell(&self, repository: &Repository) {
        if let Some(pack) = self.0.keys().min() {
            let (repository, packs) = (repository.blobs().address(), self.0.len());
            tracing::warn!(repository, packs, %pack, "packs are missing or cut short; what is saved anew is written again, and what else they held is lost: verify the repository");
        }
    }

    /// Whether every entry can be there.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the bytes of this entry can not be there.
    pub(super) fn has(&self, row: &Row<'_>) -> bool {
        let end = u64::from(row.offset) + u64::from(row.packed_length);
        self.0.get(row.pack).is_some_and(|length| end > *length)
    }
}
