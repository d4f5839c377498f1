//! A pod no longer waits for data of an earlier restore.

use super::part;
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};

/// `velero.io/pod-volume-restore`: removes the init containers by which an earlier restore, of either name that
/// Velero gave them, made the pod wait for its volumes. Without their restore they would wait forever.
pub struct PodVolumeRestore;

impl RestoreAction for PodVolumeRestore {
    fn name(&self) -> &str {
        "velero.io/pod-volume-restore"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["pods"])
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        let mut item = input.item.clone();
        let Some(containers) = part::list_mut(&mut item, "/spec/initContainers")? else {
            return Ok(RestoreOutput::default());
        };
        containers.retain(|container| container["name"] != "restore-wait" && container["name"] != "restic-wait");
        if let (true, Some(spec)) = (containers.is_empty(), part::map_mut(&mut item, "/spec")?) {
            spec.remove("initContainers");
        }
        Ok(RestoreOutput::changed(item))
    }
}
