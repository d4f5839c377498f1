//! The rules for lists of a spec (spec 7.5): every fault, never only the first.

use super::namespaces::is_pattern;
use crate::api::LabelSelector;
use crate::glob::Glob;
use crate::selector;
use std::collections::BTreeSet;

/// Rule IE: `*` stands alone in the includes and never in the excludes; nothing stands in both.
pub(super) fn include_exclude(list: &str, includes: &[String], excludes: &[String]) -> Vec<String> {
    let mut faults = alone(includes, "includes");
    if excludes.iter().any(|name| name == "*") {
        faults.push("the excludes may not contain '*'".to_owned());
    }
    faults.extend(overlap(includes, excludes));
    prefixed(list, faults)
}

/// Rule S, for one scope: `*` stands alone in its list; where everything is excluded nothing is included; nothing stands in
/// both.
pub(super) fn scoped(list: &str, includes: &[String], excludes: &[String]) -> Vec<String> {
    let mut faults = alone(includes, "includes");
    faults.extend(alone(excludes, "excludes"));
    if !includes.is_empty() && excludes.iter().any(|name| name == "*") {
        faults.push("with '*' excluded nothing can be included".to_owned());
    }
    faults.extend(overlap(includes, excludes));
    prefixed(list, faults)
}

fn alone(names: &[String], list: &str) -> Vec<String> {
    let names: BTreeSet<&String> = names.iter().collect();
    let shared = names.len() > 1 && names.iter().any(|name| *name == "*");
    if shared { vec![format!("'*' must stand alone in the {list}")] } else { Vec::new() }
}

fn overlap(includes: &[String], excludes: &[String]) -> Vec<String> {
    let excludes: BTreeSet<&String> = excludes.iter().collect();
    let both = excludes.into_iter().filter(|name| includes.contains(name));
    both.map(|name| format!("{name:?} is both included and excluded")).collect()
}

/// `Invalid included/excluded <list> lists: <fault>`, the form in which Velero reports them.
fn prefixed(list: &str, faults: Vec<String>) -> Vec<String> {
    faults.into_iter().map(|fault| format!("Invalid {list} lists: {fault}")).collect()
}

/// What is wrong with a namespace name or pattern of a backup; the empty name is allowed.
pub(crate) fn namespace_name(name: &str) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    let reason = if name.contains(['|', '(', ')', '!', '{', '}', ',']) {
        "namespace patterns know only '*', '?' and '[…]'"
    } else if name.contains("**") {
        "'**' is no namespace pattern"
    } else if is_pattern(name) && Glob::new(name).is_err() {
        "the pattern is malformed"
    } else if !is_dns_label(&name.replace(['*', '?', '[', ']'], "x")) {
        "a namespace name has at most 63 lower-case letters, digits and '-', the latter only inside"
    } else if closes_unopened(name) {
        "the pattern closes a class that it did not open"
    } else {
        return None;
    };
    Some(format!("invalid namespace {name:?}: {reason}"))
}

fn closes_unopened(pattern: &str) -> bool {
    pattern.split('[').enumerate().any(|(at, part)| part.matches(']').count() > usize::from(at > 0))
}

fn is_dns_label(text: &str) -> bool {
    let word = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    let ends = [text.bytes().next(), text.bytes().last()];
    text.len() <= 63 && ends.iter().all(|b| b.is_some_and(word)) && text.bytes().all(|b| word(b) || b == b'-')
}

/// At most one kind of selector, and none that the API server would refuse.
pub(super) fn selectors(document: &str, single: Option<&LabelSelector>, any_of: &[LabelSelector]) -> Vec<String> {
    let both = (single.is_some() && !any_of.is_empty())
        .then(|| format!("labelSelector and orLabelSelectors are both given in the {document} spec, only one can be"));
    let malformed = single.into_iter().chain(any_of).flat_map(selector::faults);
    both.into_iter().chain(malformed.map(|fault| format!("Invalid label selector: {fault}"))).collect()
}
