//! What a repository holds, in numbers, from one listing, the index and the manifests. Nothing is changed, and no data is
//! read.

use super::manifest::labels;
use super::name::{Family, PackKind};
use super::open::Repository;
use super::snapshot::{self, Snapshot, Source};
use crate::error::Result;
use jiff::Timestamp;
use std::collections::BTreeSet;

/// How many, and how many bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// Their bytes together.
    pub bytes: u64,
}

impl Sum {
    fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }
}

/// What a repository holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Packs of file contents.
    pub data_packs: Sum,
    /// Packs of directories, lists and manifests.
    pub metadata_packs: Sum,
    /// Index blobs, epoch markers and watermarks with them.
    pub indexes: Sum,
    /// Markers of writing sessions: of those that run, and of those that were killed.
    pub sessions: Sum,
    /// All other blobs: format, settings, schedule, logs, and what is none of the repository's.
    pub others: Sum,
    /// Contents that are not deleted; the bytes are those before compression.
    pub contents: Sum,
    /// The bytes of these contents in their packs.
    pub packed_bytes: u64,
    /// Contents that are marked as deleted and not yet dropped; the bytes are those in their packs.
    pub deleted_contents: Sum,
    /// Snapshots that are whole.
    pub snapshots: u64,
    /// Snapshots that are not.
    pub incomplete_snapshots: u64,
    /// Snapshots whose documents can not be read.
    pub unreadable_snapshots: u64,
    /// Different sources of all these.
    pub sources: u64,
    /// The epoch that is written under; none in repositories without epochs.
    pub epoch: Option<u64>,
    /// Tombstones from before this time no longer count.
    pub watermark: Option<Timestamp>,
    /// Whether Velero has initialised it.
    pub is_veleros: bool,
}

impl Repository {
    /// Counts what the repository holds.
    ///
    /// # Errors
    /// Those of listing the store and of [`Repository::manifests`].
    pub async fn status(&self) -> Result<Status> {
        let mut status = Status::default();
        for blob in self.blobs().list("").await? {
            let sum = match blob.id.family() {
                Family::Pack(PackKind::Data) => &mut status.data_packs,
                Family::Pack(PackKind::Meta) => &mut status.metadata_packs,
                Family::Uncompacted(_) | Family::Single(_) | Family::Range(..) | Family::Index => &mut status.indexes,
                Family::EpochMarker(_) | Family::Watermark(_) => &mut status.indexes,
                Family::Session => &mut status.sessions,
                Family::InitMarker => {
                    status.is_veleros = true;
                    &mut status.others
                }
                _ => &mut status.others,
            };
            sum.add(blob.length);
        }
        status.epoch = self.epochs().await.map(|state| state.epoch());
        self.count_contents(&mut status).await?;
        self.count_snapshots(&mut status).await?;
        Ok(status)
    }

    async fn count_contents(&self, status: &mut Status) -> Result<()> {
        let view = self.view().await?;
        status.watermark = view.watermark().and_then(|seconds| Timestamp::from_second(seconds).ok());
        for (_, row) in view.rows() {
            let packed = u64::from(row.packed_length);
            if row.deleted {
                status.deleted_contents.add(packed);
            } else {
                status.contents.add(u64::from(row.original_length));
                status.packed_bytes += packed;
            }
        }
        Ok(())
    }

    async fn count_snapshots(&self, status: &mut Status) -> Result<()> {
        let manifests = self.manifests(&labels([(super::manifest::TYPE, snapshot::SNAPSHOT)])).await?;
        let mut sources: BTreeSet<Source> = BTreeSet::new();
        for record in manifests.iter() {
            let count = match Snapshot::from_record(record) {
                Ok(snapshot) => {
                    let whole = snapshot.is_complete();
                    sources.insert(snapshot.source);
                    if whole { &mut status.snapshots } else { &mut status.incomplete_snapshots }
                }
                Err(_) => &mut status.unreadable_snapshots,
            };
            *count += 1;
        }
        status.sources = sources.len() as u64;
        Ok(())
    }
}
