//! The Backup document, `velero-backup.json` in the bucket (spec 7, A.4).

use super::hooks::Hooks;
use super::{API_VERSION, Duration, LabelSelector, Metadata, Other, TypedReference};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A backup: what was wished and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Backup {
    /// `velero.io/v1`.
    pub api_version: String,
    /// `Backup`.
    pub kind: String,
    /// Name, labels, annotations.
    #[serde(default)]
    pub metadata: Metadata,
    /// The wish.
    #[serde(default)]
    pub spec: BackupSpec,
    /// How it went.
    #[serde(default)]
    pub status: BackupStatus,
    /// Everything else.
    #[serde(flatten)]
    pub other: Other,
}

impl Backup {
    /// A new backup called `name` with `spec`, not yet run.
    pub fn new(name: impl Into<String>, spec: BackupSpec) -> Self {
        Backup {
            api_version: API_VERSION.into(),
            kind: "Backup".into(),
            metadata: Metadata { name: name.into(), namespace: "velero".into(), ..Metadata::default() },
            spec,
            status: BackupStatus::default(),
            other: Other::default(),
        }
    }
}

/// What a backup is to contain.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackupSpec {
    /// Labels for backups made by a schedule.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<TemplateMetadata>,
    /// Namespaces to include; empty means all; globs allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_namespaces: Vec<String>,
    /// Namespaces to leave out; globs allowed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_namespaces: Vec<String>,
    /// Old filter: resources to include.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_resources: Vec<String>,
    /// Old filter: resources to leave out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_resources: Vec<String>,
    /// Old filter: cluster-scoped resources always (true), never (false) or as related (unset).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_cluster_resources: Option<bool>,
    /// Scoped filter: cluster-scoped resources to include.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_cluster_scoped_resources: Vec<String>,
    /// Scoped filter: cluster-scoped resources to leave out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_cluster_scoped_resources: Vec<String>,
    /// Scoped filter: namespaced resources to include.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_namespace_scoped_resources: Vec<String>,
    /// Scoped filter: namespaced resources to leave out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_namespace_scoped_resources: Vec<String>,
    /// Only objects with these labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<LabelSelector>,
    /// Only objects that match one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub or_label_selectors: Vec<LabelSelector>,
    /// Whether volumes are snapshotted; unset means yes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_volumes: Option<bool>,
    /// How long the backup is kept; zero means the default of 720 h.
    #[serde(skip_serializing_if = "Duration::is_zero")]
    pub ttl: Duration,
    /// Label that groups claims for group snapshots.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub volume_group_snapshot_label_key: String,
    /// Hooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    /// Name of the storage location.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub storage_location: String,
    /// Names of the snapshot locations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_snapshot_locations: Vec<String>,
    /// Whether pod volumes are backed up through the file system unless opted out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_volumes_to_fs_backup: Option<bool>,
    /// Order inside resources: plural to a comma list of `ns/name`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub ordered_resources: BTreeMap<String, String>,
    /// How long to wait for a CSI snapshot; zero means 10 minutes.
    #[serde(skip_serializing_if = "Duration::is_zero")]
    pub csi_snapshot_timeout: Duration,
    /// How long to wait for asynchronous operations; zero means 4 hours.
    #[serde(skip_serializing_if = "Duration::is_zero")]
    pub item_operation_timeout: Duration,
    /// ConfigMap with resource policies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_policy: Option<TypedReference>,
    /// Whether snapshots are moved into the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub snapshot_move_data: Option<bool>,
    /// Data mover, empty for the built-in one.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub datamover: String,
    /// Everything else.
    #[serde(flatten)]
    pub other: Other,
}

/// Labels of backups made by a schedule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TemplateMetadata {
    /// Labels.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

/// The phase of a backup. A phase that this build does not know is kept as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum BackupPhase {
    /// Not started.
    #[default]
    New,
    /// Waits for its turn.
    Queued,
    /// About to start.
    ReadyToStart,
    /// Refused; see the validation errors.
    FailedValidation,
    /// Running.
    InProgress,
    /// Waits for asynchronous operations.
    WaitingForPluginOperations,
    /// The same, with errors so far.
    WaitingForPluginOperationsPartiallyFailed,
    /// Being finished.
    Finalizing,
    /// The same, with errors so far.
    FinalizingPartiallyFailed,
    /// Done without errors.
    Completed,
    /// Done with errors.
    PartiallyFailed,
    /// Nothing usable came of it.
    Failed,
    /// Being deleted.
    Deleting,
    /// A phase of a newer Velero.
    #[serde(untagged)]
    Unknown(String),
}

impl std::fmt::Display for BackupPhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            BackupPhase::Unknown(text) => f.write_str(text),
            known => write!(f, "{known:?}"),
        }
    }
}

/// How a backup went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackupStatus {
    /// 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// Version of the tarball format, `1.1.0`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub format_version: String,
    /// When the backup may be deleted, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expiration: Option<String>,
    /// Phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<BackupPhase>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validation_errors: Vec<String>,
    /// Start, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_timestamp: Option<String>,
    /// End, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_timestamp: Option<String>,
    /// Number of warnings.
    #[serde(skip_serializing_if = "is_zero")]
    pub warnings: u64,
    /// Number of errors.
    #[serde(skip_serializing_if = "is_zero")]
    pub errors: u64,
    /// Objects found and written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<BackupProgress>,
    /// Why it failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub failure_reason: String,
    /// Everything else.
    #[serde(flatten)]
    pub other: Other,
}

/// Progress of a backup, in objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackupProgress {
    /// Objects to write.
    pub total_items: u64,
    /// Objects written.
    pub items_backed_up: u64,
    /// Everything else.
    #[serde(flatten)]
    pub other: Other,
}

pub(crate) fn is_zero(n: &u64) -> bool {
    *n == 0
}
