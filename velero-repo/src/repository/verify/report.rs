//! What verifying found: a document for people and for programs.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// How thoroughly a repository is verified; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Level {
    /// Format, index, every other small blob; that packs exist and are long enough for what the index says.
    Index,
    /// Also all snapshots: every directory is read and hashed, every file's contents are in the index with the right lengths.
    Metadata,
    /// Also the bytes of some contents.
    Sampled {
        /// How many of a hundred contents are read.
        percent: u8,
        /// Which ones: the same number chooses the same contents.
        seed: u64,
    },
    /// Also the bytes of all contents, and the trailers of all packs.
    Everything,
}

/// What verifying found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Address of the store, without secrets.
    pub repository: String,
    /// How thorough it was.
    pub level: Level,
    /// When it began.
    pub begun: Timestamp,
    /// When it was done.
    pub ended: Timestamp,
    /// How much was looked at.
    pub checked: Checked,
    /// The selected snapshots, oldest first. Where index blobs are damaged, also those whose manifests lie in packs that
    /// no index names any more; one that never was finished may be among these.
    pub snapshots: Vec<SnapshotReport>,
    /// What is damaged, and what that hurts.
    pub damages: Vec<Damage>,
    /// Damages beyond those that are listed.
    pub more_damages: u64,
    /// What is odd but hurts nothing at present.
    pub warnings: Vec<Warning>,
    /// Warnings beyond those that are listed.
    pub more_warnings: u64,
}

impl Report {
    /// Whether nothing is damaged. Warnings do not count.
    pub fn is_whole(&self) -> bool {
        self.damages.is_empty() && self.more_damages == 0
    }

    /// Whether every selected snapshot can be restored, as far as the level tells.
    pub fn is_restorable(&self) -> bool {
        self.snapshots.iter().all(|snapshot| snapshot.restorable)
    }
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Checked {
    /// Blobs in the store.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Index blobs that were opened.
    pub index_blobs: u64,
    /// Contents in the index.
    pub contents: u64,
    /// Packs that the index names.
    pub packs: u64,
    /// Directories that were read; one that several snapshots share counts once.
    pub directories: u64,
    /// Files and links in them.
    pub files: u64,
    /// Contents whose bytes were read and hashed.
    pub contents_read: u64,
    /// Bytes of packs that were read for that.
    pub bytes_read: u64,
    /// Packs whose trailer was compared with the index.
    pub trailers: u64,
}

/// What is known of one snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SnapshotReport {
    /// Identity of its manifest.
    pub id: String,
    /// Where it was taken: `user@host:path`.
    pub source: String,
    /// When it was taken.
    pub taken: Option<Timestamp>,
    /// Why it is not whole, in the words of whoever took it; empty if it is.
    pub incomplete: String,
    /// Entries that could not be read when it was taken.
    pub failed: u64,
    /// Whether everything in it can be restored, as far as the level tells.
    pub restorable: bool,
    /// Whether, besides, nothing in it is marked as deleted.
    pub durable: bool,
    /// Files, links and directories in it that are damaged.
    pub damaged: u64,
    /// Contents in it that are marked as deleted: a collection believed that no snapshot uses them. They can be read until
    /// the deletion is final; the next maintenance revives them.
    pub pending_deletion: u64,
}

/// What kind of damage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum DamageKind {
    /// The blob is not there.
    Missing,
    /// The blob ends before what the index says is in it.
    Truncated,
    /// Bytes are not what was written.
    Altered,
    /// It opens, and is not what it should be.
    Malformed,
    /// A snapshot needs a content that no index has.
    Unindexed,
    /// The trailer of a pack, which nothing but the recovery of a lost index needs.
    Trailer,
}

/// One thing that is damaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Damage {
    /// What: the name of a blob, or `content …`, `object …`, `manifest …` where no blob is to blame.
    pub what: String,
    /// The kind of damage.
    pub kind: DamageKind,
    /// What is wrong with it; of many things the first.
    pub reason: String,
    /// Contents in the index that are lost with it.
    pub contents: u64,
    /// The snapshots that it hurts.
    pub hurts: Vec<Hurt>,
}

/// What a damage does to one snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Hurt {
    /// Identity of the snapshot's manifest.
    pub snapshot: String,
    /// Files, links and directories that are hurt; a directory counts once for all that is in it.
    pub files: u64,
    /// Paths of some of them, below the snapshot's root; a directory ends with a slash.
    pub paths: Vec<String>,
}

/// What kind of oddity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum WarningKind {
    /// Epochs without index blobs between others that have some.
    EpochGap,
    /// Several sets of index blobs replace the same epoch.
    SeveralReplacements,
    /// A set of index blobs is not complete.
    IncompleteSet,
    /// The sums of a directory are not those of its entries.
    Summary,
    /// A snapshot is incomplete.
    Incomplete,
    /// Entries could not be read when a snapshot was taken.
    FailedEntries,
    /// A snapshot needs contents that are marked as deleted.
    PendingDeletion,
    /// A pack that no index names: a leftover that collections remove.
    UnusedPack,
    /// An entry of a type that this version does not know.
    UnknownType,
    /// A log can not be read. Nothing needs it.
    Log,
}

/// Something that is odd.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Warning {
    /// The kind of oddity.
    pub kind: WarningKind,
    /// What is odd: a blob, a snapshot, a directory.
    pub what: String,
    /// Why.
    pub reason: String,
}
