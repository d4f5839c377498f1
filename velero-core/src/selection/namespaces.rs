//! Which namespaces a backup lists, and which Namespace objects it takes (spec 3.3, 3.5, 3.6).

use super::backup::BackupSelection;
use super::filter::IncludeExclude;
use super::{Decision, NamespaceFacts};
use crate::api::BackupSpec;
use crate::glob::Glob;
use crate::item::Item;
use crate::selector;
use std::collections::{BTreeMap, BTreeSet};

/// Whether `name` is a namespace pattern rather than a name.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '['])
}

/// The namespace filter of a backup after expansion of its patterns.
#[derive(Clone, Debug)]
pub(super) struct NamespaceFilter {
    lists: IncludeExclude,
    expanded: bool,
    names_all: bool,
    fruitless: Vec<String>,
}

impl NamespaceFilter {
    /// Expands the patterns of `spec` against the namespaces that exist. Patterns are kept as they are when everything is
    /// included anyway. A malformed pattern is a fault.
    pub fn new(spec: &BackupSpec, namespaces: &[NamespaceFacts]) -> Result<Self, Vec<String>> {
        let (includes, excludes) = (&spec.included_namespaces, &spec.excluded_namespaces);
        let any_pattern = includes.iter().chain(excludes).any(|name| is_pattern(name));
        let expanded = any_pattern && !includes.is_empty() && !includes.iter().any(|name| name == "*");
        let existing: BTreeSet<&str> = namespaces.iter().map(|n| n.name.as_str()).collect();
        let mut filter = NamespaceFilter {
            lists: IncludeExclude::new(includes, excludes),
            expanded,
            names_all: false,
            fruitless: Vec::new(),
        };
        if expanded {
            filter.fruitless = expand(includes, &existing)?.1;
            filter.lists = IncludeExclude::new(&expand(includes, &existing)?.0, &expand(excludes, &existing)?.0);
        }
        filter.names_all = filter.lists.includes.iter().eq(existing);
        Ok(filter)
    }

    /// Whether objects of namespace `name` are in.
    pub fn judge(&self, name: &str) -> Decision {
        if self.expanded && self.lists.includes.is_empty() {
            return Decision::Exclude(format!(
                "no namespace matches the patterns of includedNamespaces, {name:?} neither"
            ));
        }
        let lists = ["includedNamespaces", "excludedNamespaces"];
        self.lists
            .judge(name, &format!("namespace {name:?}"), lists)
            .and_then(|_| Decision::Include(format!("namespace {name:?} is included")))
    }

    /// Whether objects of namespace `name` are in.
    pub fn includes(&self, name: &str) -> bool {
        !(self.expanded && self.lists.includes.is_empty()) && self.lists.admits(name)
    }

    /// Whether the filter leaves no namespace out. As in Velero 1.18 naming each existing namespace counts as all. Patterns
    /// that match nothing leave all of them out.
    pub fn includes_everything(&self) -> bool {
        if self.expanded && self.lists.includes.is_empty() {
            return false;
        }
        self.lists.admits_everything() || (self.lists.excludes.is_empty() && self.names_all)
    }

    /// The namespaces to list one by one, or `[None]` for a listing over all of them.
    pub fn listings(&self) -> Vec<Option<String>> {
        let everywhere = !self.expanded && (self.lists.includes.is_empty() || self.lists.includes.contains("*"));
        if everywhere {
            return vec![None];
        }
        self.lists
            .includes
            .iter()
            .filter(|name| self.includes(name) && !name.is_empty())
            .map(|n| Some(n.into()))
            .collect()
    }

    /// Names, not patterns, that the request includes and that do not exist.
    pub fn missing(&self, namespaces: &[NamespaceFacts]) -> Vec<String> {
        let exists = |name: &str| namespaces.iter().any(|n| n.name == name);
        self.lists.includes.iter().filter(|name| !is_pattern(name) && !exists(name)).map(str::to_owned).collect()
    }

    /// Patterns of the request that match no namespace.
    pub fn fruitless(&self) -> &[String] {
        &self.fruitless
    }
}

/// Names and what patterns match, and the patterns that match nothing.
fn expand(names: &[String], existing: &BTreeSet<&str>) -> Result<(Vec<String>, Vec<String>), Vec<String>> {
    let mut found = Vec::new();
    let mut fruitless = Vec::new();
    for name in names {
        let before = found.len();
        if is_pattern(name) {
            let glob = Glob::new(name).map_err(|bad| vec![bad.to_string()])?;
            found.extend(existing.iter().filter(|e| glob.matches(e)).map(|e| (*e).to_owned()));
        } else {
            found.push(name.clone());
        }
        if found.len() == before {
            fruitless.push(name.clone());
        }
    }
    Ok((found, fruitless))
}

/// Why a Namespace object is taken for its own sake; `None` if it is not (spec 3.6). A namespace that is not active never is.
pub(super) fn own_sake(spec: &BackupSpec, filter: &NamespaceFilter, namespace: &NamespaceFacts) -> Option<String> {
    let name = &namespace.name;
    let by_selector = |list: &str| Some(format!("the labels of namespace {name:?} match {list}"));
    if !namespace.active {
        return None;
    }
    if spec.label_selector.as_ref().is_some_and(|s| selector::matches(s, &namespace.labels)) {
        return by_selector("labelSelector");
    }
    if spec.or_label_selectors.iter().any(|s| selector::matches(s, &namespace.labels)) {
        return by_selector("orLabelSelectors");
    }
    let selective = spec.label_selector.is_some() || !spec.or_label_selectors.is_empty();
    let by_name = filter.includes(name) && !(selective && filter.includes_everything());
    by_name.then(|| format!("namespace {name:?} is included"))
}

/// Keeps book of the Namespace objects a backup takes: those wanted for their own sake, known from the start, and those that
/// own a collected object, known only after everything else was listed.
///
/// A driver feeds every *listed* namespaced object to [`NamespaceTracker::saw`], also those that the gate leaves out for
/// another reason, and decides the Namespace objects last.
#[derive(Clone, Debug, Default)]
pub struct NamespaceTracker {
    own_sake: BTreeMap<String, String>,
    owners: BTreeSet<String>,
}

impl NamespaceTracker {
    /// The tracker of a backup over `namespaces`. If the filter leaves Namespace objects out altogether, none is tracked.
    pub fn new(selection: &BackupSelection, namespaces: &[NamespaceFacts]) -> Self {
        let reason = |n: &NamespaceFacts| Some((n.name.clone(), selection.own_sake(n)?));
        NamespaceTracker { own_sake: namespaces.iter().filter_map(reason).collect(), owners: BTreeSet::new() }
    }

    /// Notes that `item` was listed, unless a filter policy leaves it out.
    pub fn saw_item(&mut self, item: &Item, selection: &BackupSelection) {
        if item.resource.is_namespaced() && !self.owners.contains(&item.namespace) && selection.counts(item) {
            self.saw(&item.namespace, selection);
        }
    }

    /// Notes that an object of `namespace` was listed. Namespaces that the filter leaves out are not tracked: a listing over
    /// all namespaces shows their objects, but nothing of them is in the backup (as Velero 1.18.3, unlike 1.18.1).
    pub fn saw(&mut self, namespace: &str, selection: &BackupSelection) {
        let new = !namespace.is_empty() && !self.owners.contains(namespace) && selection.includes_namespace(namespace);
        if new {
            self.owners.insert(namespace.to_owned());
        }
    }

    /// Whether the Namespace object `name` is taken.
    pub fn decide(&self, name: &str) -> Decision {
        if let Some(reason) = self.own_sake.get(name) {
            Decision::Include(reason.clone())
        } else if self.owners.contains(name) {
            Decision::Include(format!("namespace {name:?} holds a collected object"))
        } else {
            Decision::Exclude(format!("namespace {name:?} is not selected itself and holds no collected object"))
        }
    }

    /// Names of all Namespace objects taken, sorted.
    pub fn tracked(&self) -> BTreeSet<&str> {
        self.own_sake.keys().chain(&self.owners).map(String::as_str).collect()
    }
}
