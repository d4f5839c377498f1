//! `velero.io/pv`: a bound claim is freed of what ties it to its source, and takes its volume along.

use crate::action::{ActionError, ActionSelector, BackupAction, BackupOutput, Known};
use crate::api;
use crate::resource::ItemId;
use serde_json::{Map, Value};

/// Labels that an earlier backup or restore left on the claim.
const STALE_LABELS: [&str; 3] =
    ["velero.io/restore-name", "velero.io/volume-snapshot-name", "backup.velero.io/must-include-additional-items"];

/// Label that names the backup that last snapshotted the claim.
const BACKUP_NAME_LABEL: &str = "velero.io/backup-name";

/// Adds the volume of each bound claim.
pub struct ClaimAction;

impl BackupAction for ClaimAction {
    fn name(&self) -> &str {
        "velero.io/pv"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["persistentvolumeclaims"])
    }

    fn execute(&self, item: &Value, backup: &api::Backup, _: &Known) -> Result<BackupOutput, ActionError> {
        let volume = item["spec"]["volumeName"].as_str().unwrap_or("");
        if item["status"]["phase"] != "Bound" || volume.is_empty() {
            return Ok(BackupOutput::default());
        }
        let mut claim = item.clone();
        if let Some(spec) = claim.get_mut("spec").and_then(Value::as_object_mut) {
            free_spec(spec);
        }
        if let Some(metadata) = claim.get_mut("metadata").and_then(Value::as_object_mut) {
            drop_stale_labels(metadata, &backup.metadata.name);
        }
        Ok(BackupOutput {
            item: (claim != *item).then_some(claim),
            additional: vec![ItemId::new("persistentvolumes", "", volume)],
            ..BackupOutput::default()
        })
    }
}

/// Removes the data source, and the selector as far as it would keep a new volume from being provisioned.
fn free_spec(spec: &mut Map<String, Value>) {
    spec.remove("dataSource");
    spec.remove("dataSourceRef");
    if spec.get("storageClassName").and_then(Value::as_str) != Some("") {
        spec.remove("selector");
    }
    if let Some(labels) = spec.get_mut("selector").and_then(|s| s.get_mut("matchLabels")).and_then(Value::as_object_mut)
    {
        labels.retain(|key, _| !key.starts_with("velero.io/"));
    }
}

fn drop_stale_labels(metadata: &mut Map<String, Value>, backup: &str) {
    let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) else { return };
    labels.retain(|key, value| {
        !STALE_LABELS.contains(&key.as_str()) && (key != BACKUP_NAME_LABEL || value.as_str() == Some(backup))
    });
}
