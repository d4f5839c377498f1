//! What maintenance would do: a document that can be printed, kept and applied later.

use super::collect::Collected;
use super::delete::Deleted;
use super::rewrite::Rewritten;
use super::safety::Safety;
use crate::repository::blob::BlobInfo;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// So many things, of so many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Amount {
    /// How many.
    pub count: u64,
    /// Their bytes in the store.
    pub bytes: u64,
}

impl Amount {
    pub(super) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes = self.bytes.saturating_add(bytes);
    }

    pub(super) fn plus(self, more: Amount) -> Amount {
        Amount { count: self.count + more.count, bytes: self.bytes.saturating_add(more.bytes) }
    }

    pub(super) fn of(blobs: &[BlobInfo]) -> Amount {
        let mut amount = Amount::default();
        blobs.iter().for_each(|blob| amount.add(blob.length));
        amount
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({} bytes)", self.count, self.bytes)
    }
}

/// Which tasks belong together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Cycle {
    /// Only index blobs, cheap.
    Quick,
    /// Everything.
    Full,
}

/// One step. In a plan it says what would be done as things are; in a report, what was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Contents that no snapshot uses are marked as deleted, those that one uses again are revived.
    Collect(Collected),
    /// Batches of manifests become one.
    CompactManifests(Amount),
    /// Contents of packs that are mostly empty move together.
    Rewrite(Rewritten),
    /// Deletions up to this time become final.
    DropDeleted {
        /// The time.
        until: Option<Timestamp>,
        /// Contents that vanish from the index; only in a plan.
        contents: Amount,
    },
    /// Packs that nothing refers to are deleted.
    DeletePacks(Deleted),
    /// Blobs that the store keeps for a time are kept for the whole of it again.
    ExtendLocks(Amount),
    /// Index blobs of one epoch are merged.
    CompactEpoch(Amount),
    /// The next epoch begins; its number.
    AdvanceEpoch(Option<u64>),
    /// Index blobs of many epochs are merged.
    CompactRange(Amount),
    /// Index blobs of a repository without epochs are merged, if many are small.
    CompactIndexes(Amount),
    /// Index blobs of a repository without epochs that were merged are deleted, and logs that say so.
    DeleteMerged(Amount),
    /// Markers of epochs long past are deleted.
    CleanMarkers(Amount),
    /// Index blobs that were merged long ago are deleted.
    DeleteSuperseded(Amount),
    /// Old logs are deleted.
    CleanLogs(Amount),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Collect(it) => {
                write!(f, "mark unused contents: {}; revive {}; too young {}", it.marked, it.revived, it.too_young)
            }
            Step::CompactManifests(it) => write!(f, "merge batches of manifests: {it}"),
            Step::Rewrite(it) => write!(f, "move contents {} of short packs {}", it.contents, it.packs),
            Step::DropDeleted { until: Some(until), contents } => {
                write!(f, "make deletions up to {until} final: contents {contents}")
            }
            Step::DropDeleted { until: None, .. } => write!(f, "make no deletions final"),
            Step::DeletePacks(it) => write!(f, "delete packs {}, session markers {}", it.packs, it.markers),
            Step::ExtendLocks(it) => write!(f, "extend the retention of blobs: {it}"),
            Step::CompactEpoch(it) => write!(f, "merge index blobs of one epoch: {it}"),
            Step::AdvanceEpoch(Some(epoch)) => write!(f, "begin epoch {epoch}"),
            Step::AdvanceEpoch(None) => write!(f, "begin no epoch"),
            Step::CompactRange(it) => write!(f, "merge index blobs of many epochs: {it}"),
            Step::CompactIndexes(it) => write!(f, "merge small index blobs: {it}"),
            Step::DeleteMerged(it) => write!(f, "delete merged index blobs: {it}"),
            Step::CleanMarkers(it) => write!(f, "delete epoch markers: {it}"),
            Step::DeleteSuperseded(it) => write!(f, "delete merged index blobs: {it}"),
            Step::CleanLogs(it) => write!(f, "delete logs: {it}"),
        }
    }
}

/// A step of a plan or of a report, and why it is not done, if it is not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedStep {
    /// What.
    pub step: Step,
    /// Why it is not done at present.
    pub skipped: Option<String>,
}

/// Bytes that a later run frees.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Later {
    /// Why not now.
    pub reason: String,
    /// Contents or packs.
    pub amount: Amount,
    /// Before that no run frees all of them, however often it is run.
    pub earliest: Timestamp,
}

/// What maintenance would do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MaintenancePlan {
    /// The repository's identity, in hexadecimal.
    pub repository: String,
    /// Address of the store, without secrets.
    pub address: String,
    /// Who may run it.
    pub owner: String,
    /// When the plan was made.
    pub made: Timestamp,
    /// Which tasks; none if nothing is due.
    pub cycle: Option<Cycle>,
    /// How careful.
    pub safety: Safety,
    /// The steps in their order. Applying does these and no others; each looks again before it does anything.
    pub steps: Vec<PlannedStep>,
    /// Packs that would be deleted now.
    pub freed: Amount,
    /// What later runs would free.
    pub later: Vec<Later>,
    /// What to know before applying it.
    pub warnings: Vec<String>,
}

impl fmt::Display for MaintenancePlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let cycle = match self.cycle {
            None => "nothing is due",
            Some(Cycle::Quick) => "quick maintenance",
            Some(Cycle::Full) => "full maintenance",
        };
        writeln!(f, "{cycle} of {} (owner {})", self.address, self.owner)?;
        for step in &self.steps {
            match &step.skipped {
                None => writeln!(f, "  {}", step.step)?,
                Some(reason) => writeln!(f, "  not now: {} ({reason})", step.step)?,
            }
        }
        writeln!(f, "frees now: packs {}", self.freed)?;
        for later in &self.later {
            writeln!(f, "frees later, not before {}: {} ({})", later.earliest, later.amount, later.reason)?;
        }
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))
    }
}

/// What maintenance did.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceReport {
    /// Which tasks; none if nothing was due.
    pub cycle: Option<Cycle>,
    /// When it began, by the store's clock.
    pub begun: Timestamp,
    /// When it was done.
    pub ended: Timestamp,
    /// What was done, step by step.
    pub steps: Vec<PlannedStep>,
    /// How the repository is now, after a full cycle.
    pub verified: Option<crate::repository::verify::Report>,
}
