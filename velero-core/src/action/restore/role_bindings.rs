//! Bindings follow their service accounts into the namespaces they are restored to.

use super::part;
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};
use serde_json::json;

/// `velero.io/cluster-role-bindings`: maps the namespaces of the subjects.
pub struct ClusterRoleBindings;

/// `velero.io/role-bindings`: maps the namespaces of the subjects.
pub struct RoleBindings;

impl RestoreAction for ClusterRoleBindings {
    fn name(&self) -> &str {
        "velero.io/cluster-role-bindings"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["clusterrolebindings.rbac.authorization.k8s.io"])
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        map_subjects(&input)
    }
}

impl RestoreAction for RoleBindings {
    fn name(&self) -> &str {
        "velero.io/role-bindings"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["rolebindings.rbac.authorization.k8s.io"])
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        map_subjects(&input)
    }
}

fn map_subjects(input: &RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
    let mapping = &input.restore.spec.namespace_mapping;
    if mapping.is_empty() {
        return Ok(RestoreOutput::default());
    }
    let mut item = input.item.clone();
    for subject in part::list_mut(&mut item, "/subjects")?.into_iter().flatten() {
        let target = mapping.get(part::text(subject, "/namespace")?);
        if let (Some(target), Some(namespace)) = (target, subject.get_mut("namespace")) {
            *namespace = json!(target);
        }
    }
    Ok(RestoreOutput::changed(item))
}
