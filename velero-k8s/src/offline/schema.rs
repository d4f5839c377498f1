//! Structural schemas: what an API server cuts from a custom resource and what it adds.
//!
//! The subset: `properties`, `additionalProperties`, `items`, `default`, `nullable`,
//! `x-kubernetes-preserve-unknown-fields`, `x-kubernetes-embedded-resource`; [`validate`] lists what is checked.

pub mod validate;

use crate::offline::admit;
use serde_json::{Map, Value};

const PRESERVE: &str = "x-kubernetes-preserve-unknown-fields";
const EMBEDDED: &str = "x-kubernetes-embedded-resource";
const ENVELOPE: [&str; 3] = ["apiVersion", "kind", "metadata"];

/// Cuts unknown fields from a whole object, then fills in the defaults.
pub fn complete(schema: &Value, object: &mut Value) {
    prune(schema, object, true);
    default(schema, object);
}

/// Cuts the fields that `schema` does not know; `envelope` keeps `apiVersion`, `kind` and `metadata`.
fn prune(schema: &Value, value: &mut Value, envelope: bool) {
    match value {
        Value::Object(fields) => prune_fields(schema, fields, envelope || schema[EMBEDDED] == true),
        Value::Array(items) if schema["items"].is_object() => {
            items.iter_mut().for_each(|item| prune(&schema["items"], item, false));
        }
        _ => {}
    }
}

fn prune_fields(schema: &Value, fields: &mut Map<String, Value>, envelope: bool) {
    let properties = &schema["properties"];
    let more = &schema["additionalProperties"];
    let keep_all = schema[PRESERVE] == true || *more == true || more.is_object();
    fields.retain(|field, _| keep_all || properties.get(field).is_some() || (envelope && is_envelope(field)));
    for (field, value) in fields.iter_mut() {
        if envelope && is_envelope(field) {
            continue;
        }
        match properties.get(field) {
            Some(property) => prune(property, value, false),
            None if more.is_object() => prune(more, value, false),
            None => {}
        }
    }
    if envelope && let Some(metadata) = fields.remove("metadata") {
        let mut holder = serde_json::json!({ "metadata": metadata });
        admit::clean_metadata(&mut holder);
        fields.insert("metadata".into(), holder["metadata"].take());
    }
}

fn is_envelope(field: &str) -> bool {
    ENVELOPE.contains(&field)
}

/// Fills in defaults, and takes away nulls where null is not allowed.
fn default(schema: &Value, value: &mut Value) {
    match value {
        Value::Object(fields) => {
            let known = schema["properties"].as_object();
            for (field, property) in known.into_iter().flatten() {
                let null = fields.get(field).is_some_and(Value::is_null) && property["nullable"] != true;
                match property.get("default") {
                    Some(default) if null || !fields.contains_key(field) => {
                        fields.insert(field.clone(), default.clone());
                    }
                    None if null => drop(fields.remove(field)),
                    _ => {}
                }
            }
            for (field, value) in fields.iter_mut() {
                let more = &schema["additionalProperties"];
                let property = known.and_then(|known| known.get(field));
                default(property.unwrap_or(more), value);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| default(&schema["items"], item)),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
