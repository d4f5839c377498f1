//! API services that the API server makes by itself are not restored.

use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};

/// `velero.io/apiservice`: skips an APIService that the aggregator keeps for a built-in group or a CRD.
pub struct ApiService;

impl RestoreAction for ApiService {
    fn name(&self) -> &str {
        "velero.io/apiservice"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector {
            label_selector: "kube-aggregator.kubernetes.io/automanaged".to_owned(),
            ..ActionSelector::resources(["apiservices.apiregistration.k8s.io"])
        }
    }

    fn execute(&self, _input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        Ok(RestoreOutput::skipped("the API server makes it by itself"))
    }
}
