//! A Job gets a selector of its own again.

use super::part;
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};

/// `velero.io/job`: removes the labels that the Job controller generated from the old Job's uid.
pub struct Job;

impl RestoreAction for Job {
    fn name(&self) -> &str {
        "velero.io/job"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["jobs.batch"])
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        let mut item = input.item.clone();
        for pointer in ["/spec/selector/matchLabels", "/spec/template/metadata/labels"] {
            if let Some(labels) = part::map_mut(&mut item, pointer)? {
                labels.remove("controller-uid");
                labels.remove("batch.kubernetes.io/controller-uid");
            }
        }
        Ok(RestoreOutput::changed(item))
    }
}
