//! The text form of label selectors.

use crate::api::{LabelSelector, Requirement};
use crate::error::{Error, Result};

/// Reads Kubernetes' text form (`a=b,c!=d,e in (f,g),!h`); empty text matches everything.
pub fn parse(text: &str) -> Result<LabelSelector> {
    let what = || format!("label selector {text:?}");
    let mut selector = LabelSelector::default();
    if text.trim().is_empty() {
        return Ok(selector);
    }
    for part in split_requirements(text) {
        let requirement = requirement(part.trim()).map_err(|fault| Error::invalid(what(), fault))?;
        let plain = requirement.operator == "=" && !selector.match_labels.contains_key(&requirement.key);
        match requirement {
            Requirement { key, mut values, .. } if plain => {
                selector.match_labels.insert(key, values.pop().unwrap_or_default());
            }
            Requirement { key, operator, values } => {
                let operator = if operator == "=" { "In".to_owned() } else { operator };
                selector.match_expressions.push(Requirement { key, operator, values });
            }
        }
    }
    match super::faults(&selector) {
        faults if faults.is_empty() => Ok(selector),
        faults => Err(Error::Invalid { what: what(), faults }),
    }
}

/// Splits at the commas that stand outside of parentheses.
fn split_requirements(text: &str) -> impl Iterator<Item = &str> {
    let mut open = false;
    text.split(move |c| {
        open = (open || c == '(') && c != ')';
        c == ',' && !open
    })
}

/// One requirement; the operator of plain equality is `=` for the moment.
fn requirement(text: &str) -> Result<Requirement, String> {
    let make = |key: &str, operator: &str, values: Vec<String>| {
        Ok(Requirement { key: key.trim().to_owned(), operator: operator.to_owned(), values })
    };
    let value = |text: &str| vec![text.trim().to_owned()];
    if text.is_empty() {
        Err("a requirement is empty".to_owned())
    } else if let Some((head, list)) = text.split_once('(') {
        let list = list.strip_suffix(')').ok_or(format!("{text:?} does not end in ')'"))?;
        let mut values: Vec<_> = list.split(',').map(|v| v.trim().to_owned()).collect();
        values.sort();
        values.dedup();
        match head.split_whitespace().collect::<Vec<_>>()[..] {
            [key, "in"] => make(key, "In", values),
            [key, "notin"] => make(key, "NotIn", values),
            _ => Err(format!("{text:?} is neither 'key in (values)' nor 'key notin (values)'")),
        }
    } else if let Some((key, right)) = text.split_once("!=") {
        make(key, "NotIn", value(right))
    } else if let Some((key, right)) = text.split_once("==").or_else(|| text.split_once('=')) {
        make(key, "=", value(right))
    } else if let Some(key) = text.strip_prefix('!') {
        make(key, "DoesNotExist", Vec::new())
    } else if text.contains(['<', '>']) {
        Err(format!("{text:?}: label selectors of documents know no '<' and '>'"))
    } else {
        make(text, "Exists", Vec::new())
    }
}

/// Prints Kubernetes' text form; empty for a selector that matches everything.
pub fn print(selector: &LabelSelector) -> String {
    let labels = selector.match_labels.iter().map(|(key, value)| format!("{key}={value}"));
    let expressions = selector.match_expressions.iter().map(|Requirement { key, operator, values }| {
        let mut sorted: Vec<&str> = values.iter().map(String::as_str).collect();
        sorted.sort_unstable();
        sorted.dedup();
        match operator.as_str() {
            "Exists" => key.clone(),
            "DoesNotExist" => format!("!{key}"),
            other => format!("{key} {} ({})", other.to_lowercase(), sorted.join(",")),
        }
    });
    labels.chain(expressions).collect::<Vec<_>>().join(",")
}
