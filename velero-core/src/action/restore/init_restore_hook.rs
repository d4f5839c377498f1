//! Init containers that a restore adds to pods (spec 5.2).

use super::part;
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};
use crate::restore_hooks;
use serde_json::{Value, json};

/// `velero.io/init-restore-hook`: puts the init containers of the pod's annotations, or else of the restore's
/// hooks, in front of the pod's own, but behind the container that waits for restored data.
pub struct InitRestoreHook;

impl RestoreAction for InitRestoreHook {
    fn name(&self) -> &str {
        "velero.io/init-restore-hook"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["pods"])
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        let added = restore_hooks::init_containers(input.item, input.restore).map_err(ActionError)?;
        if added.is_empty() {
            return Ok(RestoreOutput::default());
        }
        let own = part::list(input.item, "/spec/initContainers")?;
        let waits = own.first().is_some_and(|first| first["name"] == "restore-wait");
        let (first, rest) = own.split_at(usize::from(waits));
        let mut item = input.item.clone();
        let spec = item.get_mut("spec").and_then(Value::as_object_mut);
        let spec = spec.ok_or_else(|| ActionError("the pod has no spec".to_owned()))?;
        spec.insert("initContainers".to_owned(), json!([first, &added, rest].concat()));
        Ok(RestoreOutput::changed(item))
    }
}
