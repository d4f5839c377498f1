//! The fields that can not change once an object is there: those of built-in resources that a restore meets.

use crate::offline::admit::remove;
use crate::offline::failure::Cause;
use serde_json::{Value, json};
use velero_core::Resource;

const IMMUTABLE: &str = "field is immutable";
const SEALED: &str = "field is immutable when `immutable` is set";
const POD: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
const STATEFUL_SET: &str = "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden";
const CLAIM: &str =
    "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims";

/// What of `new` differs from `old` and must not.
pub fn check(row: &Resource, old: &Value, new: &Value) -> Vec<Cause> {
    match (row.group.as_str(), row.plural.as_str()) {
        ("", "configmaps") => sealed(old, new, &["data", "binaryData"]),
        ("", "secrets") => [changed(old, new, &["type"]), sealed(old, new, &["data"])].concat(),
        ("", "pods") => pod(old, new),
        ("", "persistentvolumeclaims") => claim(old, new),
        ("", "persistentvolumes") => volume(old, new),
        ("apps", "deployments" | "daemonsets" | "replicasets") => changed(old, new, &["spec.selector"]),
        ("apps", "statefulsets") => stateful_set(old, new),
        ("apps", "controllerrevisions") => changed(old, new, &["data"]),
        ("batch", "jobs") => {
            changed(old, new, &["spec.completions", "spec.selector", "spec.template", "spec.completionMode"])
        }
        ("rbac.authorization.k8s.io", "rolebindings" | "clusterrolebindings") => role(old, new),
        ("storage.k8s.io", "storageclasses") => storage_class(old, new),
        ("scheduling.k8s.io", "priorityclasses") => locked(old, new, &["value"], "may not be changed in an update."),
        ("networking.k8s.io", "ingressclasses") => changed(old, new, &["spec.controller"]),
        ("node.k8s.io", "runtimeclasses") => changed(old, new, &["handler"]),
        ("apiextensions.k8s.io", "customresourcedefinitions") => {
            changed(old, new, &["spec.scope", "spec.group", "spec.names.plural", "spec.names.kind"])
        }
        _ => Vec::new(),
    }
}

fn at<'a>(object: &'a Value, path: &str) -> &'a Value {
    path.split('.').fold(object, |value, field| &value[field])
}

fn changed(old: &Value, new: &Value, paths: &[&str]) -> Vec<Cause> {
    let changed = paths.iter().filter(|path| at(old, path) != at(new, path));
    changed.map(|path| Cause::invalid(*path, at(new, path), IMMUTABLE)).collect()
}

fn locked(old: &Value, new: &Value, paths: &[&str], why: &str) -> Vec<Cause> {
    paths.iter().filter(|path| at(old, path) != at(new, path)).map(|path| Cause::forbidden(*path, why)).collect()
}

/// ConfigMaps and Secrets that were declared immutable.
fn sealed(old: &Value, new: &Value, fields: &[&str]) -> Vec<Cause> {
    if old["immutable"] != true {
        return Vec::new();
    }
    [locked(old, new, fields, SEALED), locked(old, new, &["immutable"], SEALED)].concat()
}

fn without(object: &Value, fields: &[&str]) -> Value {
    let mut rest = object["spec"].clone();
    fields.iter().for_each(|field| remove(&mut rest, field));
    rest
}

fn pod(old: &Value, new: &Value) -> Vec<Cause> {
    let frozen = |pod: &Value| {
        let mut spec = without(pod, &["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds"]);
        for list in ["containers", "initContainers"] {
            let containers = spec.get_mut(list).and_then(Value::as_array_mut);
            containers.into_iter().flatten().for_each(|container| remove(container, "image"));
        }
        spec
    };
    let kept = |list: &str| {
        let of = |pod: &Value| pod["spec"][list].as_array().cloned().unwrap_or_default();
        of(old).iter().all(|item| of(new).contains(item))
    };
    let same = frozen(old) == frozen(new) && kept("tolerations");
    if same { Vec::new() } else { vec![Cause::forbidden("spec", POD)] }
}

fn claim(old: &Value, new: &Value) -> Vec<Cause> {
    let bound = old["status"]["phase"] == "Bound";
    let frozen = |claim: &Value| {
        let mut spec = claim["spec"].clone();
        if bound {
            remove(&mut spec["resources"], "requests");
            remove(&mut spec, "volumeAttributesClassName");
        }
        if old["spec"]["volumeName"].as_str().is_none_or(str::is_empty) {
            remove(&mut spec, "volumeName");
        }
        spec
    };
    if frozen(old) == frozen(new) { Vec::new() } else { vec![Cause::forbidden("spec", CLAIM)] }
}

/// Everything in the specification that does not describe the volume's use is its source.
fn volume(old: &Value, new: &Value) -> Vec<Cause> {
    const USE: [&str; 9] = [
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    ];
    let mut causes = Vec::new();
    if without(old, &USE) != without(new, &USE) {
        let why = "spec.persistentvolumesource is immutable after creation";
        causes.push(Cause::forbidden("spec.persistentvolumesource", why));
    }
    if old["spec"]["volumeMode"] != new["spec"]["volumeMode"] {
        causes.push(Cause::invalid("volumeMode", &new["spec"]["volumeMode"], IMMUTABLE));
    }
    causes
}

fn stateful_set(old: &Value, new: &Value) -> Vec<Cause> {
    const FREE: [&str; 7] = [
        "replicas",
        "ordinals",
        "template",
        "updateStrategy",
        "revisionHistoryLimit",
        "persistentVolumeClaimRetentionPolicy",
        "minReadySeconds",
    ];
    if without(old, &FREE) == without(new, &FREE) { Vec::new() } else { vec![Cause::forbidden("spec", STATEFUL_SET)] }
}

fn role(old: &Value, new: &Value) -> Vec<Cause> {
    let reference = &new["roleRef"];
    if *reference == old["roleRef"] {
        return Vec::new();
    }
    let shown = json!({ "APIGroup": reference["apiGroup"], "Kind": reference["kind"], "Name": reference["name"] });
    vec![Cause::invalid("roleRef", &shown, "cannot change roleRef")]
}

fn storage_class(old: &Value, new: &Value) -> Vec<Cause> {
    let fields = ["parameters", "provisioner", "reclaimPolicy"];
    let locked =
        fields.iter().flat_map(|field| locked(old, new, &[field], &format!("updates to {field} are forbidden.")));
    locked.chain(changed(old, new, &["volumeBindingMode"])).collect()
}

/// What of a new or changed object of a built-in resource is missing or does not fit; addresses are
/// the business of [`service`](super::service).
pub fn required(row: &Resource, object: &Value) -> Vec<Cause> {
    let spec = &object["spec"];
    let missing = |value: &Value| value.as_array().is_none_or(Vec::is_empty);
    let mut causes = Vec::new();
    match (row.group.as_str(), row.plural.as_str()) {
        ("", "pods") if missing(&spec["containers"]) => causes.push(Cause::required("spec.containers", "")),
        ("", "services") => {
            let none = spec["clusterIP"] == "None" || spec["type"] == "ExternalName";
            if missing(&spec["ports"]) && !none {
                causes.push(Cause::required("spec.ports", ""));
            }
        }
        ("", "persistentvolumeclaims") => {
            if missing(&spec["accessModes"]) {
                causes.push(Cause::required("spec.accessModes", "at least 1 access mode is required"));
            }
            if spec["resources"]["requests"]["storage"].is_null() {
                causes.push(Cause::required("spec.resources[storage]", ""));
            }
        }
        ("apps", "deployments" | "daemonsets" | "replicasets" | "statefulsets") => selector(object, &mut causes),
        ("batch", "jobs")
            if !matches!(spec["template"]["spec"]["restartPolicy"].as_str(), Some("OnFailure" | "Never")) =>
        {
            let why = "valid values: \"OnFailure\", \"Never\"";
            causes.push(Cause::required("spec.template.spec.restartPolicy", why));
        }
        ("batch", "jobs") => job_selector(object, &mut causes),
        _ => {}
    }
    causes
}

/// A workload's selector must match its own template.
fn selector(workload: &Value, causes: &mut Vec<Cause>) {
    let selector = &workload["spec"]["selector"];
    if !selector.is_object() {
        causes.push(Cause::required("spec.selector", ""));
    }
    let labels = &workload["spec"]["template"]["metadata"]["labels"];
    let matched = selector["matchLabels"].as_object().into_iter().flatten().all(|(key, value)| labels[key] == *value);
    if !matched || !selector.is_object() {
        let why = "`selector` does not match template `labels`";
        causes.push(Cause::invalid("spec.template.metadata.labels", labels, why));
    }
}

/// A Job that does not select its pods by hand must select them by its own identity.
fn job_selector(job: &Value, causes: &mut Vec<Cause>) {
    let spec = &job["spec"];
    let own = job["metadata"]["uid"].clone();
    let selector = &spec["selector"];
    let labels = selector["matchLabels"].as_object();
    let mine = labels.is_some_and(|labels| labels.len() == 1 && labels.values().all(|uid| *uid == own));
    if spec["manualSelector"] != true && !mine {
        causes.push(Cause::invalid("spec.selector", selector, "`selector` not auto-generated"));
    }
}
