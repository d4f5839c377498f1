//! Velero's API documents as types that keep fields they do not know.
//!
//! Field names, defaults and meanings follow `velero.io/v1`; every struct carries the rest of its JSON in
//! `other`, so a document written by a newer Velero survives a round trip through ours.

pub mod backup;
pub mod duration;
pub mod hooks;
pub mod metadata;
pub mod restore;
pub mod volume;

pub use backup::{Backup, BackupPhase, BackupSpec, BackupStatus};
pub use duration::Duration;
pub use metadata::{LabelSelector, Metadata, Requirement, TypedReference};
pub use restore::{Restore, RestorePhase, RestoreSpec, RestoreStatus};
pub use volume::BackupVolumeInfo;

/// Group and version of the documents.
pub const API_VERSION: &str = "velero.io/v1";

/// JSON fields without a place in the type.
pub type Other = serde_json::Map<String, serde_json::Value>;
