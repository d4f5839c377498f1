//! Merging and ordering of the lists of a strategic merge patch.

use super::schema::Rule;
use super::{PATCH, merge_object, stripped};
use serde_json::Value;

/// Merges the list `patch` into `original` by `rule`; a list without a rule is replaced.
pub fn merge(original: Vec<Value>, patch: Vec<Value>, rule: Rule, field: &str) -> Result<Vec<Value>, String> {
    let (kind, key) = match rule {
        Rule::List(kind, key) => (kind, key),
        Rule::Set => return merge_set(original, patch, field),
        _ => return Ok(patch.into_iter().filter_map(stripped).collect()),
    };
    let (original, patch) = obey_directives(original, patch, key, field)?;
    let mut merged = original.clone();
    for element in &patch {
        let wanted = key_of(element, key, field)?;
        match merged.iter_mut().find(|have| have[key] == *wanted) {
            Some(have) => {
                if let (Value::Object(from), Value::Object(to)) = (have.take(), element.clone()) {
                    *have = Value::Object(merge_object(from, to, kind)?);
                }
            }
            None => merged.extend(stripped(element.clone())),
        }
    }
    Ok(arrange(merged, &patch, &original, rule))
}

/// Puts `items` in the order that `wanted` gives to those it names; the others keep their place relative to
/// their neighbours in `before`.
pub fn arrange(items: Vec<Value>, wanted: &[Value], before: &[Value], rule: Rule) -> Vec<Value> {
    let position = |list: &[Value], item: &Value| list.iter().position(|other| same(other, item, rule));
    let (mut named, others): (Vec<_>, Vec<_>) = items.into_iter().partition(|item| position(wanted, item).is_some());
    named.sort_by_key(|item| position(wanted, item));
    let mut arranged = Vec::with_capacity(named.len() + others.len());
    let mut others = others.into_iter().peekable();
    for item in named {
        let place = position(before, &item);
        while let Some(other) = others.next_if(|other| place.is_some() && position(before, other) < place) {
            arranged.push(other);
        }
        arranged.push(item);
    }
    arranged.extend(others);
    arranged
}

/// Checks that the elements of a patch stand in the order that its own directive gives.
pub fn check_order(patch: &[Value], order: &[Value], rule: Rule, field: &str) -> Result<(), String> {
    let mut order = order.iter();
    let mut elements = patch.iter().filter(|element| element.get(PATCH).is_none());
    match elements.all(|element| order.any(|place| same(place, element, rule))) {
        true => Ok(()),
        false => Err(format!("the elements of {field} do not stand in the order of $setElementOrder")),
    }
}

fn same(a: &Value, b: &Value, rule: Rule) -> bool {
    match rule {
        Rule::List(_, key) => a.get(key).is_some() && a.get(key) == b.get(key),
        _ => a == b,
    }
}

fn merge_set(original: Vec<Value>, patch: Vec<Value>, field: &str) -> Result<Vec<Value>, String> {
    if patch.iter().any(|value| value.is_object() || value.is_array()) {
        return Err(format!("{field} is a list of plain values"));
    }
    let mut merged: Vec<Value> = Vec::with_capacity(original.len() + patch.len());
    for value in original.iter().chain(&patch) {
        if !merged.contains(value) {
            merged.push(value.clone());
        }
    }
    Ok(arrange(merged, &patch, &original, Rule::Set))
}

/// Carries out the `$patch` directives among the elements of `patch`, and returns what is left to merge.
fn obey_directives(
    mut original: Vec<Value>,
    patch: Vec<Value>,
    key: &str,
    field: &str,
) -> Result<(Vec<Value>, Vec<Value>), String> {
    let mut plain = Vec::with_capacity(patch.len());
    let mut replace = false;
    for element in patch {
        match element.get(PATCH) {
            None => plain.push(element),
            Some(directive) if directive == "replace" => replace = true,
            Some(directive) if directive == "delete" => {
                let unwanted = key_of(&element, key, field)?;
                original.retain(|have| have[key] != *unwanted);
            }
            Some(other) => return Err(format!("{PATCH}: {other} is unknown in the list {field}")),
        }
    }
    if replace {
        return Ok((plain.into_iter().filter_map(stripped).collect(), Vec::new()));
    }
    Ok((original, plain))
}

fn key_of<'a>(element: &'a Value, key: &str, field: &str) -> Result<&'a Value, String> {
    element.get(key).ok_or_else(|| format!("an element of {field} lacks its merge key {key}"))
}
