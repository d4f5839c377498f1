//! CustomResourceDefinitions: completed and accepted at once, as the controllers of a real server do in a moment.
//!
//! Checked: the name, one storage version, a schema per version, protected groups, and kinds that another CRD of the group
//! has. The schema's own structure is taken as it is.

use crate::offline::failure::Cause;
use serde_json::{Value, json};

/// The resource of CRDs.
pub const RESOURCE: &str = "customresourcedefinitions.apiextensions.k8s.io";
const APPROVAL: &str = "api-approved.kubernetes.io";

/// Fills in what a server fills in, without the status.
pub fn complete(crd: &mut Value) {
    let spec = &mut crd["spec"];
    let kind = spec["names"]["kind"].as_str().unwrap_or_default().to_owned();
    let names = &mut spec["names"];
    if names["singular"].as_str().is_none_or(str::is_empty) {
        names["singular"] = json!(kind.to_lowercase());
    }
    if names["listKind"].as_str().is_none_or(str::is_empty) {
        names["listKind"] = json!(format!("{kind}List"));
    }
    if spec["conversion"].is_null() {
        spec["conversion"] = json!({ "strategy": "None" });
    }
}

/// What is wrong with a CRD.
pub fn check(crd: &Value) -> Vec<Cause> {
    let spec = &crd["spec"];
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let group = text(&spec["group"]);
    let mut causes = Vec::new();
    if text(&crd["metadata"]["name"]) != format!("{}.{group}", text(&spec["names"]["plural"])) {
        let why = "must be spec.names.plural+\".\"+spec.group";
        causes.push(Cause::invalid("metadata.name", &crd["metadata"]["name"], why));
    }
    let protected = group == "k8s.io"
        || group == "kubernetes.io"
        || [".k8s.io", ".kubernetes.io"].iter().any(|end| group.ends_with(end));
    if protected && !crd["metadata"]["annotations"][APPROVAL].is_string() {
        let why = format!("protected groups must have approval annotation \"{APPROVAL}\"");
        causes.push(Cause::required(format!("metadata.annotations[{APPROVAL}]"), &why));
    }
    let versions = spec["versions"].as_array().map(Vec::as_slice).unwrap_or_default();
    if versions.iter().filter(|version| version["storage"] == true).count() != 1 {
        let why = "must have exactly one version marked as storage version";
        causes.push(Cause::invalid("spec.versions", &spec["versions"], why));
    }
    for (at, version) in versions.iter().enumerate() {
        if !version["schema"]["openAPIV3Schema"].is_object() {
            causes.push(Cause::required(format!("spec.versions[{at}].schema.openAPIV3Schema"), ""));
        }
    }
    causes
}

/// Accepts the names, unless `others` have the kind already, and keeps what was accepted before.
pub fn accept(crd: &mut Value, others: &[Value], now: &str) {
    let spec = &crd["spec"];
    let same_group = others.iter().filter(|other| other["spec"]["group"] == spec["group"]);
    let same_kind = same_group.filter(|other| other["metadata"]["name"] != crd["metadata"]["name"]);
    let taken = same_kind.into_iter().any(|other| other["status"]["acceptedNames"]["kind"] == spec["names"]["kind"]);
    let storage = spec["versions"].as_array().into_iter().flatten().find(|version| version["storage"] == true);
    let mut stored = crd["status"]["storedVersions"].as_array().cloned().unwrap_or_default();
    if let Some(version) = storage.map(|version| version["name"].clone()).filter(|name| !stored.contains(name)) {
        stored.push(version);
    }
    let condition = |kind: &str, good: bool, reason: &str, message: &str| {
        let status = if good { "True" } else { "False" };
        json!({ "type": kind, "status": status, "lastTransitionTime": now, "reason": reason, "message": message })
    };
    let kind = spec["names"]["kind"].as_str().unwrap_or_default();
    let (names, conditions) = if taken {
        let why = format!("\"{kind}\" is already in use");
        let names = condition("NamesAccepted", false, "KindConflict", &why);
        let waiting = condition("Established", false, "NotAccepted", "not all names are accepted");
        (json!({ "plural": spec["names"]["plural"], "kind": "" }), [names, waiting])
    } else {
        let names = condition("NamesAccepted", true, "NoConflicts", "no conflicts found");
        let established = "the initial names have been accepted";
        (spec["names"].clone(), [names, condition("Established", true, "InitialNamesAccepted", established)])
    };
    let before = &crd["status"]["conditions"];
    let changed = |new: &Value| !before.as_array().into_iter().flatten().any(|old| same_condition(old, new));
    let conditions = if conditions.iter().any(changed) { json!(conditions) } else { before.clone() };
    crd["status"] = json!({ "acceptedNames": names, "conditions": conditions, "storedVersions": stored });
}

fn same_condition(old: &Value, new: &Value) -> bool {
    old["type"] == new["type"] && old["status"] == new["status"]
}

/// Whether the CRD's resource is served.
pub fn is_established(crd: &Value) -> bool {
    let conditions = crd["status"]["conditions"].as_array().into_iter().flatten();
    conditions.into_iter().any(|condition| condition["type"] == "Established" && condition["status"] == "True")
}
