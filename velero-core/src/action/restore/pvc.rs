//! A claim is bound anew.

use super::part;
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};
use crate::pv;
use crate::resource::ItemId;

/// Annotations that tie a claim to its old volume, provisioner, node and backup.
const TIES: [&str; 7] = [
    pv::BINDING_ANNOTATIONS[0],
    pv::BINDING_ANNOTATIONS[1],
    "volume.kubernetes.io/storage-provisioner",
    "volume.beta.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/selected-node",
    "velero.io/volume-snapshot-name",
    "velero.io/data-upload-name",
];

/// `velero.io/pvc`: removes the ties and takes the volume along, if the claim was bound to one.
pub struct Pvc;

impl RestoreAction for Pvc {
    fn name(&self) -> &str {
        "velero.io/pvc"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["persistentvolumeclaims"])
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        let mut item = input.item.clone();
        part::map_mut(&mut item, "/metadata/annotations")?;
        pv::remove_annotations(&mut item, &TIES);
        let bound = part::text(input.item_from_backup, "/status/phase")? == "Bound";
        let volume = part::text(input.item_from_backup, "/spec/volumeName")?;
        let additional = match bound && !volume.is_empty() {
            true => vec![ItemId::new("persistentvolumes", "", volume)],
            false => Vec::new(),
        };
        Ok(RestoreOutput { additional, ..RestoreOutput::changed(item) })
    }
}
