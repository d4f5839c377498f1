//! What becomes of a PersistentVolume and its claim on restore (spec 6.9; 6.6 step 10).
//!
//! Comes in: the volume as backed up and what the backup knows of its data. Goes out: a [`PvDecision`], and the
//! changes to volume and claim that follow from it. No data moves here, and nothing is asked of a cluster.

use crate::api::BackupVolumeInfo;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Annotations by which the volume controller remembers a binding.
pub const BINDING_ANNOTATIONS: [&str; 2] = ["pv.kubernetes.io/bind-completed", "pv.kubernetes.io/bound-by-controller"];

/// What the backup knows of the data of one volume.
#[derive(Clone, Copy, Debug, Default)]
pub struct PvFacts<'a> {
    /// The entry of the volume-info document under the volume's name. Where there is one, it decides alone; the
    /// other facts serve backups that are too old to have the document.
    pub volume_info: Option<&'a BackupVolumeInfo>,
    /// Whether the backup lists a native snapshot of the volume.
    pub native_snapshot: bool,
    /// Whether a file-system backup of the claim exists, see [`has_pod_volume_backup`].
    pub pod_volume_backup: bool,
    /// Whether the backup holds a CSI snapshot of the claim, see [`has_volume_snapshot`].
    pub volume_snapshot: bool,
    /// How many data-mover results there are for the claim; exactly one counts.
    pub data_upload_results: usize,
}

/// What to do with a backed-up volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PvDecision {
    /// Create the volume as it was, pointing at the same storage.
    RestoreAsIs,
    /// Do not create it; its claim loses `spec.volumeName`, so that the storage class makes a new volume.
    Provision,
    /// Its data is in a snapshot of the storage provider, which this build can not turn into a volume.
    UnsupportedSnapshot,
}

/// Decides for `pv` as it stands in the backup.
pub fn decide(pv: &Value, facts: PvFacts<'_>) -> PvDecision {
    let by_reclaim_policy = match pv["spec"]["persistentVolumeReclaimPolicy"] == "Delete" {
        true => PvDecision::Provision,
        false => PvDecision::RestoreAsIs,
    };
    if let Some(info) = facts.volume_info {
        return match info.backup_method.as_str() {
            "NativeSnapshot" => PvDecision::UnsupportedSnapshot,
            "PodVolumeBackup" | "CSISnapshot" => PvDecision::Provision,
            _ => by_reclaim_policy,
        };
    }
    if facts.native_snapshot {
        return PvDecision::UnsupportedSnapshot;
    }
    if facts.pod_volume_backup || facts.volume_snapshot || facts.data_upload_results == 1 {
        return PvDecision::Provision;
    }
    by_reclaim_policy
}

/// Namespace and name of the claim that `pv` is bound to.
pub fn claim_of(pv: &Value) -> Option<(&str, &str)> {
    let claim = &pv["spec"]["claimRef"];
    Some((claim["namespace"].as_str()?, claim["name"].as_str()?))
}

/// Whether one of `backups` (PodVolumeBackups) holds data of the claim.
pub fn has_pod_volume_backup(backups: &[Value], namespace: &str, claim: &str) -> bool {
    backups.iter().any(|backup| {
        backup["spec"]["pod"]["namespace"] == namespace
            && backup["metadata"]["annotations"]["velero.io/pvc-name"] == claim
            && backup["status"]["snapshotID"].as_str().is_some_and(|id| !id.is_empty())
    })
}

/// Whether one of `snapshots` (CSI VolumeSnapshots) was taken of the claim.
pub fn has_volume_snapshot(snapshots: &[Value], namespace: &str, claim: &str) -> bool {
    snapshots.iter().any(|snapshot| {
        snapshot["metadata"]["namespace"] == namespace
            && snapshot["spec"]["source"]["persistentVolumeClaimName"] == claim
    })
}

/// Prepares a volume that is restored as is: the claim it refers to moves to the target namespace, and the
/// identity of the old claim and the marks of the old binding go, so that the restored claim can bind to it.
pub fn release_volume(pv: &mut Value, namespace_mapping: &BTreeMap<String, String>) {
    if let Some(claim) = pv.pointer_mut("/spec/claimRef").and_then(Value::as_object_mut) {
        claim.remove("uid");
        claim.remove("resourceVersion");
        let target = claim.get("namespace").and_then(Value::as_str).and_then(|source| namespace_mapping.get(source));
        if let Some(target) = target.cloned() {
            claim.insert("namespace".to_owned(), json!(target));
        }
    }
    remove_annotations(pv, &BINDING_ANNOTATIONS);
}

/// Prepares a claim after the item actions: one that names a volume loses the marks of its binding, and the name
/// too if that volume is `provisioned` anew. A claim that names no volume stays as it is.
pub fn release_claim(claim: &mut Value, provisioned: impl Fn(&str) -> bool) {
    let Some(volume) = claim["spec"]["volumeName"].as_str().filter(|name| !name.is_empty()) else { return };
    let is_provisioned = provisioned(volume);
    remove_annotations(claim, &BINDING_ANNOTATIONS);
    if let (true, Some(spec)) = (is_provisioned, claim.get_mut("spec").and_then(Value::as_object_mut)) {
        spec.remove("volumeName");
    }
}

/// Removes annotations by name; an annotation map that becomes empty goes too.
pub(crate) fn remove_annotations(object: &mut Value, names: &[&str]) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) else { return };
    let before = annotations.len();
    for name in names {
        annotations.remove(*name);
    }
    if before > 0 && annotations.is_empty() {
        metadata.remove("annotations");
    }
}

#[cfg(test)]
mod tests;
