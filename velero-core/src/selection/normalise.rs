//! What Velero's controllers make of a spec before anything is selected: defaults, automatic excludes, validation
//! (spec 3.4, 3.5, 6.1, 7.5).

use super::resources::{AUTOMATIC, uses_old_filter};
use super::{NamespaceFacts, validate};
use crate::api::{BackupSpec, RestoreSpec};
use crate::error::{Error, Result};
use crate::item::EXCLUDE_LABEL;
use crate::policy::ResourcePolicies;

/// Resources that a restore never writes: they describe a cluster or Velero itself.
const NON_RESTORABLE: [&str; 9] = [
    "nodes",
    "events",
    "events.events.k8s.io",
    "backups.velero.io",
    "restores.velero.io",
    "resticrepositories.velero.io",
    "csinodes.storage.k8s.io",
    "volumeattachments.storage.k8s.io",
    "backuprepositories.velero.io",
];

/// The spec of a backup as Velero's controller stores it. One error with all faults.
pub(super) fn backup(
    spec: &BackupSpec,
    namespaces: &[NamespaceFacts],
    policies: Option<&ResourcePolicies>,
) -> Result<BackupSpec> {
    let mut spec = spec.clone();
    let mut faults = Vec::new();
    exclude_labelled(&mut spec, namespaces);
    if uses_old_filter(&spec) {
        faults.extend(old_filter(&mut spec, policies));
    } else {
        faults.extend(scoped_filter(&mut spec));
    }
    if spec.included_namespaces.is_empty() {
        spec.included_namespaces.push("*".to_owned());
    }
    let (includes, excludes) = (&spec.included_namespaces, &spec.excluded_namespaces);
    faults.extend(namespace_lists(includes, excludes, namespaces));
    faults.extend(validate::selectors("backup", spec.label_selector.as_ref(), &spec.or_label_selectors));
    finished("backup spec", spec, faults)
}

/// Namespaces that carry the exclude label join the excludes.
fn exclude_labelled(spec: &mut BackupSpec, namespaces: &[NamespaceFacts]) {
    let labelled = namespaces.iter().filter(|n| is_labelled(n)).map(|n| &n.name);
    for name in labelled {
        if !spec.excluded_namespaces.contains(name) {
            spec.excluded_namespaces.push(name.clone());
        }
    }
}

fn is_labelled(namespace: &NamespaceFacts) -> bool {
    namespace.labels.get(EXCLUDE_LABEL).is_some_and(|value| value == "true")
}

fn old_filter(spec: &mut BackupSpec, policies: Option<&ResourcePolicies>) -> Vec<String> {
    let mut faults = Vec::new();
    let scoped = [
        &spec.included_cluster_scoped_resources,
        &spec.excluded_cluster_scoped_resources,
        &spec.included_namespace_scoped_resources,
        &spec.excluded_namespace_scoped_resources,
    ];
    let old = "includedResources, excludedResources and includeClusterResources";
    if scoped.iter().any(|list| !list.is_empty()) {
        faults.push(format!("{old} can not be used together with cluster-scoped and namespace-scoped resource lists"));
    }
    if policies.is_some_and(|p| p.include_exclude_policy.is_some()) {
        faults.push(format!("{old} can not be used together with an includeExcludePolicy"));
    }
    if policies.is_some_and(|p| p.cluster_filters.is_some() || !p.namespaced_filters.is_empty()) {
        faults.push(format!("{old} can not be used together with fine-grained filter policies"));
    }
    let lists = (&mut spec.included_resources, &mut spec.excluded_resources);
    let invalid = validate::include_exclude("included/excluded resource", lists.0, lists.1);
    exclude_automatically(lists, &AUTOMATIC, &mut faults, invalid);
    faults
}

fn scoped_filter(spec: &mut BackupSpec) -> Vec<String> {
    let mut faults = Vec::new();
    let [snapshots, contents] = AUTOMATIC;
    let lists = (&mut spec.included_cluster_scoped_resources, &mut spec.excluded_cluster_scoped_resources);
    let invalid = validate::scoped("cluster-scoped included/excluded resource", lists.0, lists.1);
    exclude_automatically(lists, &[contents], &mut faults, invalid);
    let lists = (&mut spec.included_namespace_scoped_resources, &mut spec.excluded_namespace_scoped_resources);
    let invalid = validate::scoped("namespace-scoped included/excluded resource", lists.0, lists.1);
    exclude_automatically(lists, &[snapshots], &mut faults, invalid);
    faults
}

/// Moves `resources` to the excludes of lists that are valid.
fn exclude_automatically(
    (includes, excludes): (&mut Vec<String>, &mut Vec<String>),
    resources: &[&str],
    faults: &mut Vec<String>,
    invalid: Vec<String>,
) {
    if !invalid.is_empty() {
        faults.extend(invalid);
        return;
    }
    for resource in resources {
        if !excludes.iter().any(|name| name == resource) {
            excludes.push((*resource).to_owned());
        }
    }
    includes.retain(|name| !resources.contains(&name.as_str()));
}

fn namespace_lists(includes: &[String], excludes: &[String], namespaces: &[NamespaceFacts]) -> Vec<String> {
    let list = "included/excluded namespace";
    let mut faults = validate::include_exclude(list, includes, excludes);
    let names = includes.iter().chain(excludes).filter_map(|name| validate::namespace_name(name));
    faults.extend(names.map(|fault| format!("Invalid {list} lists: {fault}")));
    let labelled = namespaces.iter().filter(|n| is_labelled(n) && includes.contains(&n.name));
    faults.extend(labelled.map(|n| {
        format!("Invalid {list} lists: namespace {:?} is included but carries the label {EXCLUDE_LABEL}=true", n.name)
    }));
    faults
}

/// The spec of a restore as Velero's controller stores it. One error with all faults.
pub(super) fn restore(spec: &RestoreSpec) -> Result<RestoreSpec> {
    let mut spec = spec.clone();
    for resource in NON_RESTORABLE {
        if !spec.excluded_resources.iter().any(|name| name == resource) {
            spec.excluded_resources.push(resource.to_owned());
        }
    }
    let forbidden = NON_RESTORABLE.iter().filter(|r| spec.included_resources.iter().any(|name| name == *r));
    let mut faults: Vec<String> = forbidden.map(|r| format!("{r} are non-restorable resources")).collect();
    let (includes, excludes) = (&spec.included_resources, &spec.excluded_resources);
    faults.extend(validate::include_exclude("included/excluded resource", includes, excludes));
    let (includes, excludes) = (&spec.included_namespaces, &spec.excluded_namespaces);
    faults.extend(validate::include_exclude("included/excluded namespace", includes, excludes));
    let patterns = includes.iter().chain(excludes).filter_map(|name| crate::glob::Glob::new(name).err());
    faults.extend(patterns.map(|bad| format!("Invalid included/excluded namespace lists: {bad}")));
    faults.extend(validate::selectors("restore", spec.label_selector.as_ref(), &spec.or_label_selectors));
    if spec.backup_name.is_empty() == spec.schedule_name.is_empty() {
        faults.push("a restore needs either a backup or a schedule as its source, and not both".to_owned());
    }
    if spec.other.get("resourcePolicy").is_some_and(|policy| !policy.is_null()) {
        faults
            .push("spec.resourcePolicy is not supported: this build knows filter policies for backups only".to_owned());
    }
    if !["", "none", "update"].contains(&spec.existing_resource_policy.as_str()) {
        faults.push(format!("Invalid ExistingResourcePolicy: {}", spec.existing_resource_policy));
    }
    finished("restore spec", spec, faults)
}

fn finished<T>(what: &str, spec: T, faults: Vec<String>) -> Result<T> {
    if faults.is_empty() { Ok(spec) } else { Err(Error::Invalid { what: what.to_owned(), faults }) }
}
