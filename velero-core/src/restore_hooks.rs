//! What the hooks of a restore ask for a pod (spec 5.2).
//!
//! Comes in: a pod in its source namespace and the restore. Goes out: the init containers to add, and a
//! description of each command that would run in the restored pod. Commands are not run by this build; the
//! driver reports each description as a warning, so that no hook is left out silently.

use crate::api::Restore;
use crate::api::hooks::ResourceHook;
use crate::glob::GlobSet;
use crate::name::hex;
use crate::selector;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

const INIT: &str = "init.hook.restore.velero.io";
const POST: &str = "post.hook.restore.velero.io";

/// The reason under which a hook that is not run is reported.
pub const HOOK_NOT_RUN: &str = "HookNotRun";

/// The init containers that hooks add to `pod`: that of its annotations, or else those of all hooks of the
/// restore that apply. An error names the hook that is not valid.
///
/// A container that the annotations do not name is called `velero-restore-init-` and eight digits, which are
/// the same each time the same pod is restored by the same restore.
pub fn init_containers(pod: &Value, restore: &Restore) -> Result<Vec<Value>, String> {
    if let Some(container) = annotated_init_container(pod, restore) {
        return Ok(vec![container]);
    }
    let mut containers = Vec::new();
    for (hook, post) in applicable(pod, restore) {
        for container in post["init"]["initContainers"].as_array().into_iter().flatten() {
            let complete =
                ["name", "image"].iter().all(|field| container[field].as_str().is_some_and(|t| !t.is_empty()))
                    && container["command"].as_array().is_some_and(|command| !command.is_empty());
            if !complete {
                return Err(format!("an init container of restore hook {:?} lacks name, image or command", hook.name));
            }
            containers.push(container.clone());
        }
    }
    Ok(containers)
}

/// The commands that hooks run in `pod` once it is restored, one description each. An annotation on the pod
/// replaces the hooks of the restore.
pub fn exec_hooks_of(pod: &Value, restore: &Restore) -> Vec<String> {
    if let Some(command) = annotation(pod, POST, "command") {
        let container = annotation(pod, POST, "container");
        return vec![describe("of the pod's annotations", container, &parse_command(command))];
    }
    let hooks = applicable(pod, restore).into_iter().filter(|(_, post)| post["exec"].is_object());
    let described = hooks.map(|(hook, post)| {
        let command = post["exec"]["command"].as_array().into_iter().flatten().filter_map(Value::as_str);
        let command: Vec<_> = command.map(str::to_owned).collect();
        describe(&format!("{:?} of the restore", hook.name), post["exec"]["container"].as_str(), &command)
    });
    described.collect()
}

/// A command as annotations carry it: a JSON list of strings, or else one word that no shell splits.
pub fn parse_command(text: &str) -> Vec<String> {
    let list = text.starts_with('[').then(|| serde_json::from_str(text).ok()).flatten();
    list.unwrap_or_else(|| vec![text.to_owned()])
}

fn describe(source: &str, container: Option<&str>, command: &[String]) -> String {
    let container = container.map_or("the first container".to_owned(), |name| format!("container {name}"));
    // The arguments may hold secrets, the program does not.
    let program = command.first().map_or("", String::as_str);
    let program = program.split_whitespace().next().unwrap_or("no command");
    format!("post hook {source} in {container}: {program}")
}

fn annotation<'a>(pod: &'a Value, kind: &str, key: &str) -> Option<&'a str> {
    pod["metadata"]["annotations"][format!("{kind}/{key}").as_str()].as_str().filter(|value| !value.is_empty())
}

fn annotated_init_container(pod: &Value, restore: &Restore) -> Option<Value> {
    let image = annotation(pod, INIT, "container-image")?;
    let name = annotation(pod, INIT, "container-name").map_or_else(|| generated_name(pod, restore), str::to_owned);
    let mut container = Map::from_iter([("name".to_owned(), json!(name)), ("image".to_owned(), json!(image))]);
    if let Some(command) = annotation(pod, INIT, "command") {
        container.insert("command".to_owned(), json!(parse_command(command)));
    }
    Some(Value::Object(container))
}

fn generated_name(pod: &Value, restore: &Restore) -> String {
    let metadata = &pod["metadata"];
    let identity = format!("{}/{}/{}", restore.metadata.uid, metadata["namespace"], metadata["name"]);
    format!("velero-restore-init-{}", &hex(&Sha256::digest(identity.as_bytes()))[..8])
}

/// Each `postHooks` entry of the hooks that apply to `pod`: target namespace and labels must match; whatever
/// resources a hook names, it concerns pods.
fn applicable<'a>(pod: &Value, restore: &'a Restore) -> Vec<(&'a ResourceHook, &'a Value)> {
    let source = pod["metadata"]["namespace"].as_str().unwrap_or("");
    let target = restore.spec.namespace_mapping.get(source).map_or(source, String::as_str);
    let hooks = restore.spec.hooks.iter().flat_map(|hooks| &hooks.resources);
    let matching = hooks.filter(|hook| in_namespace(hook, target) && has_labels(hook, pod));
    matching
        .flat_map(|hook| {
            hook.other.get("postHooks").and_then(Value::as_array).into_iter().flatten().map(move |post| (hook, post))
        })
        .collect()
}

fn in_namespace(hook: &ResourceHook, namespace: &str) -> bool {
    let (included, excluded) = (&hook.included_namespaces, &hook.excluded_namespaces);
    (included.is_empty() || GlobSet::new(included).matches(namespace)) && !GlobSet::new(excluded).matches(namespace)
}

fn has_labels(hook: &ResourceHook, pod: &Value) -> bool {
    let Some(wanted) = &hook.label_selector else { return true };
    let labels = pod["metadata"]["labels"].as_object().into_iter().flatten();
    let labels: BTreeMap<_, _> = labels.filter_map(|(key, v)| Some((key.clone(), v.as_str()?.to_owned()))).collect();
    selector::matches(wanted, &labels)
}

#[cfg(test)]
mod tests;
