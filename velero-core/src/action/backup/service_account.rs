//! `velero.io/service-account`: a service account takes along the cluster roles that are bound to it.

use crate::action::{ActionError, ActionSelector, BackupAction, BackupOutput, Known};
use crate::api;
use crate::resource::{GroupResource, ItemId};
use serde_json::Value;

const BINDINGS: &str = "clusterrolebindings.rbac.authorization.k8s.io";
const ROLES: &str = "clusterroles.rbac.authorization.k8s.io";

/// Adds the ClusterRoleBindings that name a service account, and their ClusterRoles.
pub struct ServiceAccountAction;

impl BackupAction for ServiceAccountAction {
    fn name(&self) -> &str {
        "velero.io/service-account"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["serviceaccounts"])
    }

    fn needs(&self) -> Vec<GroupResource> {
        vec![GroupResource::parse(BINDINGS)]
    }

    fn execute(&self, item: &Value, _: &api::Backup, known: &Known) -> Result<BackupOutput, ActionError> {
        let (namespace, name) = (&item["metadata"]["namespace"], &item["metadata"]["name"]);
        let mut additional = Vec::new();
        for binding in known.list(&GroupResource::parse(BINDINGS)) {
            let subjects = binding["subjects"].as_array().map_or(&[][..], Vec::as_slice);
            let bound = |s: &Value| s["kind"] == "ServiceAccount" && s["namespace"] == *namespace && s["name"] == *name;
            if !subjects.iter().any(bound) {
                continue;
            }
            let named = |resource, name: &Value| name.as_str().map(|name| ItemId::new(resource, "", name));
            additional.extend(named(BINDINGS, &binding["metadata"]["name"]));
            additional.extend(named(ROLES, &binding["roleRef"]["name"]));
        }
        Ok(BackupOutput { additional, ..BackupOutput::default() })
    }
}
