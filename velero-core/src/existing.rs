//! What to do with an object that already exists in the target cluster (spec 6.7).
//!
//! Comes in: the object as the restore would create it, and the object as the server keeps it. Goes out: a
//! [`Verdict`], with the merge patch to send where there is one. Nothing is refused: a malformed object merely
//! differs.
//!
//! Unlike Velero, neither `metadata.managedFields` nor `status` counts as a difference or enters a patch: the
//! first records who wrote, the second what a controller saw, and both made Velero warn about objects that
//! nobody had changed.

use serde_json::{Map, Value, json};

/// Label that names the backup an object came from.
pub const BACKUP_LABEL: &str = "velero.io/backup-name";

/// Label that names the restore that wrote an object.
pub const RESTORE_LABEL: &str = "velero.io/restore-name";

/// What the API server assigns and a restore must not send (spec 6.6, step 8).
const ASSIGNED: [&str; 9] = [
    "generateName",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
];

/// The verdict on an existing object.
#[derive(Clone, Debug, PartialEq)]
pub enum Verdict {
    /// Equal to the desired object; nothing to write.
    Equal,
    /// Equal, but the Velero labels are brought up to date (policy `update`).
    PatchLabels(Value),
    /// Different, and patched with this merge patch (policy `update`, or a ServiceAccount merge). `labels` is the label-only patch to
    /// fall back to if the first one is refused.
    Patch {
        /// Merge patch to the desired object.
        patch: Value,
        /// Label-only merge patch, tried when the first is refused.
        fallback: Option<Value>,
    },
    /// Different and left alone; reported as a warning.
    Differs,
}

/// Compares `desired` (as it would be created) with `live` (as the server keeps it) under `update` or not.
///
/// A ServiceAccount is merged under either policy: pull secrets, secrets, labels and annotations that the live
/// one lacks are added, nothing is taken away, and the Velero labels are not set.
pub fn compare(desired: &Value, live: &Value, update: bool) -> Verdict {
    let desired = comparable(desired);
    let mut base = comparable(live);
    let labels = update.then(|| label_patch(&desired, &base)).flatten();
    for label in [BACKUP_LABEL, RESTORE_LABEL] {
        set_label(&mut base, label, desired["metadata"]["labels"].get(label).cloned());
    }
    if equal(&base, &desired) {
        return labels.map_or(Verdict::Equal, Verdict::PatchLabels);
    }
    if desired["kind"] == "ServiceAccount" && desired["apiVersion"] == "v1" {
        let patch = merge_patch(&base, &merged_service_account(&base, &desired));
        return match patch == json!({}) {
            true => Verdict::Equal,
            false => Verdict::Patch { patch, fallback: labels },
        };
    }
    if !update {
        return Verdict::Differs;
    }
    // The labels of the live object count here, so that a patch to the spec also brings them up to date.
    for label in [BACKUP_LABEL, RESTORE_LABEL] {
        set_label(&mut base, label, live["metadata"]["labels"].get(label).cloned());
    }
    Verdict::Patch { patch: merge_patch(&base, &desired), fallback: labels }
}

/// The merge patch (RFC 7386) that turns `from` into `to`; an empty object if they are equal.
///
/// Lists are replaced whole. A null inside `to` means absence, since a merge patch has no way to write one.
pub fn merge_patch(from: &Value, to: &Value) -> Value {
    let (Value::Object(from), Value::Object(to)) = (from, to) else {
        return to.clone();
    };
    let mut patch = Map::new();
    for key in from.keys().filter(|key| !to.contains_key(*key)) {
        patch.insert(key.clone(), Value::Null);
    }
    for (key, wanted) in to {
        match from.get(key) {
            Some(have) if have == wanted => {}
            Some(have @ Value::Object(_)) if wanted.is_object() => {
                let inner = merge_patch(have, wanted);
                if inner != json!({}) {
                    patch.insert(key.clone(), inner);
                }
            }
            _ => {
                patch.insert(key.clone(), wanted.clone());
            }
        }
    }
    Value::Object(patch)
}

/// Removes what the server assigns: `generateName`, `selfLink`, `uid`, `resourceVersion`, `generation`, the timestamps, owner references and `status`.
///
/// Everything else of the metadata stays, notably finalizers and managed fields.
pub fn reset(object: &mut Value) {
    if let Some(object) = object.as_object_mut() {
        object.remove("status");
    }
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        for field in ASSIGNED {
            metadata.remove(field);
        }
    }
}

/// The object without what is not compared.
fn comparable(object: &Value) -> Value {
    let mut object = object.clone();
    reset(&mut object);
    crate::managed_fields::strip(&mut object);
    object
}

/// The patch that gives `live` the two Velero labels of `desired`; `None` if it has them.
fn label_patch(desired: &Value, live: &Value) -> Option<Value> {
    let mut labels = Map::new();
    for label in [BACKUP_LABEL, RESTORE_LABEL] {
        let wanted = desired["metadata"]["labels"].get(label)?;
        if live["metadata"]["labels"].get(label) != Some(wanted) {
            labels.insert(label.to_owned(), wanted.clone());
        }
    }
    (!labels.is_empty()).then(|| json!({ "metadata": { "labels": labels } }))
}

/// Sets one label, or takes it away; a label map that becomes empty goes too, and one that is needed comes.
fn set_label(object: &mut Value, label: &str, value: Option<Value>) {
    let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) else { return };
    match value {
        Some(value) => {
            let labels = metadata.entry("labels").or_insert_with(|| json!({}));
            if labels.is_null() {
                *labels = json!({});
            }
            if let Some(labels) = labels.as_object_mut() {
                labels.insert(label.to_owned(), value);
            }
        }
        None => {
            if let Some(labels) = metadata.get_mut("labels").and_then(Value::as_object_mut) {
                labels.remove(label);
                if labels.is_empty() {
                    metadata.remove("labels");
                }
            }
        }
    }
}

/// Kubernetes' semantic equality on JSON: a null equals an empty list or map at the same key, while a missing
/// key and a null are different.
fn equal(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, value)| b.get(key).is_some_and(|other| equal(value, other)))
        }
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b)),
        (Value::Null, other) | (other, Value::Null) => is_empty(other),
        (a, b) => a == b,
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(list) => list.is_empty(),
        Value::Object(map) => map.is_empty(),
        _ => false,
    }
}

/// The live ServiceAccount with what it lacks of the desired one.
fn merged_service_account(live: &Value, desired: &Value) -> Value {
    let mut merged = live.clone();
    for field in ["secrets", "imagePullSecrets"] {
        let have = live[field].as_array().map_or(&[][..], Vec::as_slice);
        let wanted = desired[field].as_array().map_or(&[][..], Vec::as_slice);
        let missing: Vec<_> = wanted.iter().filter(|w| !have.iter().any(|h| h["name"] == w["name"])).cloned().collect();
        if let (false, Some(object)) = (missing.is_empty(), merged.as_object_mut()) {
            object.insert(field.to_owned(), Value::Array([have, &missing].concat()));
        }
    }
    let Some(metadata) = merged.get_mut("metadata").and_then(Value::as_object_mut) else { return merged };
    for field in ["labels", "annotations"] {
        let Some(wanted) = desired["metadata"][field].as_object().filter(|map| !map.is_empty()) else { continue };
        let mut all = wanted.clone();
        all.extend(live["metadata"][field].as_object().cloned().unwrap_or_default());
        metadata.insert(field.to_owned(), Value::Object(all));
    }
    merged
}

#[cfg(test)]
mod tests;
