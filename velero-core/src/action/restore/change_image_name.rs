//! Images move to another registry, as a ConfigMap of the target cluster says.

use super::{part, plugin_config};
use crate::action::{ActionError, ActionSelector, RestoreAction, RestoreInput, RestoreOutput};
use crate::resource::GroupResource;
use serde_json::{Map, Value};

const NAME: &str = "velero.io/change-image-name";

/// `velero.io/change-image-name`: each value `old,new` of the ConfigMap replaces a part of image names. The
/// first entry that matches an image is taken, in the order of the keys; Velero's order is random.
pub struct ChangeImageName;

impl RestoreAction for ChangeImageName {
    fn name(&self) -> &str {
        NAME
    }

    fn applies_to(&self) -> ActionSelector {
        ActionSelector::resources([
            "deployments.apps",
            "statefulsets.apps",
            "daemonsets.apps",
            "replicasets.apps",
            "replicationcontrollers",
            "jobs.batch",
            "cronjobs.batch",
            "pods",
        ])
    }

    fn needs(&self) -> Vec<GroupResource> {
        vec!["configmaps".into()]
    }

    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError> {
        let Some(config) = plugin_config::of(&input, NAME)? else { return Ok(RestoreOutput::default()) };
        let rules = rules(config);
        let pod_spec = match part::text(input.item, "/kind")? {
            "Pod" => "/spec",
            "CronJob" => "/spec/jobTemplate/spec/template/spec",
            _ => "/spec/template/spec",
        };
        let mut item = input.item.clone();
        for list in ["containers", "initContainers"] {
            for container in part::list_mut(&mut item, &format!("{pod_spec}/{list}"))?.into_iter().flatten() {
                rename(container, &rules)?;
            }
        }
        Ok(RestoreOutput::changed(item))
    }
}

/// The parts to replace, in the order of the keys. An entry without a comma, or with nothing on one of its
/// sides, is none.
fn rules(config: &Map<String, Value>) -> Vec<(&str, &str)> {
    let mut entries: Vec<_> = config.iter().collect();
    entries.sort_unstable_by_key(|(key, _)| *key);
    let rules = entries.into_iter().filter_map(|(_, value)| value.as_str()?.split_once(','));
    let rules = rules.filter(|(_, new)| !new.is_empty()).map(|(old, new)| (old.trim(), new.trim()));
    rules.filter(|(old, _)| !old.is_empty()).collect()
}

fn rename(container: &mut Value, rules: &[(&str, &str)]) -> Result<(), ActionError> {
    let image = part::text(container, "/image")?.to_owned();
    let rule = rules.iter().find(|(old, _)| !image.is_empty() && image.contains(old));
    if let (Some((old, new)), Some(slot)) = (rule, container.get_mut("image")) {
        *slot = Value::String(image.replace(old, new));
    }
    Ok(())
}
