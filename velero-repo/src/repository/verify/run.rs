//! One verification: what is known, what was found.

use super::findings::Findings;
use super::marks::Marks;
use super::progress::Progress;
use super::report::{DamageKind, Level, Report};
use super::snapshots::Selected;
use super::{VerifyOptions, epochs};
use crate::error::{Error, Result};
use crate::repository::blob::{BlobInfo, blocking};
use crate::repository::index::{Packs, View};
use crate::repository::name::{Family, PackName};
use crate::repository::open::Repository;
use jiff::Timestamp;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One verification of one state of the index.
pub(super) struct Run {
    pub(super) repository: Repository,
    pub(super) options: VerifyOptions,
    pub(super) begun: Timestamp,
    pub(super) view: Arc<View>,
    pub(super) packs: Packs,
    /// Lengths of the packs in the listing.
    pub(super) lengths: HashMap<PackName, u64>,
    /// Contents that selected snapshots use.
    pub(super) used: Marks,
    /// Contents that are damaged.
    pub(super) bad: Marks,
    /// Whether a content that is used is marked as deleted.
    pub(super) pending: AtomicBool,
    /// Whether the repository can not be opened any more.
    blocked: AtomicBool,
    findings: Mutex<Findings>,
}

impl Run {
    /// Verifies the repository in its present state.
    pub(super) async fn report(repository: &Repository, options: &VerifyOptions) -> Result<Report> {
        let begun = repository.now();
        let listing = repository.blobs().list("").await?;
        let view = repository.view().await?;
        let is_pack = |blob: &&BlobInfo| matches!(blob.id.family(), Family::Pack(_));
        let run = Run {
            packs: view.packs(),
            lengths: listing.iter().filter(is_pack).map(|blob| (blob.id.clone(), blob.length)).collect(),
            used: Marks::new(view.ordinals()),
            bad: Marks::new(view.ordinals()),
            view,
            begun,
            repository: repository.clone(),
            options: options.clone(),
            pending: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            findings: Mutex::default(),
        };
        run.go(listing).await
    }

    async fn go(self, listing: Vec<BlobInfo>) -> Result<Report> {
        super::progress::count(&self.progress().blobs, listing.len() as u64);
        super::progress::count(&self.progress().bytes, listing.iter().map(|blob| blob.length).sum());
        for (kind, what, reason) in epochs::oddities(&listing) {
            self.findings().warn(kind, what, reason);
        }
        self.check_blobs(&listing).await?;
        let run = Arc::new(self);
        let own = run.clone();
        blocking(move || {
            own.check_placement(&listing);
            Ok(())
        })
        .await?;
        let selected = match run.options.level {
            Level::Index => Vec::new(),
            _ => run.select_snapshots().await?,
        };
        let own = run.clone();
        let selected = blocking(move || Ok(own.compute(selected))).await?;
        run.finish(selected)
    }

    /// Everything that computes for long.
    fn compute(&self, mut selected: Vec<Selected>) -> Vec<Selected> {
        self.walk(&selected);
        if matches!(self.options.level, Level::Sampled { .. } | Level::Everything) && self.goes_on() {
            self.read();
        }
        if self.findings().has_damages() || self.pending.load(Ordering::Relaxed) {
            let (lists, clean) = (Marks::new(self.view.ordinals()), Marks::new(self.view.ordinals()));
            let hurts = super::hurt::Hurts::new(self, &lists, &clean);
            selected.iter_mut().for_each(|snapshot| hurts.find(snapshot));
        }
        selected
    }

    fn finish(&self, selected: Vec<Selected>) -> Result<Report> {
        if let Some(failure) = self.findings().take_failure() {
            return Err(failure);
        }
        if self.options.cancel.is_cancelled() {
            return Err(Error::Cancelled { what: "verifying".to_owned() });
        }
        let snapshots: Vec<_> = selected.into_iter().map(|snapshot| self.judge(snapshot)).collect();
        let (damages, more_damages, warnings, more_warnings) = std::mem::take(&mut *self.findings()).finish();
        Ok(Report {
            repository: self.repository.blobs().address().to_owned(),
            level: self.options.level,
            begun: self.begun,
            ended: self.repository.now(),
            checked: self.progress().checked(),
            snapshots,
            damages,
            more_damages,
            warnings,
            more_warnings,
        })
    }

    fn judge(&self, snapshot: Selected) -> super::SnapshotReport {
        let mut report = snapshot.report;
        report.restorable &= report.damaged == 0 && !self.blocked.load(Ordering::Relaxed);
        report.durable = report.restorable && report.pending_deletion == 0;
        if report.pending_deletion > 0 {
            let reason = format!("{} contents that it needs are marked as deleted", report.pending_deletion);
            let what = format!("snapshot {}", report.id);
            self.findings().warn(super::WarningKind::PendingDeletion, what, reason);
        }
        report
    }

    pub(super) fn findings(&self) -> MutexGuard<'_, Findings> {
        self.findings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn progress(&self) -> &Progress {
        &self.options.progress
    }

    /// A damage without which the repository can not be opened.
    pub(super) fn block(&self, what: &str, kind: DamageKind, reason: String) {
        self.blocked.store(true, Ordering::Relaxed);
        self.findings().damage(what, kind, reason, 0);
    }

    /// Whether neither the store has failed nor anybody cancelled.
    pub(super) fn goes_on(&self) -> bool {
        !self.options.cancel.is_cancelled() && !self.findings().has_failed()
    }

    /// The name of a pack by its number.
    pub(super) fn pack_name(&self, number: usize) -> String {
        self.packs.name(number).map_or_else(|| format!("pack number {number}"), |name| name.to_string())
    }

    /// The name of the pack of a content.
    pub(super) fn pack_of(&self, ordinal: usize) -> String {
        self.view.row_at(ordinal).map_or_else(|| format!("pack of content {ordinal}"), |row| row.pack.to_owned())
    }
}
