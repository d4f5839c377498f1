//! Label selectors: read from text, printed as text, matched against labels.
//!
//! The text form is the one of Kubernetes (`a=b,c!=d,e in (f,g),!h`). Refused: `<` and `>`, which the document form can not
//! hold, and keys and values that are no labels. `c!=d` becomes `c notin (d)`, as in Kubernetes also true without label `c`.

mod text;

use crate::api::{LabelSelector, Requirement};
use std::collections::BTreeMap;

pub use text::{parse, print};

/// Whether `labels` match. A requirement with an unknown operator never does; [`faults`] finds it beforehand.
pub fn matches(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    selector.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
        && selector.match_expressions.iter().all(|requirement| holds(requirement, labels))
}

fn holds(requirement: &Requirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&requirement.key);
    match requirement.operator.as_str() {
        "In" => value.is_some_and(|v| requirement.values.contains(v)),
        "NotIn" => value.is_none_or(|v| !requirement.values.contains(v)),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

/// What is wrong with `selector`: keys and values that are no labels, unknown operators, values missing or too many.
pub fn faults(selector: &LabelSelector) -> Vec<String> {
    let labels = selector.match_labels.iter().flat_map(|(key, value)| [key_fault(key), value_fault(key, value)]);
    let requirements = selector.match_expressions.iter().flat_map(requirement_faults);
    labels.flatten().chain(requirements).collect()
}

fn requirement_faults(requirement: &Requirement) -> Vec<String> {
    let Requirement { key, operator, values } = requirement;
    let shape = match operator.as_str() {
        "In" | "NotIn" if values.is_empty() => Some(format!("label {key:?}: {operator} needs values")),
        "Exists" | "DoesNotExist" if !values.is_empty() => Some(format!("label {key:?}: {operator} takes no values")),
        "In" | "NotIn" | "Exists" | "DoesNotExist" => None,
        other => Some(format!("label {key:?}: {other:?} is no operator of label selectors")),
    };
    let values = values.iter().filter_map(|value| value_fault(key, value));
    key_fault(key).into_iter().chain(shape).chain(values).collect()
}

fn key_fault(key: &str) -> Option<String> {
    let (prefix, name) = key.split_once('/').map_or((None, key), |(prefix, name)| (Some(prefix), name));
    let lower = |p: &str| p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.');
    let good_prefix = prefix.is_none_or(|p| p.len() <= 253 && lower(p) && p.split('.').all(is_word));
    (!good_prefix || !is_word(name) || name.len() > 63).then(|| format!("{key:?} is no label key"))
}

fn value_fault(key: &str, value: &str) -> Option<String> {
    let good = value.is_empty() || (value.len() <= 63 && is_word(value));
    (!good).then(|| format!("label {key:?}: {value:?} is no label value"))
}

/// Letters and digits, with `-`, `_` and `.` only between them.
fn is_word(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let outer = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    outer(text.as_bytes().first()) && outer(text.as_bytes().last()) && text.bytes().all(inner)
}

#[cfg(test)]
mod tests;
