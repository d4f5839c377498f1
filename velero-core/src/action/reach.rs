//! An action's selector, resolved against what a cluster serves: which objects the action sees (spec 4.4).
//!
//! Comes in: an [`ActionSelector`] and the table of resources. Goes out: a yes or no for each object. Refuses label
//! selectors and patterns that do not parse: an action that silently never ran would break backups unseen.

use super::ActionSelector;
use crate::api::LabelSelector;
use crate::error::{Error, Result};
use crate::glob::Glob;
use crate::resource::GroupResource;
use crate::selector;
use crate::table::ResourceTable;
use std::collections::BTreeMap;

/// A resolved selector.
#[derive(Clone, Debug)]
pub struct Reach {
    resources: Names,
    namespaces: Names,
    labels: Option<LabelSelector>,
}

/// Includes and excludes of one list; empty includes mean all.
#[derive(Clone, Debug)]
struct Names {
    included: Option<Vec<Glob>>,
    excluded: Vec<Glob>,
}

impl Reach {
    /// Resolves `selector`, which belongs to `action`. Resource names that nothing serves are kept
    /// as written, so a list of only such names selects nothing.
    pub fn resolve(action: &str, selector: &ActionSelector, table: &ResourceTable) -> Result<Self> {
        let named = |names: &[String]| names.iter().map(|name| resolved(name, table)).collect::<Vec<_>>();
        let labels = match selector.label_selector.trim() {
            "" => None,
            text => Some(selector::parse(text)?),
        };
        Ok(Reach {
            resources: Names::new(action, &named(&selector.included_resources), &named(&selector.excluded_resources))?,
            namespaces: Names::new(action, &selector.included_namespaces, &selector.excluded_namespaces)?,
            labels,
        })
    }

    /// Whether the action sees objects of `resource` at all.
    pub fn covers_resource(&self, resource: &GroupResource) -> bool {
        self.resources.include(&resource.to_string())
    }

    /// Whether the action sees an object of a covered resource; `namespace` is empty for cluster-scoped objects, which an
    /// action that names namespaces does not see.
    pub fn covers(&self, namespace: &str, labels: &BTreeMap<String, String>) -> bool {
        let place =
            if namespace.is_empty() { self.namespaces.everything() } else { self.namespaces.include(namespace) };
        place && self.labels.as_ref().is_none_or(|selector| selector::matches(selector, labels))
    }
}

/// The name under which discovery knows `name`, or `name` itself.
fn resolved(name: &str, table: &ResourceTable) -> String {
    table.resolve(name).map_or_else(|| name.to_owned(), |row| row.group_resource().to_string())
}

impl Names {
    fn new(action: &str, included: &[String], excluded: &[String]) -> Result<Self> {
        let all = included.is_empty() || included.iter().any(|name| name == "*");
        let included = if all { None } else { Some(globs(action, included)?) };
        Ok(Names { included, excluded: globs(action, excluded)? })
    }

    fn include(&self, name: &str) -> bool {
        let any = |globs: &[Glob]| globs.iter().any(|glob| glob.matches(name));
        !any(&self.excluded) && self.included.as_deref().is_none_or(any)
    }

    fn everything(&self) -> bool {
        self.included.is_none() && self.excluded.is_empty()
    }
}

fn globs(action: &str, patterns: &[String]) -> Result<Vec<Glob>> {
    let fault = |e: crate::glob::BadPattern| Error::invalid(format!("selector of {action}"), e.to_string());
    patterns.iter().map(|pattern| Glob::new(pattern).map_err(fault)).collect()
}
