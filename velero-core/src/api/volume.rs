//! The volume-info document `<b>-volumeinfo.json.gz` (spec 1.8): how each volume's data was, or was not, saved.

use super::Other;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One volume of a backup.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct BackupVolumeInfo {
    /// Claim.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pvc_name: String,
    /// Namespace of the claim.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pvc_namespace: String,
    /// Volume.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pv_name: String,
    /// `NativeSnapshot`, `PodVolumeBackup` or `CSISnapshot`; absent for skipped volumes.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub backup_method: String,
    /// Whether a data mover carried the snapshot.
    pub snapshot_data_moved: bool,
    /// Whether the snapshot stays in the cluster.
    pub preserve_local_snapshot: bool,
    /// Whether the data was left out.
    pub skipped: bool,
    /// Why.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub skipped_reason: String,
    /// `succeeded` or `failed`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub result: String,
    /// Reclaim policy and labels of the volume.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pv_info: Option<PvInfo>,
    /// Method-specific parts and everything else.
    #[serde(flatten)]
    pub other: Other,
}

/// What is known of a volume at backup time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct PvInfo {
    /// `Retain` or `Delete`.
    pub reclaim_policy: String,
    /// Labels.
    pub labels: Option<BTreeMap<String, String>>,
}
