//! Manifests that only a damaged index blob named: they are found through the trailers of packs that no index names.
//!
//! Comes in: the packs of metadata in the listing. Goes out: the batches of manifests in those that the readable part of
//! the index does not know. They say which snapshots are hurt, and no more: what else such packs hold stays unknown. A
//! session that failed leaves packs like these, too, so a snapshot that never was finished may be among them.

use super::report::DamageKind;
use super::run::Run;
use crate::error::Result;
use crate::repository::blob::blocking;
use crate::repository::content::MANIFEST;
use crate::repository::index::Entry;
use crate::repository::name::{Family, PackKind, PackName};
use std::sync::Arc;

impl Run {
    /// Batches of manifests that no index names which can be read; none where all can be read.
    ///
    /// # Errors
    /// The store's.
    pub(super) async fn unnamed_batches(self: &Arc<Self>) -> Result<Vec<Entry>> {
        if self.findings().lost_indexes().is_empty() {
            return Ok(Vec::new());
        }
        let run = self.clone();
        blocking(move || run.read_unnamed()).await
    }

    fn read_unnamed(&self) -> Result<Vec<Entry>> {
        let is_unnamed = |name: &&PackName| {
            name.family() == Family::Pack(PackKind::Meta) && self.packs.find(name.as_str()).is_none()
        };
        let mut packs: Vec<&PackName> = self.lengths.keys().filter(is_unnamed).collect();
        packs.sort_unstable();
        let mut batches = Vec::new();
        for name in packs.into_iter().take_while(|_| self.goes_on()) {
            match self.read_trailer(name) {
                Ok(Some(table)) => batches.extend(table.iter().filter(|entry| self.is_unnamed_batch(entry, name))),
                Ok(None) => {}
                Err(error) if error.is_of_store() => return Err(error),
                Err(error) => self.findings().damage(name.as_str(), DamageKind::Trailer, error.to_string(), 0),
            }
        }
        Ok(batches)
    }

    /// One that the index has, alive or replaced, is not looked at again.
    fn is_unnamed_batch(&self, entry: &Entry, pack: &PackName) -> bool {
        let is_batch = entry.content.prefix() == Some(MANIFEST) && !entry.deleted && entry.pack == *pack;
        is_batch && self.view.find(&entry.content).is_none()
    }
}
