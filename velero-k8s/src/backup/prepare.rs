//! Everything that is settled before the first object: what the cluster serves, which namespaces it has, the resource
//! policies, and the gate made of all that. Refuses requests with every fault found, not only the first.

use super::{Backup, request};
use crate::{Error, Result};
use jiff::Timestamp;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::Arc;
use velero_core::policy::ResourcePolicies;
use velero_core::selection::{BackupSelection, NamespaceFacts};
use velero_core::{GroupResource, Item, ItemId, Problem, ResourceTable, Stage, api};

/// Label by which ArgoCD marks namespaces of its applications.
const ARGO_LABEL: &str = "argocd.argoproj.io/managed-by";

/// A request that can run.
pub(super) struct Prepared {
    /// The document as it stands at the start.
    pub(super) backup: api::Backup,
    /// What the cluster serves.
    pub(super) table: Arc<ResourceTable>,
    /// The gate.
    pub(super) selection: BackupSelection,
    /// The namespaces that exist.
    pub(super) namespaces: Vec<NamespaceFacts>,
    /// What discovery and selection had to report.
    pub(super) problems: Vec<Problem>,
}

/// A request, looked at.
pub(super) enum Preparation {
    /// It can run.
    Ready(Box<Prepared>),
    /// It can not; each text is one fault.
    Refused(Box<api::Backup>, Vec<String>),
}

/// Looks at `request`.
pub(super) async fn prepare(driver: &Backup, request: api::Backup) -> Result<Preparation> {
    driver.stage("discovering");
    let discovered = driver.cluster.discover().await?;
    let table = Arc::new(discovered.table);
    let (namespaces, malformed) = namespaces(driver, &table).await?;
    let mut faults = request::unsupported(&request.spec);
    let mut backup = request::begin(request, &discovered.version, Timestamp::now());
    let policies = absorb(policies(driver, &backup, &table).await, &mut faults)?.flatten();
    faults.extend(policies.iter().flat_map(request::unsupported_policies));
    let gate = if driver.options.engine_level { BackupSelection::engine_level } else { BackupSelection::new };
    let selection = gate(&backup.spec, table.clone(), &namespaces, policies.as_ref()).map_err(Error::from);
    match absorb(selection, &mut faults)? {
        Some(selection) if faults.is_empty() => {
            backup.spec = selection.spec().clone();
            let problems =
                [discovered.problems, malformed, selection.problems(), odd_namespaces(&selection, &namespaces)]
                    .concat();
            Ok(Preparation::Ready(Box::new(Prepared { backup, table, selection, namespaces, problems })))
        }
        _ => Ok(Preparation::Refused(Box::new(backup), faults)),
    }
}

/// Named namespaces that do not exist, an error where Velero looks for Namespace objects at all; and those of ArgoCD, which
/// brings things back from git and may undo a restore.
fn odd_namespaces(selection: &BackupSelection, namespaces: &[NamespaceFacts]) -> Vec<Problem> {
    let row = GroupResource::parse("namespaces");
    let missing = if selection.includes_resource(&row) { Problem::error } else { Problem::warning };
    let missing = |name: &String| {
        let message = format!("namespace {name} is named in the request and does not exist");
        missing(Stage::Selection, "NamespaceMissing", message)
    };
    let managed =
        |facts: &&NamespaceFacts| facts.labels.contains_key(ARGO_LABEL) && selection.includes_namespace(&facts.name);
    let argo = |facts: &NamespaceFacts| {
        let message = "ArgoCD manages this namespace; it may undo what a restore brings back".to_owned();
        let id = ItemId::new(row.clone(), "", &facts.name);
        Problem::warning(Stage::Selection, "ManagedByArgoCD", message).about(id)
    };
    let missing = selection.missing_namespaces().iter().map(missing);
    missing.chain(namespaces.iter().filter(managed).map(argo)).collect()
}

/// Moves the faults of an invalid request to the others; any other error stays one.
fn absorb<T>(outcome: Result<T>, faults: &mut Vec<String>) -> Result<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(Error::Core(velero_core::Error::Invalid { faults: found, .. })) => {
            faults.extend(found);
            Ok(None)
        }
        Err(other) => Err(other),
    }
}

/// What selection must know of the namespaces, and an error for each that can not be read: a pattern may have meant it.
async fn namespaces(driver: &Backup, table: &ResourceTable) -> Result<(Vec<NamespaceFacts>, Vec<Problem>)> {
    let (mut found, mut problems) = (BTreeMap::new(), Vec::new());
    let Some(row) = table.get(&GroupResource::parse("namespaces")) else { return Ok((Vec::new(), problems)) };
    let mut batches = driver.cluster.list(row, driver.query(None, None));
    while let Some(batch) = futures::StreamExt::next(&mut batches).await {
        for raw in batch? {
            match Item::read(row, raw) {
                Ok(item) => drop(found.insert(item.name.clone(), facts(&item))),
                Err(e) => {
                    let message = format!("{e}, and what is in that namespace may be left out: {}", e.source);
                    problems.push(Problem::error(Stage::Collect, "Malformed", message));
                }
            }
        }
    }
    Ok((found.into_values().collect(), problems))
}

/// What selection must know of one Namespace object. Without a phase (manifests) it counts as active.
fn facts(namespace: &Item) -> NamespaceFacts {
    #[derive(Deserialize, Default)]
    struct Object {
        #[serde(default)]
        status: Status,
    }
    #[derive(Deserialize, Default)]
    struct Status {
        phase: Option<String>,
    }
    let object: Object = serde_json::from_slice(&namespace.body).unwrap_or_default();
    NamespaceFacts {
        name: namespace.name.clone(),
        labels: namespace.labels.clone(),
        active: object.status.phase.is_none_or(|phase| phase == "Active") && !namespace.terminating,
    }
}

/// The resource policies: the caller's text, else the ConfigMap that the request names.
async fn policies(driver: &Backup, backup: &api::Backup, table: &ResourceTable) -> Result<Option<ResourcePolicies>> {
    if let Some(text) = &driver.options.resource_policies {
        return Ok(Some(ResourcePolicies::parse(text)?));
    }
    let Some(reference) = &backup.spec.resource_policy else { return Ok(None) };
    let invalid =
        |fault: String| velero_core::Error::invalid("spec.resourcePolicy", format!("spec.resourcePolicy: {fault}"));
    if !reference.kind.eq_ignore_ascii_case("configmap") {
        return Err(invalid(format!("{} is no ConfigMap", reference.kind)).into());
    }
    let place = format!("ConfigMap {}/{}", backup.metadata.namespace, reference.name);
    let row = table.get(&GroupResource::parse("configmaps")).ok_or_else(|| invalid("no ConfigMaps here".into()))?;
    let raw = driver.cluster.get(row, &backup.metadata.namespace, &reference.name).await?;
    let raw = raw.ok_or_else(|| invalid(format!("{place} does not exist")))?;
    let object: serde_json::Value =
        serde_json::from_slice(&raw).map_err(|e| invalid(format!("{place} is malformed: {e}")))?;
    let mut texts = object["data"].as_object().into_iter().flatten().filter_map(|(_, text)| text.as_str());
    match (texts.next(), texts.next()) {
        (Some(text), None) => Ok(Some(ResourcePolicies::parse(text)?)),
        _ => Err(invalid(format!("{place} must have exactly one entry")).into()),
    }
}
