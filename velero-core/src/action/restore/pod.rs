//! A pod is scheduled anew.

use super::part;
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};
use crate::resource::ItemId;
use serde_json::Value;

/// `velero.io/pod`: forgets the node, the computed priority and the generated token volume of the service
/// account, and takes the priority class along.
pub struct Pod;

impl RestoreAction for Pod {
    fn name(&self) -> &str {
        "velero.io/pod"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["pods"])
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        let mut item = input.item.clone();
        let tokens = format!("{}-token-", part::text(&item, "/spec/serviceAccountName")?);
        let keep = |part: &Value| !part["name"].as_str().is_some_and(|name| name.starts_with(&tokens));
        if let Some(spec) = part::map_mut(&mut item, "/spec")? {
            spec.remove("nodeName");
            spec.remove("priority");
        }
        if let Some(volumes) = part::list_mut(&mut item, "/spec/volumes")? {
            volumes.retain(keep);
        }
        for containers in ["/spec/containers", "/spec/initContainers"] {
            for container in part::list_mut(&mut item, containers)?.into_iter().flatten() {
                if let Some(mounts) = part::list_mut(container, "/volumeMounts")? {
                    mounts.retain(keep);
                }
            }
        }
        let class = part::text(&item, "/spec/priorityClassName")?;
        let additional = match class.is_empty() {
            true => Vec::new(),
            false => vec![ItemId::new("priorityclasses.scheduling.k8s.io", "", class)],
        };
        Ok(RestoreOutput { additional, ..RestoreOutput::changed(item) })
    }
}
