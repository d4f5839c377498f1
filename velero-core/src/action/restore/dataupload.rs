//! Records of the data mover are not restored as objects.

use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};

/// `velero.io/dataupload`: a DataUpload tells where a volume's data lies. Created in a cluster it would start an
/// upload, so it is skipped. Velero makes a ConfigMap of it for its data mover, which this build does not have;
/// the claim whose data stays behind is reported where volumes are decided.
pub struct DataUpload;

impl RestoreAction for DataUpload {
    fn name(&self) -> &str {
        "velero.io/dataupload"
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources(["datauploads.velero.io"])
    }

    fn execute(&self, _input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        Ok(RestoreOutput::skipped("it records an upload and is not restored as an object"))
    }
}
