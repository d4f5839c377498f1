//! The gate of a backup.

use super::fine::{Applies, FineFilters};
use super::namespaces::{NamespaceFilter, own_sake};
use super::resources::{ResourceFilter, list_problems};
use super::{Decision, NamespaceFacts, Reached, normalise};
use crate::api::BackupSpec;
use crate::error::{Error, Result};
use crate::item::{EXCLUDE_LABEL, Item};
use crate::order;
use crate::policy::ResourcePolicies;
use crate::problem::{Problem, Stage};
use crate::resource::{GroupResource, Resource};
use crate::selector;
use crate::table::ResourceTable;
use std::collections::HashMap;
use std::sync::Arc;

/// The gate of a backup.
#[derive(Clone, Debug)]
pub struct BackupSelection {
    table: Arc<ResourceTable>,
    spec: BackupSpec,
    namespaces: NamespaceFilter,
    facts: Vec<NamespaceFacts>,
    resources: ResourceFilter,
    fine: FineFilters,
    gates: HashMap<GroupResource, Gate>,
    missing: Vec<String>,
}

/// What was decided about one resource.
#[derive(Clone, Debug)]
struct Gate {
    collected: Decision,
    keeps_out: Option<String>,
    shown_by: Option<GroupResource>,
}

impl BackupSelection {
    /// Checks and normalises `spec` as Velero's controller does (defaults, automatic excludes, namespaces labelled for
    /// exclusion, wildcard expansion against `namespaces`) and builds the gate. All validation faults come in one error.
    pub fn new(
        spec: &BackupSpec,
        table: Arc<ResourceTable>,
        namespaces: &[NamespaceFacts],
        policies: Option<&ResourcePolicies>,
    ) -> Result<Self> {
        let spec = normalise::backup(spec, namespaces, policies)?;
        Self::engine_level(&spec, table, namespaces, policies)
    }

    /// The same gate without what the controller adds (automatic excludes, `*` normalisation), as Velero's engine tests use it.
    pub fn engine_level(
        spec: &BackupSpec,
        table: Arc<ResourceTable>,
        namespaces: &[NamespaceFacts],
        policies: Option<&ResourcePolicies>,
    ) -> Result<Self> {
        let invalid = |faults| Error::Invalid { what: "backup spec".to_owned(), faults };
        let filter = NamespaceFilter::new(spec, namespaces).map_err(invalid)?;
        let policy = policies.and_then(|p| p.include_exclude_policy.as_ref());
        let mut selection = BackupSelection {
            missing: filter.missing(namespaces),
            resources: ResourceFilter::new(spec, &table, policy),
            fine: policies.map(|p| FineFilters::new(p, &table, namespaces)).unwrap_or_default(),
            namespaces: filter,
            facts: namespaces.to_vec(),
            gates: HashMap::new(),
            spec: spec.clone(),
            table,
        };
        selection.gates = selection.judge_resources();
        Ok(selection)
    }

    fn judge_resources(&self) -> HashMap<GroupResource, Gate> {
        let rows = order::backup_order(&self.table);
        let gate = |row: &Resource| Gate {
            collected: self.resources.collects(row, &self.namespaces),
            keeps_out: self.resources.keeps_out(row),
            shown_by: None,
        };
        let mut gates: HashMap<_, _> = rows.iter().map(|row| (row.group_resource(), gate(row))).collect();
        let passed = |row: &&Arc<Resource>| gates[&row.group_resource()].collected.is_included();
        let passed: Vec<Arc<Resource>> = rows.iter().filter(passed).cloned().collect();
        let kept = order::without_cohabitants(passed.iter().cloned());
        for row in passed.iter().filter(|row| !kept.contains(row)) {
            let twin = kept.iter().find(|other| other.plural == row.plural).map(|other| other.group_resource());
            gates.entry(row.group_resource()).and_modify(|gate| gate.shown_by = twin);
        }
        gates
    }

    /// The spec as it is stored with the backup, after normalisation.
    pub fn spec(&self) -> &BackupSpec {
        &self.spec
    }

    /// Namespaces in which `resource` is listed: `[None]` for one listing over everything; empty if it is not collected, also
    /// because another group shows the same objects. Namespaces themselves are listed once and decided by the
    /// [`super::NamespaceTracker`].
    pub fn listings(&self, resource: &Resource) -> Vec<Option<String>> {
        let collected = self.gates.get(&resource.group_resource());
        match collected.is_some_and(|gate| gate.collected.is_included() && gate.shown_by.is_none()) {
            false => Vec::new(),
            true if resource.is_namespaced() => self.namespaces.listings(),
            true => vec![None],
        }
    }

    /// Label selectors of one listing of `resource` in `namespace` (or everywhere), each a listing of its own; `[None]` when
    /// there is no selector, empty when a filter policy leaves the listing out. Namespaces are listed without.
    pub fn selectors_for(&self, resource: &Resource, namespace: Option<&str>) -> Vec<Option<String>> {
        match self.fine.of_listing(resource, namespace) {
            Applies::Request => self.label_selectors(),
            Applies::Nothing(_) => Vec::new(),
            Applies::Filter(gate) => gate.selectors(),
        }
    }

    /// Label selectors of the request in text form; `[None]` when there is no selector.
    pub fn label_selectors(&self) -> Vec<Option<String>> {
        let text = |selector| Some(selector::print(selector)).filter(|text| !text.is_empty());
        match (&self.spec.or_label_selectors[..], &self.spec.label_selector) {
            ([], None) => vec![None],
            ([], Some(single)) => vec![text(single)],
            (any_of, _) => any_of.iter().map(text).collect(),
        }
    }

    /// Whether selectors or filter policies keep objects out of the listings that belong to objects which are in.
    pub fn hides_relatives(&self) -> bool {
        self.label_selectors() != [None] || self.fine.names_namespaces()
    }

    /// Whether an object is in, whichever way it was reached (spec 3.9). Label selectors are left to the listing: they do not
    /// hold for related objects.
    pub fn decide(&self, item: &Item, reached: Reached) -> Decision {
        let decision = match reached {
            Reached::MustInclude => Decision::Include("another object needs it whatever the filters say".to_owned()),
            Reached::Listed => {
                let collected = self.judge(item).and_then(|why| self.judge_collected(item, why));
                collected.and_then(|why| self.fine.judge_listed(item, why))
            }
            Reached::Related => self.judge(item),
        };
        let decision = decision.and_then(|why| match reached {
            Reached::MustInclude => Decision::Include(why.to_owned()),
            _ => self.fine.judge_name(item, why),
        });
        decision.and_then(|why| match item.terminating {
            true => Decision::Exclude("it is being deleted".to_owned()),
            false => Decision::Include(why.to_owned()),
        })
    }

    /// Whether a listing that shows `item` counts as a collected object of its namespace: filter policies leave objects out
    /// before that, all else does after it.
    pub(super) fn counts(&self, item: &Item) -> bool {
        self.fine.judge_listed(item, "").is_included()
    }

    /// The checks that hold for listed and related objects alike.
    fn judge(&self, item: &Item) -> Decision {
        if item.labels.get(EXCLUDE_LABEL).is_some_and(|value| value == "true") {
            return Decision::Exclude(format!("label {EXCLUDE_LABEL}=true"));
        }
        let resource = item.resource.group_resource();
        if !item.namespace.is_empty() {
            let namespace = self.namespaces.judge(&item.namespace);
            return namespace.and_then(|why| match self.collected(&resource) {
                Decision::Include(too) => Decision::Include(format!("{why} and {too}")),
                out => out,
            });
        }
        match self.keeps_out(&resource).filter(|_| !resource.is("namespaces")) {
            Some(why) => Decision::Exclude(why),
            None => Decision::Include(format!("resource {resource} is cluster-scoped and not excluded")),
        }
    }

    /// The further check for listed cluster-scoped objects, which related ones need not pass.
    fn judge_collected(&self, item: &Item, why: &str) -> Decision {
        match item.namespace.is_empty() {
            true => self.collected(&item.resource.group_resource()),
            false => Decision::Include(why.to_owned()),
        }
    }

    /// Whether the object is in, told for people: as [`BackupSelection::decide`] for a listed object, but also for objects
    /// that no listing shows, because of label selectors, of another group that shows them, or because a Namespace object is
    /// not selected itself.
    pub fn explain(&self, item: &Item) -> Decision {
        let resource = item.resource.group_resource();
        self.decide(item, Reached::Listed).and_then(|why| {
            if resource.is("namespaces") {
                let facts = self.facts.iter().find(|facts| facts.name == item.name);
                return match facts.and_then(|facts| self.own_sake(facts)) {
                    Some(why) => Decision::Include(why),
                    None => Decision::Exclude(
                        "it is not selected itself; it is taken if it holds a collected object".into(),
                    ),
                };
            }
            if let Some(twin) = self.gates.get(&resource).and_then(|gate| gate.shown_by.as_ref()) {
                return Decision::Exclude(format!("resource {twin} shows the same objects as {resource}"));
            }
            self.judge_labels(item, why)
        })
    }

    /// Whether the listing that shows `item` takes it by its labels: those of the request, or of the filter policy that
    /// replaces them there.
    pub fn judge_labels(&self, item: &Item, why: &str) -> Decision {
        let everywhere = !item.resource.is_namespaced() || self.namespaces.listings() == [None];
        let place = Some(item.namespace.as_str()).filter(|_| !everywhere);
        let listed = match self.fine.of_listing(&item.resource, place) {
            Applies::Request => self.judge_request_labels(item, why),
            Applies::Nothing(why) => Decision::Exclude(why),
            Applies::Filter(gate) => gate.judge_labels(item, why),
        };
        listed.and_then(|why| self.fine.judge_listed(item, why))
    }

    fn judge_request_labels(&self, item: &Item, why: &str) -> Decision {
        let any_of = &self.spec.or_label_selectors;
        let single = self.spec.label_selector.as_ref().filter(|_| any_of.is_empty());
        let matches = |selector| selector::matches(selector, &item.labels);
        let printed = || self.label_selectors().into_iter().flatten().collect::<Vec<_>>().join(" or ");
        if single.is_none_or(matches) && (any_of.is_empty() || any_of.iter().any(matches)) {
            Decision::Include(why.to_owned())
        } else {
            Decision::Exclude(format!("its labels do not match the selector {}", printed()))
        }
    }

    fn collected(&self, resource: &GroupResource) -> Decision {
        let unknown = || Decision::Exclude(format!("the cluster serves no resource {resource}"));
        self.gates.get(resource).map_or_else(unknown, |gate| gate.collected.clone())
    }

    fn keeps_out(&self, resource: &GroupResource) -> Option<String> {
        let unknown = || Some(format!("the cluster serves no resource {resource}"));
        self.gates.get(resource).map_or_else(unknown, |gate| gate.keeps_out.clone())
    }

    /// Whether `resource` passes the collection filter (`ShouldInclude`).
    pub fn includes_resource(&self, resource: &GroupResource) -> bool {
        self.collected(resource).is_included()
    }

    /// Whether `resource` is kept out even when reached through an action (`ShouldExclude`).
    pub fn excludes_resource(&self, resource: &GroupResource) -> bool {
        self.keeps_out(resource).is_some()
    }

    /// Whether objects of namespace `name` are in.
    pub fn includes_namespace(&self, name: &str) -> bool {
        self.namespaces.includes(name)
    }

    /// Whether the Namespace object is taken for its own sake (spec 3.6); a namespace that owns a collected object is taken too.
    pub fn tracks_namespace(&self, namespace: &NamespaceFacts) -> bool {
        self.own_sake(namespace).is_some()
    }

    /// Why the Namespace object is taken for its own sake.
    pub(super) fn own_sake(&self, namespace: &NamespaceFacts) -> Option<String> {
        own_sake(&self.spec, &self.namespaces, namespace).filter(|_| self.includes_resource(&"namespaces".into()))
    }

    /// Namespaces named literally in the request that do not exist.
    pub fn missing_namespaces(&self) -> &[String] {
        &self.missing
    }

    /// What is odd about the request, as warnings: patterns without a match, unknown resources and the like, because they
    /// silently select nothing. Missing namespaces have their own list, [`BackupSelection::missing_namespaces`].
    pub fn problems(&self) -> Vec<Problem> {
        let fruitless = self.namespaces.fruitless().iter().map(|pattern| {
            let message = format!("includedNamespaces: no namespace matches {pattern:?}");
            Problem::warning(Stage::Selection, "NoMatch", message)
        });
        let without_effect = self.fine.namespaced_kinds().filter(|(_, kind)| self.excludes_resource(kind));
        let without_effect =
            without_effect.filter(|(_, kind)| self.table.get(kind).is_some()).map(|(section, kind)| {
                let message =
                    format!("{section}: the filter for {kind} has no effect, the request excludes this resource");
                Problem::warning(Stage::Selection, "OddFilter", message)
            });
        let odd = self.fine.problems().iter().cloned().chain(without_effect);
        fruitless.chain(list_problems(&self.spec, &self.table)).chain(odd).collect()
    }
}
