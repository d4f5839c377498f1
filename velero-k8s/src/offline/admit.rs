//! The door: what a request's object must be before its resource is looked at, and the metadata a server keeps of it.

use crate::offline::failure::{Cause, Failure, Outcome, qualified_kind};
use crate::offline::served::Row;
use crate::offline::shape;
use serde_json::{Map, Value, json};
use velero_core::Resource;

/// The fields of object metadata; a server drops all others.
const METADATA: [&str; 14] = [
    "annotations",
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "finalizers",
    "generateName",
    "generation",
    "labels",
    "managedFields",
    "name",
    "namespace",
    "ownerReferences",
    "resourceVersion",
    "uid",
];

/// The object of a create in `namespace` as far as any resource's rules go; it has neither identity nor time yet.
pub fn created(row: &Row, namespace: &str, object: &Value) -> Outcome<Value> {
    let resource = &*row.resource;
    let Some(fields) = object.as_object() else {
        return Err(Failure::bad_request(format!("the object is no JSON object but {object}")));
    };
    if resource.is_namespaced() == namespace.is_empty() {
        return Err(Failure::not_allowed());
    }
    let mut object = Value::Object(fields.clone());
    check_type(row, &mut object)?;
    if let Some(why) = undecodable(row, &object) {
        let (kind, version) = (&resource.kind, resource.api_version());
        return Err(Failure::bad_request(format!(
            "{kind} in version \"{version}\" cannot be handled as a {kind}: {why}"
        )));
    }
    if !object["metadata"].is_object() {
        object["metadata"] = json!({});
    }
    clean_metadata(&mut object);
    let metadata = &mut object["metadata"];
    if metadata["resourceVersion"].as_str().is_some_and(|version| !version.is_empty()) {
        return Err(Failure::version_on_create());
    }
    for assigned in ["uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "resourceVersion"] {
        remove(metadata, assigned);
    }
    settle_namespace(resource, namespace, &mut object)?;
    Ok(object)
}

/// The same namespace in object and request.
pub fn settle_namespace(resource: &Resource, namespace: &str, object: &mut Value) -> Outcome<()> {
    let metadata = &mut object["metadata"];
    let own = metadata["namespace"].as_str().unwrap_or_default();
    if !resource.is_namespaced() {
        remove(metadata, "namespace");
    } else if own.is_empty() {
        metadata["namespace"] = json!(namespace);
    } else if own != namespace {
        let why = "the namespace of the provided object does not match the namespace sent on the request";
        return Err(Failure::bad_request(why));
    }
    Ok(())
}

/// Kind and version must be the resource's; a built-in resource lets them be left out.
fn check_type(row: &Row, object: &mut Value) -> Outcome<()> {
    let resource = &*row.resource;
    let (version, kind) = (resource.api_version(), resource.kind.clone());
    let sent = |field: &str| object[field].as_str().unwrap_or_default().to_owned();
    let (sent_version, sent_kind) = (sent("apiVersion"), sent("kind"));
    if row.schema.is_none() {
        let strange = [(&sent_version, &version), (&sent_kind, &kind)];
        if let Some((sent, _)) = strange.iter().find(|(sent, own)| !sent.is_empty() && sent != own) {
            let expected = format!("{kind} in version \"{version}\" cannot be handled as a {kind}");
            return Err(Failure::bad_request(format!("{expected}: the object says \"{sent}\"")));
        }
    } else if sent_kind.is_empty() || sent_version.is_empty() {
        let missing = if sent_kind.is_empty() { "Kind" } else { "apiVersion" };
        let why =
            format!("the object provided is unrecognized (must be of type {kind}): Object '{missing}' is missing");
        return Err(Failure::bad_request(why));
    } else if sent_version != version {
        let why =
            format!("the API version in the data ({sent_version}) does not match the expected API version ({version})");
        return Err(Failure::bad_request(why));
    } else if sent_kind != kind {
        let name = object["metadata"]["name"].as_str().unwrap_or_default();
        let strange = Resource { kind: sent_kind.clone(), ..resource.clone() };
        let cause = Cause::invalid("kind", &json!(sent_kind), &format!("must be {kind}"));
        return Err(Failure::invalid(&qualified_kind(&strange), name, vec![cause]));
    }
    object["apiVersion"] = json!(version);
    object["kind"] = json!(kind);
    Ok(())
}

/// What a server can not decode: parts of another type than they must have, and maps of texts that hold something else.
pub fn undecodable(row: &Row, object: &Value) -> Option<String> {
    shape::wrong(row, object).or_else(|| wrong_text(&row.resource, object))
}

/// Maps of texts that hold something else: labels, annotations, the data of ConfigMaps and Secrets.
fn wrong_text(resource: &Resource, object: &Value) -> Option<String> {
    let owner = match (resource.group.as_str(), resource.plural.as_str()) {
        ("", "configmaps" | "secrets") => resource.kind.as_str(),
        _ => "",
    };
    let metadata = &object["metadata"];
    let maps = [
        ("ObjectMeta.metadata.labels", &metadata["labels"]),
        ("ObjectMeta.metadata.annotations", &metadata["annotations"]),
        ("ConfigMap.data", &object["data"]),
        ("Secret.data", &object["data"]),
        ("Secret.stringData", &object["stringData"]),
    ];
    let mine = |field: &str| field.starts_with("ObjectMeta") || field.split('.').next() == Some(owner);
    let wrong = |(field, map): (&str, &Value)| {
        let kind = shape::json_kind(map.as_object()?.values().find(|value| !value.is_null() && !value.is_string())?);
        Some(format!("json: cannot unmarshal {kind} into Go struct field {field} of type string"))
    };
    maps.into_iter().filter(|(field, _)| mine(field)).find_map(wrong)
}

/// Keeps only what a server knows of the metadata, and of that nothing empty.
pub fn clean_metadata(object: &mut Value) {
    if let Some(metadata) = object.get_mut("metadata").and_then(Value::as_object_mut) {
        metadata.retain(|field, value| METADATA.contains(&field.as_str()) && !is_empty(value));
    }
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
        _ => false,
    }
}

/// Removes a field of a JSON object.
pub fn remove(value: &mut Value, field: &str) {
    if let Some(fields) = value.as_object_mut() {
        fields.remove(field);
    }
}

/// Removes the fields that are null, at every depth outside of lists; to a server null means absent.
/// Documents that hold free JSON keep theirs: `schema` of CRDs, `data` of ControllerRevisions.
pub fn drop_nulls(fields: &mut Map<String, Value>) {
    fields.retain(|_, value| !value.is_null());
    for (field, value) in fields.iter_mut() {
        match value {
            Value::Object(inner) if field != "schema" => drop_nulls(inner),
            Value::Array(items) => items.iter_mut().filter_map(Value::as_object_mut).for_each(drop_nulls),
            _ => {}
        }
    }
}
