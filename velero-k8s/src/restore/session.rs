//! Everything that a restore knows before it looks at the first object: made for a plan, and again to apply one.
//!
//! Comes in: a request, the store, the cluster. Goes out: a [`Session`]. Refused: a request that is not valid, modifiers
//! that do not parse, a cluster that does not answer. Nothing is written.

use super::source::{self, Source};
use super::versions::{self, Chosen};
use super::{Restore, RestoreOptions};
use crate::cluster::{Cluster, ListQuery};
use crate::error::{Error, Result};
use futures::TryStreamExt;
use serde_json::Value;
use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;
use velero_core::action::{self, Known, RestoreAction};
use velero_core::modifier::Modifiers;
use velero_core::order::Priorities;
use velero_core::pipeline::restore::{Actions, DEFINITIONS, RestorePipeline, served_by};
use velero_core::plan::Plan;
use velero_core::selection::RestoreSelection;
use velero_core::{GroupResource, ItemId, Problem, Resource, ResourceTable, api};

/// Actions whose need for ConfigMaps is one for their configuration only.
const BUILT_IN: &str = "velero.io/";
/// The label of such configuration.
const PLUGIN_CONFIG: &str = "velero.io/plugin-config";
const PAGE: u32 = 500;

/// A restore, ready to be planned or applied.
pub(super) struct Session {
    pub cluster: Arc<dyn Cluster>,
    /// Identity of the cluster.
    pub identity: String,
    pub source: Source,
    pub pipeline: RestorePipeline,
    /// What is served only once the definitions of this backup are there.
    pub pending: HashSet<GroupResource>,
    /// The text of the resource modifiers.
    pub modifiers: Option<String>,
    /// API versions other than those of the unversioned tree, by resource.
    pub versions: Chosen,
    pub priorities: Priorities,
    pub concurrency: usize,
    /// Problems found on the way.
    pub problems: Vec<Problem>,
}

/// What a session is opened for.
pub(super) enum Origin<'a> {
    /// A request: modifiers come from the options, or else from the ConfigMap that it names.
    Request,
    /// A plan, which has settled its modifiers and versions.
    Plan(&'a Plan),
}

impl Session {
    /// Opens a session for `request`.
    pub(super) async fn open(driver: &Restore, request: api::Restore, origin: Origin<'_>) -> Result<Session> {
        let (cluster, options) = (driver.cluster.clone(), &driver.options);
        let restore = completed(driver, request).await?;
        let discovered = cluster.discover().await?;
        let identity = cluster.identity().await?;
        let settles = options.api_group_versions && matches!(origin, Origin::Request);
        let keeps = settles || matches!(origin, Origin::Plan(plan) if !plan.versions.is_empty());
        let mut source = Source::load(&driver.store, &restore.spec.backup_name, keeps).await?;
        let (versions, odd) = match origin {
            Origin::Plan(plan) => (plan.versions.clone(), Vec::new()),
            Origin::Request if settles => {
                versions::chosen(cluster.as_ref(), &discovered.table, &restore.metadata.namespace, &source).await?
            }
            Origin::Request => Default::default(),
        };
        versions::apply(&mut source, &versions);
        let (table, pending) = extended(&source, &restore, discovered.table)?;
        let selection = RestoreSelection::new(&restore.spec, table.clone(), &source.namespaces())?;
        let found = discovered.problems.into_iter().chain(odd);
        let problems = found.chain(selection.problems().iter().cloned()).collect();
        let actions = Actions::new(all_actions(options), &table, &source.spool.resources())?;
        let known = known(cluster.as_ref(), &table, &actions, &restore).await?;
        let modifiers = match origin {
            Origin::Plan(plan) => plan.modifiers.clone(),
            Origin::Request => modifiers_text(cluster.as_ref(), &table, &restore, options).await?,
        };
        let parsed = modifiers.as_deref().map(Modifiers::parse).transpose()?;
        let mut volumes = source.volumes.clone();
        if !volumes.native_snapshots.is_empty() || volumes.infos.values().any(|i| i.backup_method == "NativeSnapshot") {
            volumes.live = names(cluster.as_ref(), table.get(&"persistentvolumes".into())).await?;
        }
        let pipeline = RestorePipeline { restore, selection, table, actions, known, modifiers: parsed, volumes };
        Ok(Session {
            cluster,
            identity,
            source,
            pipeline,
            pending,
            modifiers,
            versions,
            priorities: options.priorities.clone(),
            concurrency: options.concurrency.max(1),
            problems,
        })
    }

    /// Whether existing objects are brought to the state of the backup.
    pub(super) fn updates(&self) -> bool {
        self.pipeline.restore.spec.existing_resource_policy == "update"
    }
}

/// The request with identity and backup filled in.
async fn completed(driver: &Restore, mut restore: api::Restore) -> Result<api::Restore> {
    let name = velero_repo::RestoreName::new(restore.metadata.name.clone())?;
    let spec = &mut restore.spec;
    if spec.backup_name.is_empty() == spec.schedule_name.is_empty() {
        let fault = "name either a backup or a schedule";
        return Err(velero_core::Error::invalid(format!("restore {name}"), fault).into());
    }
    if spec.backup_name.is_empty() {
        spec.backup_name = source::newest_of_schedule(&driver.store, &spec.schedule_name).await?;
        // The plan shall go on naming the same backup when the schedule has made a newer one.
        spec.schedule_name.clear();
    }
    if restore.metadata.uid.is_empty() {
        restore.metadata.uid = uuid::Uuid::new_v4().to_string();
    }
    Ok(restore)
}

fn all_actions(options: &RestoreOptions) -> Vec<Arc<dyn RestoreAction>> {
    let built_in = action::restore_actions().into_iter().map(Arc::from);
    built_in.chain(options.actions.iter().cloned()).collect()
}

/// The table of the target and, of definitions that this restore takes from the archive, what they will add to it.
fn extended(
    source: &Source,
    restore: &api::Restore,
    table: ResourceTable,
) -> Result<(Arc<ResourceTable>, HashSet<GroupResource>)> {
    let (definitions, mut pending) = (GroupResource::parse(DEFINITIONS), HashSet::new());
    let table = Arc::new(table);
    let selection = RestoreSelection::new(&restore.spec, table.clone(), &source.namespaces())?;
    if !selection.collects(&definitions, "").is_included() {
        return Ok((table, pending));
    }
    let mut extended = ResourceTable::clone(&table);
    for name in source.spool.names(&definitions, "") {
        let Some(body) = source.spool.get(&ItemId::new(definitions.clone(), "", name))? else { continue };
        if !selection.selects(&definitions, &labels_of(&body)) {
            continue;
        }
        for row in served_by(&body) {
            if table.get(&row.group_resource()).is_none() {
                pending.insert(row.group_resource());
                extended.add(row);
            }
        }
    }
    Ok((Arc::new(extended), pending))
}

/// The labels of an object; none if it does not parse (which is reported when the object's turn comes).
pub(super) fn labels_of(body: &[u8]) -> BTreeMap<String, String> {
    let header = serde_json::from_slice::<velero_core::item::Header<'_>>(body).ok();
    header.and_then(|header| header.metadata.labels).unwrap_or_default()
}

/// Lists what the actions need to know of the target.
async fn known(
    cluster: &dyn Cluster,
    table: &ResourceTable,
    actions: &Actions,
    restore: &api::Restore,
) -> Result<Known> {
    let mut known = Known::default();
    for (resource, needed_by) in actions.needs() {
        let Some(row) = table.get(&resource) else { continue };
        let mut query = ListQuery { page_size: PAGE, ..ListQuery::default() };
        if resource.is("configmaps") && needed_by.iter().all(|name| name.starts_with(BUILT_IN)) {
            query.namespace = Some(restore.metadata.namespace.clone());
            query.label_selector = Some(PLUGIN_CONFIG.into());
        }
        known.insert(resource, objects(cluster, row, query).await?);
    }
    Ok(known)
}

async fn objects(cluster: &dyn Cluster, row: &Arc<Resource>, query: ListQuery) -> Result<Vec<Value>> {
    let mut objects = Vec::new();
    let mut batches = cluster.list(row, query);
    while let Some(batch) = batches.try_next().await? {
        for body in batch {
            let mut object: Value = serde_json::from_slice(&body).map_err(|error| Error::Malformed {
                operation: "list",
                object: row.group_resource().to_string(),
                reason: error.to_string(),
            })?;
            velero_core::managed_fields::strip(&mut object);
            objects.push(object);
        }
    }
    Ok(objects)
}

async fn names(cluster: &dyn Cluster, row: Option<&Arc<Resource>>) -> Result<HashSet<String>> {
    let Some(row) = row else { return Ok(HashSet::new()) };
    let query = ListQuery { page_size: PAGE, metadata_only: true, ..ListQuery::default() };
    let objects = objects(cluster, row, query).await?;
    Ok(objects.iter().filter_map(|object| object["metadata"]["name"].as_str().map(str::to_owned)).collect())
}

/// The modifiers of the options, or those of the ConfigMap that the request names (spec 6.12).
async fn modifiers_text(
    cluster: &dyn Cluster,
    table: &ResourceTable,
    restore: &api::Restore,
    options: &RestoreOptions,
) -> Result<Option<String>> {
    if options.resource_modifiers.is_some() {
        return Ok(options.resource_modifiers.clone());
    }
    let reference = restore.spec.resource_modifier.as_ref().filter(|r| r.kind.eq_ignore_ascii_case("configmap"));
    let Some(reference) = reference else { return Ok(None) };
    let namespace = restore.metadata.namespace.as_str();
    let invalid = |fault: String| velero_core::Error::invalid(format!("resource modifiers {}", reference.name), fault);
    let body = match table.get(&"configmaps".into()) {
        Some(row) => cluster.get(row, namespace, &reference.name).await?,
        None => None,
    };
    let body = body.ok_or_else(|| invalid(format!("there is no such ConfigMap in namespace {namespace}")))?;
    let config_map: Value = serde_json::from_slice(&body).map_err(|error| invalid(error.to_string()))?;
    let texts: Vec<&str> =
        config_map["data"].as_object().into_iter().flatten().filter_map(|(_, v)| v.as_str()).collect();
    match texts.as_slice() {
        [text] => Ok(Some((*text).to_owned())),
        _ => Err(invalid(format!("the ConfigMap must have one key, not {}", texts.len())).into()),
    }
}
