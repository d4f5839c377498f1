//! A pod takes its claims along.

use super::part;
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};
use crate::resource::ItemId;

/// `velero.io/add-pvc-from-pod`: each claim that a volume of the pod names is restored before the pod.
pub struct AddPvcFromPod;

impl RestoreAction for AddPvcFromPod {
    fn name(&self) -> &str {
        "velero.io/add-pvc-from-pod"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["pods"])
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        let namespace = part::text(input.item, "/metadata/namespace")?;
        let claims = part::list(input.item, "/spec/volumes")?
            .iter()
            .filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str())
            .map(|claim| ItemId::new("persistentvolumeclaims", namespace, claim));
        Ok(RestoreOutput { additional: claims.collect(), ..RestoreOutput::default() })
    }
}
