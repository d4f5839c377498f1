//! Fine-grained filters at work: what a policies document says about single kinds and namespaces (Velero 1.18.3).
//!
//! Comes in: the filters of a document and the table that gives their kinds a meaning. Goes out: which selectors a listing
//! uses, and whether an object that a listing shows, or that another object brings along, is in.
//!
//! As in Velero, a filter replaces the label selectors of the request where its kind is listed. A namespace that matches a
//! policy has only the kinds which that policy names; an exact name wins over patterns, of these the first one wins. Objects
//! that another object brings along must pass the names alone. One listing over all namespaces is decided first as a listing
//! of the namespace with the empty name, which only patterns such as `*` match: they then hold for cluster-scoped kinds too.

use super::filter::{IncludeExclude, ambiguous};
use super::namespaces::is_pattern;
use super::{Decision, NamespaceFacts};
use crate::api::LabelSelector;
use crate::glob::{Glob, GlobSet};
use crate::item::Item;
use crate::policy::{KindFilter, NamespacedFilters, ResourcePolicies};
use crate::problem::{Problem, Stage};
use crate::resource::{GroupResource, Resource, Scope};
use crate::selector;
use crate::table::ResourceTable;
use std::collections::BTreeMap;
use std::sync::Arc;

const CLUSTER: &str = "clusterScopedFilterPolicy";

/// The filters of a policies document, with kinds resolved.
#[derive(Clone, Debug, Default)]
pub(super) struct FineFilters {
    cluster: Option<KindGates>,
    policies: Vec<NamespacePolicy>,
    exact: BTreeMap<String, usize>,
    patterns: Vec<(Glob, usize)>,
    problems: Vec<Problem>,
}

type KindGates = BTreeMap<String, Arc<KindGate>>;

/// The filter of one kind.
#[derive(Clone, Debug)]
pub(super) struct KindGate {
    section: String,
    any_of: Vec<LabelSelector>,
    names: IncludeExclude,
}

#[derive(Clone, Debug)]
struct NamespacePolicy {
    section: String,
    kinds: KindGates,
    others: Option<Arc<KindGate>>,
}

/// What holds for a listing.
pub(super) enum Applies<'a> {
    /// The request.
    Request,
    /// Nothing is listed; the text says why.
    Nothing(String),
    /// A filter.
    Filter(&'a KindGate),
}

impl FineFilters {
    /// The filters of `policies`. What they mean nothing to is among the problems.
    pub fn new(policies: &ResourcePolicies, table: &ResourceTable, namespaces: &[NamespaceFacts]) -> Self {
        let mut filters = FineFilters::default();
        filters.cluster = policies.cluster_filters.as_ref().map(|written| {
            let gates = gates(CLUSTER, written, Scope::Cluster, table, &mut filters.problems);
            gates.0
        });
        for (at, policy) in policies.namespaced_filters.iter().enumerate() {
            filters.add(at, policy, table);
        }
        filters.warn_fruitless(&policies.namespaced_filters, namespaces);
        filters
    }

    fn add(&mut self, at: usize, policy: &NamespacedFilters, table: &ResourceTable) {
        let section = format!("namespacedFilterPolicies[{at}]");
        let (kinds, others) = gates(&section, &policy.filters, Scope::Namespaced, table, &mut self.problems);
        self.policies.push(NamespacePolicy { section, kinds, others });
        for namespace in &policy.namespaces {
            self.exact.insert(namespace.clone(), at);
            self.patterns.extend(Glob::new(namespace).ok().filter(|_| is_pattern(namespace)).map(|glob| (glob, at)));
        }
    }

    fn warn_fruitless(&mut self, policies: &[NamespacedFilters], namespaces: &[NamespaceFacts]) {
        for pattern in policies.iter().flat_map(|policy| &policy.namespaces) {
            let set = GlobSet::new([pattern]);
            if !namespaces.iter().any(|facts| set.matches(&facts.name)) {
                let message = format!("namespacedFilterPolicies: no namespace matches {pattern:?}");
                self.problems.push(Problem::warning(Stage::Selection, "NoMatch", message));
            }
        }
    }

    /// What is odd about the filters, as warnings.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Whether any namespace has filters.
    pub fn names_namespaces(&self) -> bool {
        !self.policies.is_empty()
    }

    /// Every kind that a filter for namespaces names, with the section.
    pub fn namespaced_kinds(&self) -> impl Iterator<Item = (&str, GroupResource)> {
        let kinds =
            |policy: &NamespacePolicy| policy.kinds.keys().map(|kind| GroupResource::parse(kind)).collect::<Vec<_>>();
        self.policies
            .iter()
            .flat_map(move |policy| kinds(policy).into_iter().map(|kind| (policy.section.as_str(), kind)))
    }

    fn of_namespace(&self, name: &str) -> Option<&NamespacePolicy> {
        let by_pattern = || self.patterns.iter().find(|(glob, _)| glob.matches(name)).map(|(_, at)| at);
        self.exact.get(name).or_else(by_pattern).and_then(|at| self.policies.get(*at))
    }

    /// What holds for a listing of `row` in `namespace`, or everywhere.
    pub fn of_listing(&self, row: &Resource, namespace: Option<&str>) -> Applies<'_> {
        let kind = row.group_resource().to_string();
        let policy = self.of_namespace(namespace.unwrap_or(""));
        let gate = match policy.map(|policy| policy.gate(&kind)) {
            None => None,
            Some(Ok(gate)) => Some(gate),
            Some(Err(why)) => return Applies::Nothing(why),
        };
        let gate = match &self.cluster {
            Some(cluster) if !row.is_namespaced() => cluster.get(&kind).map(Arc::as_ref),
            _ => gate,
        };
        gate.map_or(Applies::Request, Applies::Filter)
    }

    /// Whether an object that a listing shows is in as far as the policy of its namespace says.
    pub fn judge_listed(&self, item: &Item, why: &str) -> Decision {
        let policy = self.of_namespace(&item.namespace).filter(|_| !item.namespace.is_empty());
        match policy.map(|policy| policy.gate(&item.resource.group_resource().to_string())) {
            None => Decision::Include(why.to_owned()),
            Some(Err(why)) => Decision::Exclude(why),
            Some(Ok(gate)) => gate.judge_labels(item, why),
        }
    }

    /// Whether an object is in by its name, however it was reached. Kinds without a filter pass: what brings them along
    /// needs them.
    pub fn judge_name(&self, item: &Item, why: &str) -> Decision {
        if self.cluster.is_none() && self.policies.is_empty() {
            return Decision::Include(why.to_owned());
        }
        let kind = item.resource.group_resource().to_string();
        let gate = match item.namespace.as_str() {
            "" => self.cluster.as_ref().and_then(|cluster| cluster.get(&kind)).map(Arc::as_ref),
            namespace => self.of_namespace(namespace).and_then(|policy| policy.gate(&kind).ok()),
        };
        let Some(gate) = gate else { return Decision::Include(why.to_owned()) };
        let subject = format!("the name {:?}", item.name);
        let lists = [format!("names of {}", gate.section), format!("excludedNames of {}", gate.section)];
        gate.names.judge(&item.name, &subject, [&lists[0], &lists[1]]).and_then(|_| Decision::Include(why.to_owned()))
    }
}

impl NamespacePolicy {
    /// The filter of `kind`, or why objects of it are not listed.
    fn gate(&self, kind: &str) -> Result<&KindGate, String> {
        let gate = self.kinds.get(kind).or(self.others.as_ref()).map(Arc::as_ref);
        gate.ok_or_else(|| format!("{} names no filter for resource {kind}", self.section))
    }
}

impl KindGate {
    /// Its selectors in text form, one listing each; `[None]` when there are none.
    pub fn selectors(&self) -> Vec<Option<String>> {
        match &self.any_of[..] {
            [] => vec![None],
            any_of => any_of.iter().map(|one| Some(selector::print(one))).collect(),
        }
    }

    /// Whether the labels of `item` match.
    pub fn judge_labels(&self, item: &Item, why: &str) -> Decision {
        match self.any_of.is_empty() || self.any_of.iter().any(|one| selector::matches(one, &item.labels)) {
            true => Decision::Include(why.to_owned()),
            false => Decision::Exclude(format!(
                "its labels do not match the selector {} of {}",
                self.any_of.iter().map(selector::print).collect::<Vec<_>>().join(" or "),
                self.section
            )),
        }
    }
}

/// The filters of one section by kind, and the one for all others.
fn gates(
    section: &str,
    written: &[KindFilter],
    scope: Scope,
    table: &ResourceTable,
    problems: &mut Vec<Problem>,
) -> (KindGates, Option<Arc<KindGate>>) {
    let (mut kinds, mut others) = (KindGates::new(), None);
    for filter in written {
        let gate = Arc::new(KindGate {
            section: section.to_owned(),
            any_of: filter.any_of.clone(),
            names: IncludeExclude::new(&filter.names, &filter.excluded_names),
        });
        if filter.is_catch_all() {
            others = Some(gate);
            continue;
        }
        problems.extend(ambiguous(section, &filter.kinds, table));
        for kind in &filter.kinds {
            let (resource, fault) = resolve(kind, scope, table);
            let twice = kinds.insert(resource.clone(), gate.clone()).is_some();
            let twice =
                twice.then(|| format!("kind {kind:?} means {resource}, which another filter names; this one counts"));
            let odd = fault.or(twice).map(|fault| format!("{section}: {fault}"));
            problems.extend(odd.map(|message| Problem::warning(Stage::Selection, "OddFilter", message)));
        }
    }
    (kinds, others)
}

/// The resource that `kind` means, and what is odd about it. As in Velero a kind with a group is taken as it is.
fn resolve(kind: &str, scope: Scope, table: &ResourceTable) -> (String, Option<String>) {
    let row = if kind.contains('.') { table.get(&kind.into()) } else { table.resolve(kind) };
    match row {
        None => (kind.to_owned(), Some(format!("the cluster serves no resource called {kind:?}"))),
        Some(row) if row.scope != scope => {
            (row.group_resource().to_string(), Some(format!("kind {kind:?} has the other scope and never comes here")))
        }
        Some(row) => (row.group_resource().to_string(), None),
    }
}
