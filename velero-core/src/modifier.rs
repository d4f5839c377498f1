//! Resource modifiers: JSON patches, merge patches and strategic merge patches on restored objects (spec 6.12).
//!
//! Comes in: the YAML or JSON of a modifiers document, then object by object of a restore. Goes out: the object
//! with all rules applied, and an error for each rule that could not be. A rule that fails leaves the object as
//! the rules before it made it. A document with unknown fields is refused, and so is one whose rules could never
//! do anything.

mod document;
mod json_patch;
mod merge;
mod strategic;

use self::json_patch::{Operation, PatchError};
use crate::api::LabelSelector;
use crate::error::{Error, Result};
use crate::glob::{BadPattern, Glob};
use crate::resource::GroupResource;
use crate::selector;
use regex::Regex;
use serde_json::Value;
use std::collections::BTreeMap;

/// Parsed and checked resource modifiers.
#[derive(Clone, Debug, Default)]
pub struct Modifiers {
    rules: Vec<Rule>,
}

/// One rule: which objects, and what becomes of them.
#[derive(Clone, Debug)]
struct Rule {
    conditions: Conditions,
    patches: Patches,
}

/// Which objects a rule concerns. A glob, expression or selector that is not valid is an error for each object that
/// reaches it, as in Velero.
#[derive(Clone, Debug)]
struct Conditions {
    namespaces: Vec<Result<Glob, BadPattern>>,
    group_resource: Result<Glob, BadPattern>,
    name: Option<Result<Regex, String>>,
    labels: Option<Result<LabelSelector, String>>,
    matches: Vec<Operation>,
}

/// The patches of a rule, all of one kind.
#[derive(Clone, Debug)]
enum Patches {
    Json(Vec<Operation>),
    Merge(Vec<String>),
    Strategic(Vec<String>),
}

impl Modifiers {
    /// Reads the YAML or JSON text of a modifiers document; unknown fields are faults.
    pub fn parse(text: &str) -> Result<Self> {
        let rules = document::read(text)
            .map_err(|faults| Error::Invalid { what: "the resource modifiers".to_owned(), faults })?;
        Ok(Modifiers { rules })
    }

    /// Reads the ConfigMap that `spec.resourceModifier` names; it must have exactly one data key.
    pub fn from_config_map(config_map: &Value) -> Result<Self> {
        let data = config_map["data"].as_object().map(|data| data.values().collect::<Vec<_>>()).unwrap_or_default();
        match data.as_slice() {
            [Value::String(text)] => Modifiers::parse(text),
            _ => Err(Error::invalid(
                "the ConfigMap of the resource modifiers",
                format!("it has {} data keys instead of one", data.len()),
            )),
        }
    }

    /// Applies all rules to `object` in place. Conditions see the object as it was before the first rule; `source_namespace` is
    /// the namespace in the backup. Each string is one error; rules after an error still run.
    pub fn apply(&self, resource: &GroupResource, source_namespace: &str, object: &mut Value) -> Vec<String> {
        let matched: Vec<_> =
            self.rules.iter().map(|rule| rule.conditions.hold(resource, source_namespace, object)).collect();
        let mut errors = Vec::new();
        for (number, (rule, matched)) in self.rules.iter().zip(matched).enumerate() {
            let outcome = match matched {
                Ok(true) => rule.patches.apply(object),
                Ok(false) => continue,
                Err(error) => Err(error),
            };
            if let Err(error) = outcome {
                errors.push(format!("resource modifier rule {}: {error}", number + 1));
            }
        }
        errors
    }
}

impl Conditions {
    fn hold(&self, resource: &GroupResource, source_namespace: &str, object: &Value) -> Result<bool, String> {
        if !source_namespace.is_empty() && !self.namespaces.is_empty() {
            let mut included = false;
            for namespace in &self.namespaces {
                included |= namespace.as_ref().map_err(BadPattern::to_string)?.matches(source_namespace);
            }
            if !included {
                return Ok(false);
            }
        }
        if !self.group_resource.as_ref().map_err(BadPattern::to_string)?.matches(&resource.to_string()) {
            return Ok(false);
        }
        if let Some(name) = &self.name {
            let name = name.as_ref().map_err(Clone::clone)?;
            if !name.is_match(object["metadata"]["name"].as_str().unwrap_or("")) {
                return Ok(false);
            }
        }
        if let Some(wanted) = &self.labels {
            let wanted = wanted.as_ref().map_err(Clone::clone)?;
            if !selector::matches(wanted, &labels(object)) {
                return Ok(false);
            }
        }
        if self.matches.is_empty() {
            return Ok(true);
        }
        match json_patch::apply(&self.matches, object) {
            Ok(_) => Ok(true),
            Err(PatchError::TestFailed(_) | PatchError::Missing(_)) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }
}

fn labels(object: &Value) -> BTreeMap<String, String> {
    let labels = object["metadata"]["labels"].as_object().into_iter().flatten();
    labels.filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned()))).collect()
}

impl Patches {
    /// Applies all patches, or none if one fails.
    fn apply(&self, object: &mut Value) -> Result<(), String> {
        let patched = match self {
            Patches::Json(operations) => match json_patch::apply(operations, object) {
                Ok(patched) => patched,
                Err(PatchError::TestFailed(_)) => return Ok(()),
                Err(error) => return Err(format!("the patch can not be applied: {error}")),
            },
            Patches::Merge(patches) => merge::apply(patches, object)?,
            Patches::Strategic(patches) => strategic::apply(patches, object)?,
        };
        if patched["kind"].as_str().is_none_or(str::is_empty) {
            return Err("the patch takes the kind away".to_owned());
        }
        *object = patched;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
