//! The Backup document: what is filled in before a run, and what a run of this build refuses to promise (spec 7.4, 7.5).

use super::journal::rfc3339;
use jiff::{SignedDuration, Timestamp};
use velero_core::api::{Backup, BackupSpec, Duration};
use velero_core::archive::FORMAT_VERSION;
use velero_core::name::valid_name;
use velero_core::policy::{ActionType, ResourcePolicies};

const DEFAULT_TTL: Duration = Duration::from_secs(720 * 3600);
const DEFAULT_SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(600);
const DEFAULT_OPERATION_TIMEOUT: Duration = Duration::from_secs(4 * 3600);

/// Fills in what Velero's controller fills in when a backup starts: defaults, labels, annotations, identity, status.
/// `version` is `gitVersion`, `major` and `minor` of the cluster.
pub(super) fn begin(mut backup: Backup, version: &[String; 3], now: Timestamp) -> Backup {
    fill_defaults(&mut backup.spec);
    let metadata = &mut backup.metadata;
    if metadata.namespace.is_empty() {
        metadata.namespace = "velero".into();
    }
    if metadata.uid.is_empty() {
        metadata.uid = uuid::Uuid::new_v4().to_string();
    }
    metadata.creation_timestamp.get_or_insert_with(|| rfc3339(now));
    metadata.labels.insert("velero.io/storage-location".into(), valid_name(&backup.spec.storage_location));
    let names = ["gitversion", "major-version", "minor-version"];
    for (name, value) in names.into_iter().zip(version).filter(|(_, value)| !value.is_empty()) {
        metadata.annotations.insert(format!("velero.io/source-cluster-k8s-{name}"), value.clone());
    }
    metadata.annotations.insert("velero.io/resource-timeout".into(), "10m0s".into());

    let status = &mut backup.status;
    status.version = Some(1);
    status.format_version = FORMAT_VERSION.trim().into();
    status.start_timestamp = Some(rfc3339(now));
    let ttl = SignedDuration::from_secs(backup.spec.ttl.as_secs());
    status.expiration = now.checked_add(ttl).ok().map(rfc3339);
    backup
}

fn fill_defaults(spec: &mut BackupSpec) {
    let unless_set = |field: &mut Duration, default| {
        if field.is_zero() {
            *field = default;
        }
    };
    unless_set(&mut spec.ttl, DEFAULT_TTL);
    unless_set(&mut spec.csi_snapshot_timeout, DEFAULT_SNAPSHOT_TIMEOUT);
    unless_set(&mut spec.item_operation_timeout, DEFAULT_OPERATION_TIMEOUT);
    if spec.storage_location.is_empty() {
        spec.storage_location = "default".into();
    }
    if spec.volume_group_snapshot_label_key.is_empty() {
        spec.volume_group_snapshot_label_key = "velero.io/volume-group".into();
    }
    spec.snapshot_move_data.get_or_insert(false);
    spec.default_volumes_to_fs_backup.get_or_insert(false);
}

/// What `spec` asks for and this build can not do: it saves no volume data, so it must not say it did.
pub(super) fn unsupported(spec: &BackupSpec) -> Vec<String> {
    let restic = spec.other.get("defaultVolumesToRestic").and_then(serde_json::Value::as_bool);
    let fields = [
        ("snapshotMoveData", spec.snapshot_move_data),
        ("snapshotVolumes", spec.snapshot_volumes),
        ("defaultVolumesToFsBackup", spec.default_volumes_to_fs_backup),
        ("defaultVolumesToRestic", restic),
    ];
    let asked = fields.into_iter().filter(|(_, value)| *value == Some(true));
    asked.map(|(field, _)| format!("spec.{field}: true is not supported, this build saves no volume data")).collect()
}

/// Volume policies whose action this build can not carry out.
pub(super) fn unsupported_policies(policies: &ResourcePolicies) -> Vec<String> {
    let policies = policies.volume_policies.iter().enumerate();
    let asked =
        policies.filter(|(_, policy)| matches!(policy.action.kind, ActionType::Snapshot | ActionType::FsBackup));
    asked
        .map(|(index, policy)| {
            let kind = policy.action.kind;
            format!("volumePolicies[{index}].action: {kind:?} is not supported, this build saves no volume data")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_starts_with_what_a_syncing_velero_expects() {
        let now: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        let version = ["v1.34.1".to_owned(), "1".to_owned(), "34".to_owned()];
        let backup = begin(Backup::new("b", BackupSpec::default()), &version, now);
        let document = serde_json::to_value(&backup).unwrap();
        let check =
            |pointer: &str, expected: &str| assert_eq!(document.pointer(pointer).unwrap(), expected, "{pointer}");
        check("/metadata/labels/velero.io~1storage-location", "default");
        check("/metadata/annotations/velero.io~1source-cluster-k8s-gitversion", "v1.34.1");
        check("/metadata/annotations/velero.io~1source-cluster-k8s-minor-version", "34");
        check("/metadata/annotations/velero.io~1resource-timeout", "10m0s");
        check("/spec/storageLocation", "default");
        check("/spec/ttl", "720h0m0s");
        check("/spec/csiSnapshotTimeout", "10m0s");
        check("/spec/itemOperationTimeout", "4h0m0s");
        check("/status/formatVersion", "1.1.0");
        check("/status/startTimestamp", "2026-01-02T03:04:05Z");
        check("/status/expiration", "2026-02-01T03:04:05Z");
        assert_eq!((&document["spec"]["snapshotMoveData"], &document["status"]["version"]), (&false.into(), &1.into()));
    }

    #[test]
    fn promises_of_volume_data_are_refused_by_name() {
        let spec = |json| serde_json::from_value::<BackupSpec>(json).unwrap();
        for field in ["snapshotMoveData", "snapshotVolumes", "defaultVolumesToFsBackup", "defaultVolumesToRestic"] {
            let faults = unsupported(&spec(serde_json::json!({field: true})));
            assert!(faults.len() == 1 && faults[0].contains(field), "{faults:?}");
            assert!(unsupported(&spec(serde_json::json!({field: false}))).is_empty());
        }
    }
}
