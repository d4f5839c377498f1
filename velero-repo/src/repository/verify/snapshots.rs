//! The manifests of snapshots, read batch by batch so that a damaged batch hides no other. Where index blobs are damaged,
//! those that no other index blob names are read, too: their snapshots are hurt.

use super::blobs::kind_of;
use super::report::{DamageKind, SnapshotReport, WarningKind};
use super::run::Run;
use crate::error::{Error, Result};
use crate::repository::content::MANIFEST;
use crate::repository::directory::Entry;
use crate::repository::index::Entry as Row;
use crate::repository::manifest::{ManifestId, Merge, Record, TYPE, decode, labels};
use crate::repository::snapshot::{SNAPSHOT, Snapshot};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The longest batch when expanded, bytes.
const LONGEST_BATCH: u64 = 1 << 30;

/// A snapshot that is verified.
pub(super) struct Selected {
    pub(super) id: ManifestId,
    pub(super) report: SnapshotReport,
    /// None if the manifest itself is damaged.
    pub(super) root: Option<Entry>,
}

impl Run {
    /// The selected snapshots, oldest first.
    ///
    /// # Errors
    /// Missing: a snapshot was asked for that is not there. The store's.
    pub(super) async fn select_snapshots(self: &Arc<Self>) -> Result<Vec<Selected>> {
        let mut merge = Merge::new(labels([(TYPE, SNAPSHOT)]));
        let batches: Vec<(usize, Row)> = self
            .view
            .with_prefix(MANIFEST)
            .filter(|(_, row)| !row.deleted)
            .filter_map(|(ordinal, row)| Some((ordinal, row.entry()?)))
            .collect();
        for (ordinal, batch) in batches {
            self.used.set(ordinal);
            if !self.bad.has(ordinal) && !self.read_batch(&batch, |record| merge.add(record)).await? {
                self.bad.set(ordinal);
            }
        }
        let mut unnamed = BTreeSet::new();
        for batch in self.unnamed_batches().await? {
            let take = |record: Record| {
                if !merge.knows(&record.id) {
                    unnamed.insert(record.id.clone());
                }
                merge.add(record);
            };
            self.read_batch(&batch, take).await?;
        }
        let manifests = merge.finish();
        let wanted = &self.options.snapshots;
        if let Some(missing) = wanted.iter().find(|id| manifests.get(id.as_str()).is_none()) {
            return Err(Error::Missing { what: format!("snapshot {missing}") });
        }
        let chosen = manifests.iter().filter(|record| wanted.is_empty() || wanted.contains(&record.id));
        let mut selected: Vec<Selected> = chosen.map(|record| self.select(record)).collect();
        selected.iter_mut().filter(|one| unnamed.contains(&one.id)).for_each(|one| self.hurt_by_lost_indexes(one));
        selected.sort_by(|a, b| (a.report.taken, &a.report.id).cmp(&(b.report.taken, &b.report.id)));
        Ok(selected)
    }

    /// Reads a batch; whether it could be read.
    async fn read_batch(&self, batch: &Row, take: impl FnMut(Record)) -> Result<bool> {
        let name = batch.content.to_string();
        let read = match self.repository.read_entry(batch).await {
            Ok(Some(bytes)) => decode(&name, &bytes, LONGEST_BATCH, take),
            Ok(None) => Err(Error::Missing { what: batch.pack.to_string() }),
            Err(error) => Err(error),
        };
        match read {
            Err(error) if !error.is_of_store() => {
                let reason = format!("manifests in it are not known: {error}");
                self.findings().damage(batch.pack.as_str(), kind_of(&error), reason, 1);
                Ok(false)
            }
            other => other.map(|()| true),
        }
    }

    /// No index names the manifest of this snapshot: whichever can not be read is to blame.
    fn hurt_by_lost_indexes(&self, snapshot: &mut Selected) {
        let mut findings = self.findings();
        for index in findings.lost_indexes().to_vec() {
            findings.hurt(&index, &snapshot.report.id, String::new, 1);
        }
        snapshot.report.damaged += 1;
    }

    fn select(&self, record: &Record) -> Selected {
        let id = record.id.clone();
        let mut report = SnapshotReport {
            id: record.id.to_string(),
            source: String::new(),
            taken: None,
            incomplete: String::new(),
            failed: 0,
            restorable: true,
            durable: true,
            damaged: 0,
            pending_deletion: 0,
        };
        let read = Snapshot::from_record(record).and_then(|snapshot| match snapshot.root {
            Some(_) => Ok(snapshot),
            None => Err(Error::corrupt(format!("manifest {}", record.id), "it has no root")),
        });
        match read {
            Ok(snapshot) => {
                let failed = snapshot.root.as_ref().and_then(|root| root.summary.as_ref()).map_or(0, |sum| sum.failed);
                report.source = snapshot.source.to_string();
                report.taken = Some(snapshot.start_time.timestamp());
                report.failed = failed.max(snapshot.stats.error_count);
                report.incomplete.clone_from(&snapshot.incomplete);
                self.warn_of(&report);
                Selected { id, report, root: snapshot.root }
            }
            Err(error) => {
                let what = format!("manifest {}", record.id);
                self.findings().damage(&what, DamageKind::Malformed, error.to_string(), 0);
                self.findings().hurt(&what, record.id.as_str(), String::new, 1);
                report.restorable = false;
                report.durable = false;
                report.damaged = 1;
                Selected { id, report, root: None }
            }
        }
    }

    fn warn_of(&self, report: &SnapshotReport) {
        let what = || format!("snapshot {}", report.id);
        if !report.incomplete.is_empty() {
            self.findings().warn(WarningKind::Incomplete, what(), report.incomplete.clone());
        }
        if report.failed > 0 {
            let reason = format!("{} entries could not be read when it was taken", report.failed);
            self.findings().warn(WarningKind::FailedEntries, what(), reason);
        }
    }
}
