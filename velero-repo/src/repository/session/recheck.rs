//! The last look at contents that were not written because they were there.
//!
//! Between that decision and the commit a collection may have marked them as deleted, since no snapshot that it saw used
//! them. They are still in their packs for hours; each is read and written again, with a later time. A session that went on
//! for days, as on a machine that slept, may find the deletion final and the pack gone: then nothing is committed.

use super::Shared;
use super::known::later;
use super::round::Round;
use crate::error::{Error, Result};
use crate::repository::index::Entry;
use jiff::SignedDuration;

/// Tombstones that are older than the session by more than this were in the index when it began: no collection takes as
/// long from its decision to its commit.
const LONGEST_COLLECTION: SignedDuration = SignedDuration::from_hours(48);
/// Bytes of contents that are written again with one pack.
const AT_ONCE: usize = 16 << 20;

impl Shared {
    /// Brings the index up to date, and writes again what was relied on and is marked as deleted.
    pub(super) async fn recheck(&self, round: &Round) -> Result<()> {
        self.repository.refresh().await?;
        let since = self.begun.as_second() - LONGEST_COLLECTION.as_secs();
        let view = self.repository.view().await?;
        // What was final when the session began was not relied on.
        let is_new = |time: i64| time >= since && self.final_before.is_none_or(|watermark| time > watermark);
        let deleted = view.tombstones().filter(|row| is_new(row.timestamp));
        let entries: Vec<Entry> = deleted
            .filter_map(|row| row.entry())
            .filter(|entry| self.known.may_be_relied_on(&entry.content) && !round.has(&entry.content))
            .collect();
        let (mut again, mut bytes) = (Vec::new(), 0);
        for entry in entries {
            let plain = self.repository.read_entry(&entry).await?.ok_or_else(|| {
                let reason = format!("it was collected while content {} of it was being relied on", entry.content);
                Error::corrupt(format!("pack {}", entry.pack), reason)
            })?;
            bytes += plain.len();
            again.push((entry.content, plain, later(self.repository.now().as_second(), &entry.row())));
            if bytes >= AT_ONCE {
                self.write_late(round, &std::mem::take(&mut again)).await?;
                bytes = 0;
            }
        }
        self.write_late(round, &again).await
    }
}
