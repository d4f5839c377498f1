//! The resource filters of a backup: Velero's old one and the scoped one (spec 3.4).

use super::Decision;
use super::filter::{IncludeExclude, resource_list_problems};
use super::namespaces::NamespaceFilter;
use crate::api::BackupSpec;
use crate::policy::IncludeExcludePolicy;
use crate::problem::{Problem, Stage};
use crate::resource::{Resource, Scope};
use crate::table::ResourceTable;

/// Whether `spec` uses a parameter of the old filter, and so the old filter.
pub(super) fn uses_old_filter(spec: &BackupSpec) -> bool {
    spec.include_cluster_resources.is_some()
        || !spec.included_resources.is_empty()
        || !spec.excluded_resources.is_empty()
}

/// Which resources are in.
#[derive(Clone, Debug)]
pub(super) enum ResourceFilter {
    /// `includedResources`, `excludedResources`, `includeClusterResources`.
    Old { resources: IncludeExclude, cluster: Option<bool> },
    /// Four lists, two for each scope.
    Scoped { namespaced: IncludeExclude, cluster: IncludeExclude },
}

const OLD: [&str; 2] = ["includedResources", "excludedResources"];
const NAMESPACED: [&str; 2] = ["includedNamespaceScopedResources", "excludedNamespaceScopedResources"];
const CLUSTER: [&str; 2] = ["includedClusterScopedResources", "excludedClusterScopedResources"];

impl ResourceFilter {
    /// The filter of `spec`, with names resolved through `table` and the lists of a policy merged in where `spec` says
    /// nothing of the resource (scoped filter only).
    pub fn new(spec: &BackupSpec, table: &ResourceTable, policy: Option<&IncludeExcludePolicy>) -> Self {
        if uses_old_filter(spec) {
            let resources = IncludeExclude::resources(&spec.included_resources, &spec.excluded_resources, table);
            return ResourceFilter::Old { resources, cluster: spec.include_cluster_resources };
        }
        let namespaced = Scope::Namespaced;
        let lists = |scope, includes: &[String], excludes: &[String]| {
            let resolve = |names: &[String]| -> Vec<String> {
                names.iter().filter_map(|name| of_scope(name, scope, table)).collect()
            };
            IncludeExclude::new(&resolve(includes), &resolve(excludes))
        };
        let mut filter = ScopedLists {
            namespaced: lists(
                namespaced,
                &spec.included_namespace_scoped_resources,
                &spec.excluded_namespace_scoped_resources,
            ),
            cluster: lists(
                Scope::Cluster,
                &spec.included_cluster_scoped_resources,
                &spec.excluded_cluster_scoped_resources,
            ),
        };
        if let Some(policy) = policy {
            filter.merge(policy, table);
        }
        ResourceFilter::Scoped { namespaced: filter.namespaced, cluster: filter.cluster }
    }

    /// Whether objects of `row` are collected (`ShouldInclude`).
    pub fn collects(&self, row: &Resource, namespaces: &NamespaceFilter) -> Decision {
        let resource = row.group_resource().to_string();
        let subject = format!("resource {resource}");
        let is_namespaces = resource == "namespaces";
        match self {
            ResourceFilter::Old { cluster: Some(false), .. } if !row.is_namespaced() => {
                Decision::Exclude(format!("{subject} is cluster-scoped and includeClusterResources is false"))
            }
            ResourceFilter::Old { cluster: None, .. }
                if !row.is_namespaced() && !is_namespaces && !namespaces.includes_everything() =>
            {
                let why = "is cluster-scoped and only some namespaces are included";
                Decision::Exclude(format!("{subject} {why}; related objects are taken along"))
            }
            ResourceFilter::Old { resources, .. } => resources.judge(&resource, &subject, OLD),
            ResourceFilter::Scoped { namespaced, .. } if row.is_namespaced() => {
                namespaced.judge(&resource, &subject, NAMESPACED)
            }
            ResourceFilter::Scoped { namespaced, cluster } => {
                let unrestricted = cluster.includes.is_empty()
                    && cluster.excludes.is_empty()
                    && namespaces.includes_everything()
                    && namespaced.admits_everything();
                judge_cluster(cluster, &resource, unrestricted)
            }
        }
    }

    /// Why objects of `row` are kept out even when another object brings them along (`ShouldExclude`).
    pub fn keeps_out(&self, row: &Resource) -> Option<String> {
        let resource = row.group_resource().to_string();
        let excluded = |lists: &IncludeExclude, name: &str| {
            lists.excludes.find(&resource).map(|p| format!("resource {resource} matches {p:?} of {name}"))
        };
        match self {
            ResourceFilter::Old { resources, cluster } => excluded(resources, OLD[1]).or_else(|| match cluster {
                Some(false) if !row.is_namespaced() => {
                    Some(format!("resource {resource} is cluster-scoped and includeClusterResources is false"))
                }
                None if !row.is_namespaced() && !resources.admits(&resource) => {
                    Some(format!("resource {resource} is not in {}", OLD[0]))
                }
                _ => None,
            }),
            ResourceFilter::Scoped { namespaced, .. } if row.is_namespaced() => excluded(namespaced, NAMESPACED[1]),
            ResourceFilter::Scoped { cluster, .. } => excluded(cluster, CLUSTER[1]),
        }
    }
}

/// Cluster-scoped resources are in only when listed, except namespaces, which come with whatever is in them.
fn judge_cluster(cluster: &IncludeExclude, resource: &str, unrestricted: bool) -> Decision {
    let subject = format!("resource {resource}");
    if let Some(pattern) = cluster.excludes.find(resource) {
        Decision::Exclude(format!("{subject} matches {pattern:?} of {}", CLUSTER[1]))
    } else if unrestricted {
        Decision::Include(format!("{subject} is cluster-scoped and nothing is restricted"))
    } else if let Some(pattern) = cluster.includes.find(resource).or(cluster.includes.contains("*").then_some("*")) {
        Decision::Include(format!("{subject} matches {pattern:?} of {}", CLUSTER[0]))
    } else if resource == "namespaces" {
        Decision::Include(format!("{subject} comes along with what is in the namespaces"))
    } else {
        let why = format!("is cluster-scoped and not in {}", CLUSTER[0]);
        Decision::Exclude(format!("{subject} {why}; related objects are taken along"))
    }
}

struct ScopedLists {
    namespaced: IncludeExclude,
    cluster: IncludeExclude,
}

impl ScopedLists {
    /// Adds the lists of a policy. An entry that matches either list of its scope already is dropped, so the spec wins.
    fn merge(&mut self, policy: &IncludeExcludePolicy, table: &ResourceTable) {
        let add = |lists: &mut IncludeExclude, names: &[String], scope, exclude: bool| {
            for name in names.iter().filter_map(|name| of_scope(name, scope, table)) {
                match lists.includes.matches(&name) || lists.excludes.matches(&name) {
                    true => {}
                    false if exclude => lists.excludes.insert(name),
                    false => lists.includes.insert(name),
                }
            }
        };
        let (namespaced, cluster) = (&mut self.namespaced, &mut self.cluster);
        add(namespaced, &policy.excluded_namespace_scoped_resources, Scope::Namespaced, true);
        add(namespaced, &policy.included_namespace_scoped_resources, Scope::Namespaced, false);
        add(cluster, &policy.excluded_cluster_scoped_resources, Scope::Cluster, true);
        add(cluster, &policy.included_cluster_scoped_resources, Scope::Cluster, false);
    }
}

/// The resource that `name` means if it has this scope; a name that means none stays a glob, an empty one is ignored.
fn of_scope(name: &str, scope: Scope, table: &ResourceTable) -> Option<String> {
    if name.is_empty() {
        return None;
    }
    match table.resolve(name).filter(|_| name != "*") {
        None => Some(name.to_owned()),
        Some(row) => (row.scope == scope).then(|| row.group_resource().to_string()),
    }
}

/// What is odd about the resource lists of `spec`, as warnings.
pub(super) fn list_problems(spec: &BackupSpec, table: &ResourceTable) -> Vec<Problem> {
    let lists: [(&str, &[String], Option<Scope>); 6] = [
        (OLD[0], &spec.included_resources, None),
        (OLD[1], &spec.excluded_resources, None),
        (NAMESPACED[0], &spec.included_namespace_scoped_resources, Some(Scope::Namespaced)),
        (NAMESPACED[1], &spec.excluded_namespace_scoped_resources, Some(Scope::Namespaced)),
        (CLUSTER[0], &spec.included_cluster_scoped_resources, Some(Scope::Cluster)),
        (CLUSTER[1], &spec.excluded_cluster_scoped_resources, Some(Scope::Cluster)),
    ];
    let wrong_scope = |list: &str, names: &[String], scope: Scope| -> Vec<Problem> {
        let wrong = names.iter().filter(|name| table.resolve(name).is_some_and(|row| row.scope != scope));
        let message = |name| format!("{list}: {name:?} has the other scope and is ignored here");
        wrong.map(|name| Problem::warning(Stage::Selection, "WrongScope", message(name))).collect()
    };
    let of_list = |(list, names, scope): &(&str, &[String], Option<Scope>)| {
        let names: Vec<String> = names.iter().filter(|name| !AUTOMATIC.contains(&name.as_str())).cloned().collect();
        let mut problems = resource_list_problems(list, &names, table);
        problems.extend(scope.iter().flat_map(|scope| wrong_scope(list, &names, *scope)));
        problems
    };
    lists.iter().flat_map(of_list).collect()
}

/// Resources that a backup takes only along with what they belong to: CSI snapshots and their contents.
pub(super) const AUTOMATIC: [&str; 2] =
    ["volumesnapshots.snapshot.storage.k8s.io", "volumesnapshotcontents.snapshot.storage.k8s.io"];
