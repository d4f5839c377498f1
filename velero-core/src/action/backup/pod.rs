//! `velero.io/pod`: a pod takes its claims and its priority class along.

use crate::action::{ActionError, ActionSelector, BackupAction, BackupOutput, Known};
use crate::api;
use crate::resource::ItemId;
use serde_json::Value;

/// Adds the claims and the priority class of each pod.
pub struct PodAction;

impl BackupAction for PodAction {
    fn name(&self) -> &str {
        "velero.io/pod"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["pods"])
    }

    fn execute(&self, item: &Value, _: &api::Backup, _: &Known) -> Result<BackupOutput, ActionError> {
        let class = item["spec"]["priorityClassName"].as_str().filter(|name| !name.is_empty());
        let namespace = item["metadata"]["namespace"].as_str().unwrap_or("");
        let volumes = item["spec"]["volumes"].as_array().map_or(&[][..], Vec::as_slice);
        let claims = volumes.iter().filter_map(|v| v["persistentVolumeClaim"]["claimName"].as_str());
        let additional = class
            .map(|name| ItemId::new("priorityclasses.scheduling.k8s.io", "", name))
            .into_iter()
            .chain(claims.map(|name| ItemId::new("persistentvolumeclaims", namespace, name)))
            .collect();
        Ok(BackupOutput { additional, ..BackupOutput::default() })
    }
}
