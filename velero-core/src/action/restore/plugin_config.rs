//! The ConfigMap by which a cluster configures a restore action (spec 6.11, plugin configuration).

use crate::action::{ActionError, RestoreInput};
use crate::resource::GroupResource;
use serde_json::{Map, Value};

/// The data of the one ConfigMap of the Velero namespace that is labelled for the action `name`; `None` if
/// there is none or it is empty. Two of them contradict each other and are an error.
pub fn of<'a>(input: &RestoreInput<'a>, name: &str) -> Result<Option<&'a Map<String, Value>>, ActionError> {
    let config_maps = input.known.list(&GroupResource::new("", "configmaps")).iter().filter(|config_map| {
        let metadata = &config_map["metadata"];
        metadata["namespace"] == input.restore.metadata.namespace.as_str()
            && metadata["labels"].get("velero.io/plugin-config").is_some()
            && metadata["labels"][name] == "RestoreItemAction"
    });
    let found: Vec<&Value> = config_maps.collect();
    match found.as_slice() {
        [] => Ok(None),
        [only] => Ok(only["data"].as_object().filter(|data| !data.is_empty())),
        more => {
            let mut names: Vec<_> = more.iter().filter_map(|c| c["metadata"]["name"].as_str()).collect();
            names.sort_unstable();
            Err(ActionError(format!("more than one ConfigMap configures {name}: {}", names.join(", "))))
        }
    }
}
