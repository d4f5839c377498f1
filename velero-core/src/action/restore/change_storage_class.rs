//! Claims and volumes move to another storage class, as a ConfigMap of the target cluster says.

use super::{part, plugin_config};
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};
use crate::resource::GroupResource;
use serde_json::{Map, Value};

const NAME: &str = "velero.io/change-storage-class";

/// `velero.io/change-storage-class`: the ConfigMap maps old classes to new ones, which must exist.
pub struct ChangeStorageClass;

impl RestoreAction for ChangeStorageClass {
    fn name(&self) -> &str {
        NAME
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["persistentvolumeclaims", "persistentvolumes", "statefulsets.apps"])
    }

    fn needs(&self) -> Vec<GroupResource> {
        vec!["configmaps".into(), storage_classes()]
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        let Some(classes) = plugin_config::of(&input, NAME)? else { return Ok(RestoreOutput::default()) };
        let mut item = input.item.clone();
        if part::text(input.item, "/kind")? == "StatefulSet" {
            for template in part::list_mut(&mut item, "/spec/volumeClaimTemplates")?.into_iter().flatten() {
                change(template, classes, &input)?;
            }
        } else {
            change(&mut item, classes, &input)?;
        }
        Ok(RestoreOutput::changed(item))
    }
}

fn storage_classes() -> GroupResource {
    GroupResource::new("storage.k8s.io", "storageclasses")
}

/// Changes `spec.storageClassName` of a claim, a volume or a claim template, if it is set and mapped.
fn change(object: &mut Value, classes: &Map<String, Value>, input: &RestoreInput<'_>) -> Result<(), ActionError> {
    let old = part::text(object, "/spec/storageClassName")?;
    let Some(new) = classes.get(old).filter(|_| !old.is_empty()).and_then(Value::as_str) else { return Ok(()) };
    if input.known.get(&storage_classes(), "", new).is_none() {
        return Err(ActionError(format!("storage class {new}, which is to replace {old}, does not exist")));
    }
    if let Some(spec) = part::map_mut(object, "/spec")? {
        spec.insert("storageClassName".to_owned(), Value::from(new));
    }
    Ok(())
}
