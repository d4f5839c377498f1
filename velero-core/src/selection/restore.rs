//! The gate of a restore.

use super::filter::{IncludeExclude, ambiguous, resource_list_problems};
use super::{Decision, normalise};
use crate::api::RestoreSpec;
use crate::error::Result;
use crate::problem::{Problem, Stage};
use crate::resource::{GroupResource, ItemId};
use crate::selector;
use crate::table::ResourceTable;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The resource that is restored whatever the filters say: data movement hands over through it.
const MUST_HAVE: &str = "datauploads.velero.io";

const NAMESPACES: [&str; 2] = ["includedNamespaces", "excludedNamespaces"];
const RESOURCES: [&str; 2] = ["includedResources", "excludedResources"];

/// The gate of a restore (spec 6.4). Works on source namespaces.
///
/// Namespace patterns stay globs and are not expanded, as in Velero 1.18.3: a pattern without match restores nothing.
#[derive(Clone, Debug)]
pub struct RestoreSelection {
    spec: RestoreSpec,
    resources: IncludeExclude,
    namespaces: IncludeExclude,
    status: Option<IncludeExclude>,
    problems: Vec<Problem>,
}

impl RestoreSelection {
    /// Checks and normalises `spec` as Velero's controller does; `namespaces` are those that hold namespaced objects in the
    /// archive. All validation faults come in one error.
    pub fn new(spec: &RestoreSpec, table: Arc<ResourceTable>, namespaces: &[String]) -> Result<Self> {
        Ok(Self::engine_level(&normalise::restore(spec)?, &table, namespaces))
    }

    /// The same gate without validation and without the non-restorable resources, as Velero's engine tests use it.
    pub fn engine_level(spec: &RestoreSpec, table: &ResourceTable, namespaces: &[String]) -> Self {
        let resources = |includes: &[String], excludes: &[String]| IncludeExclude::resources(includes, excludes, table);
        let status = spec.restore_status.as_ref();
        RestoreSelection {
            resources: resources(&spec.included_resources, &spec.excluded_resources),
            namespaces: IncludeExclude::new(&spec.included_namespaces, &spec.excluded_namespaces),
            status: status.map(|status| resources(&status.included_resources, &status.excluded_resources)),
            problems: problems(spec, table, namespaces),
            spec: spec.clone(),
        }
    }

    /// The spec after normalisation (non-restorable resources added to the excludes).
    pub fn spec(&self) -> &RestoreSpec {
        &self.spec
    }

    /// Whether objects of `resource` in source namespace `namespace` (empty: cluster-scoped) are collected from the archive.
    /// Of collected objects [`RestoreSelection::selects`] looks at the labels.
    pub fn collects(&self, resource: &GroupResource, namespace: &str) -> Decision {
        if self.is_must_have(resource) && !namespace.is_empty() {
            return must_have(resource);
        }
        self.judge_resource(resource).and_then(|why| match (namespace, self.spec.include_cluster_resources) {
            ("", Some(false)) => Decision::Exclude(never_cluster(resource)),
            ("", None) if !self.namespaces.admits_everything() => {
                let why = "is cluster-scoped and only some namespaces are included";
                Decision::Exclude(format!("resource {resource} {why}; related objects are taken along"))
            }
            ("", _) => Decision::Include(why.to_owned()),
            (namespace, _) => self.judge_namespace(namespace, why),
        })
    }

    /// Whether an additional item is let through (spec 6.6 steps 1 and 2).
    pub fn admits_related(&self, id: &ItemId) -> Decision {
        if self.is_must_have(&id.resource) && !id.namespace.is_empty() {
            return must_have(&id.resource);
        }
        self.judge_resource(&id.resource).and_then(|why| {
            match (id.namespace.as_str(), self.spec.include_cluster_resources) {
                ("", Some(false)) => Decision::Exclude(never_cluster(&id.resource)),
                ("", _) => Decision::Include(format!("{why} and another object needs it")),
                (namespace, _) => self.judge_namespace(namespace, why),
            }
        })
    }

    /// Whether the object with these labels is restored, told for people: [`RestoreSelection::collects`] and
    /// [`RestoreSelection::selects`] in one.
    pub fn explain(&self, id: &ItemId, labels: &BTreeMap<String, String>) -> Decision {
        self.collects(&id.resource, &id.namespace).and_then(|why| match self.selects(&id.resource, labels) {
            true => Decision::Include(why.to_owned()),
            false => Decision::Exclude("its labels do not match the selectors of the restore".to_owned()),
        })
    }

    fn judge_resource(&self, resource: &GroupResource) -> Decision {
        match self.is_must_have(resource) {
            true => must_have(resource),
            false => self.resources.judge(&resource.to_string(), &format!("resource {resource}"), RESOURCES),
        }
    }

    fn judge_namespace(&self, namespace: &str, why: &str) -> Decision {
        let decision = self.namespaces.judge(namespace, &format!("namespace {namespace:?}"), NAMESPACES);
        decision.and_then(|_| Decision::Include(format!("namespace {namespace:?} is included and {why}")))
    }

    /// Whether `resource` is restored whatever the lists and selectors say.
    pub fn is_must_have(&self, resource: &GroupResource) -> bool {
        resource.is(MUST_HAVE)
    }

    /// Whether a collected object of `resource` with these labels is restored.
    pub fn selects(&self, resource: &GroupResource, labels: &BTreeMap<String, String>) -> bool {
        self.is_must_have(resource) || self.matches_labels(labels)
    }

    /// Whether the labels of a collected object match the selectors. Related objects need not.
    pub fn matches_labels(&self, labels: &BTreeMap<String, String>) -> bool {
        let any_of = &self.spec.or_label_selectors;
        let single = self.spec.label_selector.as_ref();
        single.is_none_or(|selector| selector::matches(selector, labels))
            && (any_of.is_empty() || any_of.iter().any(|selector| selector::matches(selector, labels)))
    }

    /// The target namespace of a source namespace.
    pub fn target_namespace<'a>(&'a self, source: &'a str) -> &'a str {
        self.spec.namespace_mapping.get(source).map_or(source, String::as_str)
    }

    /// Whether the status of objects of `resource` is restored according to the spec alone (spec 6.13).
    pub fn restores_status(&self, resource: &GroupResource) -> bool {
        self.status.as_ref().is_some_and(|status| status.admits(&resource.to_string()))
    }

    /// Whether the status of an object is restored: its annotation `velero.io/restore-status` wins over the spec when it says
    /// `true` or `false`, in any case and with white space around; anything else is ignored.
    pub fn restores_status_of(&self, resource: &GroupResource, annotation: Option<&str>) -> bool {
        match annotation.map(|text| text.trim().to_lowercase()).as_deref() {
            Some("true") => true,
            Some("false") => false,
            _ => self.restores_status(resource),
        }
    }

    /// What is odd about the request: namespaces without objects in the backup, unknown resources. Warnings, because they
    /// silently select nothing.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }
}

fn must_have(resource: &GroupResource) -> Decision {
    Decision::Include(format!("resource {resource} is always restored"))
}

fn never_cluster(resource: &GroupResource) -> String {
    format!("resource {resource} is cluster-scoped and includeClusterResources is false")
}

fn problems(spec: &RestoreSpec, table: &ResourceTable, namespaces: &[String]) -> Vec<Problem> {
    let matched = |pattern: &str| {
        let set = crate::glob::GlobSet::new([pattern]);
        pattern == "*" || namespaces.iter().any(|name| set.matches(name))
    };
    let fruitless = spec.included_namespaces.iter().filter(|name| !matched(name)).map(|name| {
        let message = format!("includedNamespaces: the backup holds no namespaced objects in {name:?}");
        Problem::warning(Stage::Selection, "NoMatch", message)
    });
    // The excludes carry resources that most clusters do not serve; only what the request includes can be missed.
    let included = resource_list_problems(RESOURCES[0], &spec.included_resources, table);
    fruitless.chain(included).chain(ambiguous(RESOURCES[1], &spec.excluded_resources, table)).collect()
}
