//! The modifiers document as written, and its checks.

use super::json_patch::{OPERATIONS, Operation};
use super::{Conditions, Patches, Rule};
use crate::api::{LabelSelector, Requirement};
use crate::glob::Glob;
use crate::selector;
use regex::Regex;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::BTreeMap;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
#[derive(Default)]
struct Document {
    version: String,
    resource_modifier_rules: Vec<RuleText>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct RuleText {
    conditions: ConditionsText,
    patches: Vec<OperationText>,
    merge_patches: Vec<PatchText>,
    strategic_patches: Vec<PatchText>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct ConditionsText {
    namespaces: Vec<String>,
    group_resource: String,
    resource_name_regex: String,
    label_selector: Option<SelectorText>,
    matches: Vec<MatchText>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct SelectorText {
    match_labels: BTreeMap<String, String>,
    match_expressions: Vec<RequirementText>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct RequirementText {
    key: String,
    operator: String,
    values: Vec<String>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct MatchText {
    path: String,
    #[serde(deserialize_with = "scalar")]
    value: String,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct OperationText {
    operation: String,
    from: String,
    path: String,
    #[serde(deserialize_with = "scalar")]
    value: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct PatchText {
    patch_data: String,
}

/// Reads and checks a document; every fault found is told, not only the first.
pub fn read(text: &str) -> Result<Vec<Rule>, Vec<String>> {
    let document: Document = serde_saphyr::from_str(text).map_err(|error| vec![error.to_string()])?;
    let mut faults = Vec::new();
    if !document.version.eq_ignore_ascii_case("v1") {
        faults.push(format!("version {:?} is not supported, only v1", document.version));
    }
    if document.resource_modifier_rules.is_empty() {
        faults.push("there are no rules".to_owned());
    }
    for (number, rule) in document.resource_modifier_rules.iter().enumerate() {
        faults.extend(rule.faults().into_iter().map(|fault| format!("rule {}: {fault}", number + 1)));
    }
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(document.resource_modifier_rules.into_iter().map(RuleText::compile).collect())
}

impl RuleText {
    fn faults(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.conditions.group_resource.is_empty() {
            faults.push("conditions.groupResource is empty".to_owned());
        }
        let kinds = [self.patches.len(), self.merge_patches.len(), self.strategic_patches.len()];
        match kinds.iter().filter(|count| **count > 0).count() {
            0 => faults.push("it has no patches".to_owned()),
            1 => {}
            _ => faults.push("only one of patches, mergePatches and strategicPatches may be given".to_owned()),
        }
        for patch in &self.patches {
            if !OPERATIONS.contains(&patch.operation.to_ascii_lowercase().as_str()) {
                faults.push(format!("operation {:?} is none of {}", patch.operation, OPERATIONS.join(", ")));
            }
            if patch.path.is_empty() {
                faults.push("a patch has no path".to_owned());
            }
        }
        faults
    }

    fn compile(self) -> Rule {
        let data = |patches: Vec<PatchText>| patches.into_iter().map(|patch| patch.patch_data).collect();
        let patches = if !self.patches.is_empty() {
            Patches::Json(
                self.patches.iter().map(|p| Operation::new(&p.operation, &p.from, &p.path, &p.value)).collect(),
            )
        } else if !self.merge_patches.is_empty() {
            Patches::Merge(data(self.merge_patches))
        } else {
            Patches::Strategic(data(self.strategic_patches))
        };
        Rule { conditions: self.conditions.compile(), patches }
    }
}

impl ConditionsText {
    fn compile(self) -> Conditions {
        let name = (!self.resource_name_regex.is_empty()).then(|| {
            Regex::new(&self.resource_name_regex)
                .map_err(|_| format!("{:?} is not a regular expression", self.resource_name_regex))
        });
        Conditions {
            namespaces: self.namespaces.iter().map(|glob| Glob::new(glob)).collect(),
            group_resource: Glob::with_separator(&self.group_resource, '.'),
            name,
            labels: self.label_selector.map(SelectorText::compile),
            matches: self.matches.iter().map(|m| Operation::new("test", "", &m.path, &m.value)).collect(),
        }
    }
}

impl SelectorText {
    fn compile(self) -> Result<LabelSelector, String> {
        let requirements = self.match_expressions.into_iter();
        let requirements = requirements.map(|r| Requirement { key: r.key, operator: r.operator, values: r.values });
        let selector = LabelSelector { match_labels: self.match_labels, match_expressions: requirements.collect() };
        let faults = selector::faults(&selector);
        if faults.is_empty() { Ok(selector) } else { Err(faults.join("; ")) }
    }
}

/// A scalar as the text that stands in the document, whether quoted or not: `2` and `"2"` are the same, and null
/// is empty.
fn scalar<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match Value::deserialize(deserializer)? {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text),
        value @ (Value::Bool(_) | Value::Number(_)) => Ok(value.to_string()),
        _ => Err(serde::de::Error::custom("a value must be a string; write lists and objects as quoted JSON")),
    }
}
