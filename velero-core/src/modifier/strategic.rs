//! Strategic merge patches, the patches of `kubectl edit` and kustomize.
//!
//! Like merge patches, but lists of the built-in kinds are merged by a key where the kind says so
//! ([`schema`]), and directives say what a merge can not: `$patch` (`replace`, `delete`, `merge`),
//! `$retainKeys`, `$deleteFromPrimitiveList/FIELD` and `$setElementOrder/FIELD`. Kinds that are not built in are
//! refused, as nothing tells how their lists merge. Velero also refuses patches with fields that the kind does
//! not have; we keep no list of fields and leave that to the API server.

mod list;
mod schema;

use super::merge;
use schema::Rule;
use serde_json::{Map, Value};

type Object = Map<String, Value>;

const PATCH: &str = "$patch";
const RETAIN_KEYS: &str = "$retainKeys";
const DELETE: &str = "$deleteFromPrimitiveList/";
const ORDER: &str = "$setElementOrder/";

/// `object` after all `patches`, one after the other.
pub fn apply(patches: &[String], object: &Value) -> Result<Value, String> {
    let (api_version, kind) = (object["apiVersion"].as_str().unwrap_or(""), object["kind"].as_str().unwrap_or(""));
    let root = schema::root(api_version, kind).ok_or_else(|| {
        format!("{kind} of {api_version} is not built into Kubernetes, so strategic merge patches do not apply to it")
    })?;
    let Value::Object(mut patched) = object.clone() else { return Err("it is not an object".to_owned()) };
    for patch in patches {
        let Value::Object(patch) = merge::read(patch)? else { continue };
        patched = merge_object(patched, patch, root)?;
    }
    Ok(Value::Object(patched))
}

/// Merges `patch` into `original`, an object of the type `kind`.
fn merge_object(mut original: Object, mut patch: Object, kind: &'static str) -> Result<Object, String> {
    match patch.remove(PATCH) {
        None => {}
        Some(directive) if directive == "merge" => {}
        Some(directive) if directive == "replace" => return Ok(stripped_object(patch)),
        Some(directive) if directive == "delete" => return Ok(Object::new()),
        Some(other) => return Err(format!("{PATCH}: {other} is unknown")),
    }
    retain_keys(&mut original, &mut patch)?;
    delete_from_lists(&mut original, &mut patch)?;
    order_lists(&mut original, &mut patch, kind)?;
    for (field, value) in patch {
        let rule = schema::rule(kind, &field);
        let merged = match (original.remove(&field), value) {
            (_, Value::Null) => continue,
            (Some(Value::Object(from)), Value::Object(to)) => match rule {
                Rule::Replace => Some(Value::Object(stripped_object(to))),
                Rule::Part(part) => Some(Value::Object(merge_object(from, to, part)?)),
                _ => Some(Value::Object(merge_object(from, to, "")?)),
            },
            (Some(Value::Array(from)), Value::Array(to)) => Some(Value::Array(list::merge(from, to, rule, &field)?)),
            (_, new) => stripped(new),
        };
        if let Some(merged) = merged {
            original.insert(field, merged);
        }
    }
    Ok(original)
}

/// `$retainKeys`: the original loses all other keys; the patch must not set any other.
fn retain_keys(original: &mut Object, patch: &mut Object) -> Result<(), String> {
    let Some(keys) = patch.remove(RETAIN_KEYS) else { return Ok(()) };
    let keys = keys.as_array().ok_or_else(|| format!("{RETAIN_KEYS} is not a list"))?;
    let kept = |key: &str| keys.iter().any(|kept| kept == key);
    let stray = patch.iter().find(|(key, value)| !value.is_null() && !key.starts_with('$') && !kept(key));
    if let Some((stray, _)) = stray {
        return Err(format!("the patch sets {stray}, which its {RETAIN_KEYS} does not name"));
    }
    original.retain(|key, _| kept(key));
    Ok(())
}

/// `$deleteFromPrimitiveList/FIELD`: the list loses these values.
fn delete_from_lists(original: &mut Object, patch: &mut Object) -> Result<(), String> {
    for (field, values) in take(patch, DELETE) {
        let values = values.as_array().ok_or_else(|| format!("{DELETE}{field} is not a list"))?;
        if let Some(list) = original.get_mut(&field).and_then(Value::as_array_mut) {
            list.retain(|value| !values.contains(value));
        }
    }
    Ok(())
}

/// `$setElementOrder/FIELD`: the list is merged with that of the patch and put in this order.
fn order_lists(original: &mut Object, patch: &mut Object, kind: &'static str) -> Result<(), String> {
    for (field, order) in take(patch, ORDER) {
        let wrong = |what: &str| format!("{what} {field} is not a list");
        let Value::Array(order) = order else { return Err(wrong(ORDER)) };
        let rule = schema::rule(kind, &field);
        let before = match original.remove(&field) {
            None | Some(Value::Null) => Vec::new(),
            Some(Value::Array(list)) => list,
            Some(_) => return Err(wrong("the field")),
        };
        let merged = match patch.remove(&field) {
            None => before.clone(),
            Some(Value::Array(list)) => {
                list::check_order(&list, &order, rule, &field)?;
                list::merge(before.clone(), list, rule, &field)?
            }
            Some(_) => return Err(wrong("the patch for")),
        };
        if !merged.is_empty() || !before.is_empty() {
            original.insert(field, Value::Array(list::arrange(merged, &order, &before, rule)));
        }
    }
    Ok(())
}

/// Takes the directives out of `patch` that start with `prefix`, with the field each is about.
fn take(patch: &mut Object, prefix: &str) -> Vec<(String, Value)> {
    let keys: Vec<String> = patch.keys().filter(|key| key.starts_with(prefix)).cloned().collect();
    keys.into_iter().filter_map(|key| Some((key[prefix.len()..].to_owned(), patch.remove(&key)?))).collect()
}

/// New content without nulls and directives; `None` if it is a directive as a whole.
fn stripped(value: Value) -> Option<Value> {
    match value {
        Value::Object(object) if object.contains_key(PATCH) => None,
        Value::Object(object) => Some(Value::Object(stripped_object(object))),
        Value::Array(list) => Some(Value::Array(list.into_iter().filter_map(stripped).collect())),
        other => Some(other),
    }
}

fn stripped_object(object: Object) -> Object {
    let directive = |key: &str| key == RETAIN_KEYS || key.starts_with(DELETE) || key.starts_with(ORDER);
    let fields = object.into_iter().filter(|(key, value)| !value.is_null() && !directive(key));
    fields.filter_map(|(key, value)| Some((key, stripped(value)?))).collect()
}

#[cfg(test)]
mod tests;
