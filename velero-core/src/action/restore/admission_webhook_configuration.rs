//! Webhook configurations that were written for `v1beta1` become valid for `v1`.

use super::part;
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};
use serde_json::json;

/// `velero.io/admission-webhook-configuration`: `sideEffects` that `v1` no longer accepts become `None`.
pub struct AdmissionWebhookConfiguration;

impl RestoreAction for AdmissionWebhookConfiguration {
    fn name(&self) -> &str {
        "velero.io/admission-webhook-configuration"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources([
            "mutatingwebhookconfigurations.admissionregistration.k8s.io",
            "validatingwebhookconfigurations.admissionregistration.k8s.io",
        ])
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        if part::text(input.item, "/apiVersion")? != "admissionregistration.k8s.io/v1" {
            return Ok(RestoreOutput::default());
        }
        let mut item = input.item.clone();
        for webhook in part::list_mut(&mut item, "/webhooks")?.into_iter().flatten() {
            let valid = webhook["sideEffects"] == "None" || webhook["sideEffects"] == "NoneOnDryRun";
            if let (false, Some(webhook)) = (valid, webhook.as_object_mut()) {
                webhook.insert("sideEffects".to_owned(), json!("None"));
            }
        }
        Ok(RestoreOutput::changed(item))
    }
}
