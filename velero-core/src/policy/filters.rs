//! The fine-grained filters of a policies document: which objects of a kind are in, by labels and names (Velero 1.18.3).
//!
//! Comes in: the sections `clusterScopedFilterPolicy` and `namespacedFilterPolicies`. Goes out: filters with well-formed
//! patterns and selectors; what they decide is settled in [`crate::selection`], where kinds are known. Refused as in
//! Velero: sections without filters, a kind or a namespace pattern twice, both kinds of selectors at once, names for a
//! filter of all kinds, and such a filter for cluster-scoped objects.

use super::document::null_as_default;
use crate::api::{LabelSelector, Requirement};
use crate::glob::Glob;
use crate::selection::namespace_name;
use crate::selector;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// One filter: which objects of some kinds are in.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KindFilter {
    /// Kinds in any spelling that discovery resolves; none at all, or `*` alone, mean all that no other filter names.
    pub kinds: Vec<String>,
    /// Selectors of which one must match; none match everything.
    pub any_of: Vec<LabelSelector>,
    /// Patterns of names that are in; none mean all.
    pub names: Vec<String>,
    /// Patterns of names that are out.
    pub excluded_names: Vec<String>,
}

/// Filters for the namespaces that match one of some patterns; kinds without a filter are out there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct NamespacedFilters {
    /// Names and patterns.
    pub namespaces: Vec<String>,
    /// The filters, at most one of them for all other kinds.
    pub filters: Vec<KindFilter>,
}

impl KindFilter {
    /// Whether it is meant for all kinds that no other filter names.
    pub fn is_catch_all(&self) -> bool {
        matches!(&self.kinds[..], []) || matches!(&self.kinds[..], [only] if only == "*")
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct WrittenCluster {
    #[serde(deserialize_with = "null_as_default")]
    resource_filters: Vec<WrittenFilter>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub(super) struct WrittenNamespaced {
    #[serde(deserialize_with = "null_as_default")]
    namespaces: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    resource_filters: Vec<WrittenFilter>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct WrittenFilter {
    #[serde(deserialize_with = "null_as_default")]
    kinds: Vec<String>,
    label_selector: Option<WrittenSelector>,
    #[serde(deserialize_with = "null_as_default")]
    or_label_selectors: Vec<WrittenSelector>,
    #[serde(deserialize_with = "null_as_default")]
    names: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    excluded_names: Vec<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct WrittenSelector {
    #[serde(deserialize_with = "null_as_default")]
    match_labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_as_default")]
    match_expressions: Vec<WrittenRequirement>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRequirement {
    key: String,
    operator: String,
    #[serde(default, deserialize_with = "null_as_default")]
    values: Vec<String>,
}

/// Checks the section for cluster-scoped objects.
pub(super) fn cluster(written: WrittenCluster, faults: &mut Vec<String>) -> Vec<KindFilter> {
    let section = "clusterScopedFilterPolicy";
    if written.resource_filters.is_empty() {
        faults.push(format!("{section}: resourceFilters are missing; leave the section out if it is not needed"));
    }
    let filters = check(section, written.resource_filters, faults);
    for (at, _) in filters.iter().enumerate().filter(|(_, filter)| filter.is_catch_all()) {
        faults.push(format!(
            "{section}.resourceFilters[{at}]: kinds must be named, a filter of all kinds is not possible"
        ));
    }
    filters
}

/// Checks the section for namespaces.
pub(super) fn namespaced(written: Vec<WrittenNamespaced>, faults: &mut Vec<String>) -> Vec<NamespacedFilters> {
    let section = "namespacedFilterPolicies";
    let mut patterns = BTreeSet::new();
    let mut policies = Vec::new();
    for (at, WrittenNamespaced { namespaces, resource_filters }) in written.into_iter().enumerate() {
        let place = format!("{section}[{at}]");
        if namespaces.is_empty() {
            faults.push(format!("{place}: namespaces are missing"));
        }
        if resource_filters.is_empty() {
            faults.push(format!("{place}: resourceFilters are missing"));
        }
        for pattern in &namespaces {
            let bad = if pattern.is_empty() { Some("an empty namespace".into()) } else { namespace_name(pattern) };
            faults.extend(bad.map(|fault| format!("{place}: {fault}")));
            if !patterns.insert(pattern.clone()) {
                faults.push(format!("{place}: namespace {pattern:?} comes twice in {section}"));
            }
        }
        let filters = check(&place, resource_filters, faults);
        if filters.iter().filter(|filter| filter.is_catch_all()).count() > 1 {
            faults.push(format!("{place}: only one filter can be for all other kinds"));
        }
        policies.push(NamespacedFilters { namespaces, filters });
    }
    policies
}

fn check(section: &str, written: Vec<WrittenFilter>, faults: &mut Vec<String>) -> Vec<KindFilter> {
    let mut kinds = BTreeSet::new();
    let mut filters = Vec::new();
    for (at, written) in written.into_iter().enumerate() {
        for kind in written.kinds.iter().filter(|kind| *kind != "*") {
            if !kinds.insert(kind.clone()) {
                faults.push(format!("{section}: kind {kind:?} comes twice"));
            }
        }
        let (filter, found) = written.check();
        faults.extend(found.into_iter().map(|fault| format!("{section}.resourceFilters[{at}]: {fault}")));
        filters.push(filter);
    }
    filters
}

impl WrittenFilter {
    /// The filter and what is wrong with it. Empty selectors say nothing and are passed over, as in Velero.
    fn check(self) -> (KindFilter, Vec<String>) {
        let single = self.label_selector.map(LabelSelector::from).filter(says_something);
        let any_of: Vec<LabelSelector> = self.or_label_selectors.into_iter().map(LabelSelector::from).collect();
        let mut faults: Vec<String> = single.iter().chain(&any_of).flat_map(selector::faults).collect();
        if single.is_some() && !any_of.is_empty() {
            faults.push("labelSelector and orLabelSelectors are both given, only one can be".to_owned());
        }
        let patterns = self.names.iter().chain(&self.excluded_names);
        faults.extend(patterns.filter_map(|pattern| Glob::new(pattern).err()).map(|bad| bad.to_string()));
        let any_of = single.into_iter().chain(any_of.into_iter().filter(says_something)).collect();
        let filter = KindFilter { kinds: self.kinds, any_of, names: self.names, excluded_names: self.excluded_names };
        if filter.is_catch_all() && !(filter.names.is_empty() && filter.excluded_names.is_empty()) {
            faults.push("names and excludedNames need kinds".to_owned());
        }
        (filter, faults)
    }
}

fn says_something(selector: &LabelSelector) -> bool {
    !selector.match_labels.is_empty() || !selector.match_expressions.is_empty()
}

impl From<WrittenSelector> for LabelSelector {
    fn from(written: WrittenSelector) -> Self {
        let requirement = |WrittenRequirement { key, operator, values }| Requirement { key, operator, values };
        LabelSelector {
            match_labels: written.match_labels,
            match_expressions: written.match_expressions.into_iter().map(requirement).collect(),
        }
    }
}
