//! Backup hooks that somebody asked for and this build does not run: each pod concerned is named in a warning.
//!
//! Spec 5.1 says where hooks come from: annotations of the pod, or `spec.hooks`. Refuses a hook whose label selector is
//! not valid, as Velero does.

use crate::action::ActionSelector;
use crate::action::reach::Reach;
use crate::api::hooks::ResourceHook;
use crate::api::{BackupSpec, Other};
use crate::error::{Error, Result};
use crate::problem::{Problem, Stage};
use crate::resource::{GroupResource, ItemId};
use crate::selector;
use crate::table::ResourceTable;
use serde_json::Value;
use std::collections::BTreeMap;

/// Annotations that make a hook; the one without a phase is an older spelling of `pre`.
const COMMANDS: [&str; 3] =
    ["hook.backup.velero.io/command", "pre.hook.backup.velero.io/command", "post.hook.backup.velero.io/command"];

/// The hooks of a request.
pub(super) struct HookWatch {
    hooks: Vec<(String, Reach)>,
}

impl HookWatch {
    pub(super) fn new(spec: &BackupSpec, table: &ResourceTable) -> Result<Self> {
        let pods = GroupResource::parse("pods");
        let mut hooks = Vec::new();
        for hook in spec.hooks.iter().flat_map(|hooks| &hooks.resources) {
            let faults = hook.label_selector.as_ref().map(selector::faults).unwrap_or_default();
            if !faults.is_empty() {
                return Err(Error::Invalid { what: format!("label selector of hook {}", hook.name), faults });
            }
            let reach = Reach::resolve(&format!("hook {}", hook.name), &reach_of(hook), table)?;
            let has_phase =
                ["pre", "post"].iter().any(|phase| hook.other.get(*phase).is_some_and(|v| *v != Value::Null));
            if has_phase && reach.covers_resource(&pods) {
                hooks.push((hook.name.clone(), reach));
            }
        }
        Ok(HookWatch { hooks })
    }

    /// A warning if a hook belongs to `pod`.
    pub(super) fn left_out(&self, id: &ItemId, pod: &Value, labels: &BTreeMap<String, String>) -> Option<Problem> {
        let annotations = &pod["metadata"]["annotations"];
        let annotated = COMMANDS.iter().find(|key| annotations[**key].is_string());
        let requested = self.hooks.iter().find(|(_, reach)| reach.covers(&id.namespace, labels));
        let hook = match (annotated, requested) {
            (Some(key), _) => format!("annotation {key}"),
            (None, Some((name, _))) => format!("hook {name:?} of the request"),
            (None, None) => return None,
        };
        let message = format!("not run: {hook}; this build runs no backup hooks");
        Some(Problem::warning(Stage::Hook, "HookNotRun", message).about(id.clone()))
    }
}

fn reach_of(hook: &ResourceHook) -> ActionSelector {
    ActionSelector {
        included_namespaces: hook.included_namespaces.clone(),
        excluded_namespaces: hook.excluded_namespaces.clone(),
        included_resources: texts(&hook.other, "includedResources"),
        excluded_resources: texts(&hook.other, "excludedResources"),
        label_selector: hook.label_selector.as_ref().map(selector::print).unwrap_or_default(),
    }
}

fn texts(other: &Other, field: &str) -> Vec<String> {
    let list = other.get(field).and_then(Value::as_array);
    list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}
