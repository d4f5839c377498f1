//! `velero.io/crd-remap-version`: has a place and a name, and nothing to do.
//!
//! Velero stores a CRD as `apiextensions.k8s.io/v1beta1` if it was made as such and the cluster still serves that
//! version. Kubernetes 1.22 removed the version, and with it the case; older clusters are not supported here.

use crate::action::{ActionError, ActionSelector, BackupAction, BackupOutput, Known};
use crate::api;
use serde_json::Value;

/// Leaves CRDs as they are.
pub struct DefinitionAction;

impl BackupAction for DefinitionAction {
    fn name(&self) -> &str {
        "velero.io/crd-remap-version"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["customresourcedefinitions.apiextensions.k8s.io"])
    }

    fn execute(&self, _: &Value, _: &api::Backup, _: &Known) -> Result<BackupOutput, ActionError> {
        Ok(BackupOutput::default())
    }
}
