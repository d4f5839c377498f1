//! The Restore document (spec 7.6, A.5).

use super::backup::is_zero;
use super::hooks::Hooks;
use super::{API_VERSION, Duration, LabelSelector, Metadata, Other, TypedReference};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A restore: what was wished and how it went.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Restore {
    /// `velero.io/v1`.
    pub api_version: String,
    /// `Restore`.
    pub kind: String,
    /// Name, labels, annotations.
    #[serde(default)]
    pub metadata: Metadata,
    /// The wish.
    #[serde(default)]
    pub spec: RestoreSpec,
    /// How it went.
    #[serde(default)]
    pub status: RestoreStatus,
    /// Everything else.
    #[serde(flatten)]
    pub other: Other,
}

impl Restore {
    /// A new restore called `name` with `spec`, not yet run.
    pub fn new(name: impl Into<String>, spec: RestoreSpec) -> Self {
        Restore {
            api_version: API_VERSION.into(),
            kind: "Restore".into(),
            metadata: Metadata { name: name.into(), namespace: "velero".into(), ..Metadata::default() },
            spec,
            status: RestoreStatus::default(),
            other: Other::default(),
        }
    }
}

/// What a restore is to write.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RestoreSpec {
    /// The backup to restore from.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub backup_name: String,
    /// Or the schedule whose newest backup is taken.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub schedule_name: String,
    /// Source namespaces to include; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_namespaces: Vec<String>,
    /// Source namespaces to leave out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_namespaces: Vec<String>,
    /// Resources to include; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_resources: Vec<String>,
    /// Resources to leave out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_resources: Vec<String>,
    /// Source namespace to target namespace.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub namespace_mapping: BTreeMap<String, String>,
    /// Only objects with these labels.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<LabelSelector>,
    /// Only objects that match one of these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub or_label_selectors: Vec<LabelSelector>,
    /// Whether volumes are restored from snapshots; unset means yes.
    #[serde(rename = "restorePVs", skip_serializing_if = "Option::is_none")]
    pub restore_pvs: Option<bool>,
    /// Resources whose status is restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restore_status: Option<RestoreStatusSpec>,
    /// Whether services keep all node ports.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preserve_node_ports: Option<bool>,
    /// Cluster-scoped resources always (true), never (false) or as related (unset).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub include_cluster_resources: Option<bool>,
    /// Hooks.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hooks: Option<Hooks>,
    /// `none` or `update`; empty means none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub existing_resource_policy: String,
    /// How long to wait for asynchronous operations; zero means 4 hours.
    #[serde(skip_serializing_if = "Duration::is_zero")]
    pub item_operation_timeout: Duration,
    /// ConfigMap with resource modifiers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_modifier: Option<TypedReference>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Other,
}

/// Resources whose status is restored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RestoreStatusSpec {
    /// Resources to include; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_resources: Vec<String>,
    /// Resources to leave out.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_resources: Vec<String>,
}

/// The phase of a restore. A phase that this build does not know is kept as text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestorePhase {
    /// Not started.
    #[default]
    New,
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
    /// Could not run.
    Failed,
    /// A phase of a newer Velero.
    #[serde(untagged)]
    Unknown(String),
}

impl std::fmt::Display for RestorePhase {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            RestorePhase::Unknown(text) => f.write_str(text),
            known => write!(f, "{known:?}"),
        }
    }
}

/// How a restore went.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RestoreStatus {
    /// Phase.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phase: Option<RestorePhase>,
    /// Why it was refused.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub validation_errors: Vec<String>,
    /// Number of warnings.
    #[serde(skip_serializing_if = "is_zero")]
    pub warnings: u64,
    /// Number of errors.
    #[serde(skip_serializing_if = "is_zero")]
    pub errors: u64,
    /// Why it failed.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub failure_reason: String,
    /// Start, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start_timestamp: Option<String>,
    /// End, RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_timestamp: Option<String>,
    /// Objects planned and restored.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress: Option<RestoreProgress>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Other,
}

/// Progress of a restore, in objects.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct RestoreProgress {
    /// Objects to restore.
    pub total_items: u64,
    /// Objects restored.
    pub items_restored: u64,
}
