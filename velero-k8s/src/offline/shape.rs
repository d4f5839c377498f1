//! What a server notices when it decodes an object: an object or a list is wanted and something else was sent.
//!
//! Comes in: an object at the door. Goes out: what is wrong with it, in the server's words. Everything behind the door
//! relies on this: the parts named here are objects, lists of objects, or absent.

use crate::offline::served::Row;
use serde_json::Value;

/// Parts of every object.
const METADATA: [&str; 3] = ["/metadata", "/metadata/labels", "/metadata/annotations"];

/// Parts of built-in objects. No built-in kind has one of these as anything else.
const OBJECTS: [&str; 20] = [
    "/data",
    "/roleRef",
    "/spec",
    "/spec/conversion",
    "/spec/jobTemplate",
    "/spec/jobTemplate/metadata",
    "/spec/jobTemplate/spec",
    "/spec/jobTemplate/spec/template",
    "/spec/jobTemplate/spec/template/metadata",
    "/spec/jobTemplate/spec/template/spec",
    "/spec/names",
    "/spec/selector",
    "/spec/strategy",
    "/spec/strategy/rollingUpdate",
    "/spec/template",
    "/spec/template/metadata",
    "/spec/template/metadata/labels",
    "/spec/template/spec",
    "/spec/updateStrategy",
    "/status",
];

/// Lists of objects in built-in objects.
const LISTS: [&str; 3] = ["/spec/ports", "/spec/versions", "/spec/volumeClaimTemplates"];

/// The first part of `object` that is not what a server decodes.
pub fn wrong(row: &Row, object: &Value) -> Option<String> {
    let resource = &row.resource;
    let describe = |pointer: &str, found: &Value| {
        let field = pointer.replace('/', ".");
        format!("json: cannot unmarshal {} into Go struct field {}{field}", json_kind(found), resource.kind)
    };
    let no_object = |pointer: &&str| {
        let found = object.pointer(pointer).filter(|found| !found.is_null() && !found.is_object())?;
        Some(describe(pointer, found))
    };
    let no_list = |pointer: &&str| {
        let found = object.pointer(pointer)?;
        let stranger = found.as_array().map_or(Some(found), |items| items.iter().find(|item| !item.is_object()));
        stranger.filter(|stranger| !stranger.is_null() || found.is_array()).map(|stranger| describe(pointer, stranger))
    };
    if let Some(wrong) = METADATA.iter().find_map(no_object) {
        return Some(wrong);
    }
    // The data of a ControllerRevision is free.
    if row.schema.is_some() || resource.plural == "controllerrevisions" {
        return None;
    }
    OBJECTS.iter().find_map(no_object).or_else(|| LISTS.iter().find_map(no_list))
}

/// What a value is, in the words of Go's JSON decoder.
pub fn json_kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "bool",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
