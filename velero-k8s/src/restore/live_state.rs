//! What the target already has of the objects of a step, by listing metadata instead of asking object by object.
//!
//! A namespaced resource is listed namespace by namespace while few are concerned, else once for the whole cluster;
//! where that is forbidden, namespace by namespace after all. Of a listing only matches are kept, so the size of the
//! cluster does not matter.

use super::session::Session;
use crate::cluster::ListQuery;
use crate::error::{Error, ErrorKind, Result};
use futures::TryStreamExt;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use velero_core::existing::RESTORE_LABEL;
use velero_core::item::Header;
use velero_core::name::valid_name;
use velero_core::plan::{PlannedItem, PlannedWrite, Step};
use velero_core::{Resource, ResourceTable};

/// Up to this many namespaces are listed one by one.
const FEW: usize = 16;
const PAGE: u32 = 500;

/// A live object that an item of a step would meet.
pub(super) struct Match {
    /// Index of the item.
    pub item: usize,
    /// `metadata.resourceVersion`.
    pub version: Box<str>,
    /// Whether this very restore has written it, as its label says.
    pub ours: bool,
}

/// The namespaces of the target: name to whether it is being deleted.
#[derive(Debug, Default)]
pub(super) struct Namespaces(BTreeMap<String, Found>);

/// One namespace of the target.
#[derive(Debug)]
pub(super) struct Found {
    pub terminating: bool,
    pub version: Box<str>,
}

impl Namespaces {
    /// Lists them.
    pub(super) async fn list(session: &Session) -> Result<Namespaces> {
        let mut found = BTreeMap::new();
        if let Some(row) = namespaces_row(&session.pipeline.table) {
            each(session, row, None, |header| {
                let metadata = &header.metadata;
                let terminating = metadata.deletion_timestamp.is_some_and(|time| time.get() != "null");
                let version = metadata.resource_version.as_ref().into();
                found.insert(metadata.name.to_string(), Found { terminating, version });
            })
            .await?;
        }
        Ok(Namespaces(found))
    }

    pub(super) fn get(&self, name: &str) -> Option<&Found> {
        self.0.get(name)
    }

    /// Whether objects of this namespace can exist now and will not go away by themselves.
    fn has_objects(&self, name: &str) -> bool {
        name.is_empty() || self.0.get(name).is_some_and(|found| !found.terminating)
    }
}

pub(super) fn namespaces_row(table: &ResourceTable) -> Option<&Arc<Resource>> {
    table.get(&"namespaces".into())
}

/// The live objects that items of `step` would meet.
pub(super) async fn matches(session: &Session, step: &Step, namespaces: &Namespaces) -> Result<Vec<Match>> {
    let Some(row) = session.pipeline.table.by_kind(&step.api_version, &step.kind) else { return Ok(Vec::new()) };
    let wanted = Wanted::of(step);
    let concerned: BTreeSet<&str> = wanted.namespaces().filter(|name| namespaces.has_objects(name)).collect();
    if concerned.is_empty() || session.pending.contains(&step.resource) {
        return Ok(Vec::new());
    }
    let ours = valid_name(&session.pipeline.restore.metadata.name);
    let mut found = Vec::new();
    let mut note = |header: &Header<'_>| {
        let metadata = &header.metadata;
        if !namespaces.has_objects(&metadata.namespace) {
            return;
        }
        let Some(item) = wanted.find(&metadata.namespace, &metadata.name) else { return };
        let label = metadata.labels.as_ref().and_then(|labels| labels.get(RESTORE_LABEL));
        let version = metadata.resource_version.as_ref().into();
        found.push(Match { item, version, ours: label == Some(&ours) });
    };
    let one_by_one = row.is_namespaced() && concerned.len() <= FEW;
    if !one_by_one {
        match each(session, row, None, &mut note).await {
            Err(error) if error.kind() == ErrorKind::Denied && row.is_namespaced() => {}
            other => return other.map(|()| unique(found)),
        }
    }
    for namespace in concerned {
        each(session, row, Some(namespace.to_owned()), &mut note).await?;
    }
    Ok(unique(found))
}

/// A listing that was restarted may show an object twice; the later sight counts.
fn unique(found: Vec<Match>) -> Vec<Match> {
    let by_item: BTreeMap<usize, Match> = found.into_iter().map(|found| (found.item, found)).collect();
    by_item.into_values().collect()
}

/// Calls `visit` with the metadata of each live object; a resource that is gone has none.
async fn each(
    session: &Session,
    row: &Arc<Resource>,
    namespace: Option<String>,
    mut visit: impl FnMut(&Header<'_>),
) -> Result<()> {
    let query = ListQuery { namespace, page_size: PAGE, metadata_only: true, ..ListQuery::default() };
    let mut batches = session.cluster.list(row, query);
    loop {
        let batch = match batches.try_next().await {
            Ok(Some(batch)) => batch,
            Ok(None) => return Ok(()),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for body in batch {
            let header = serde_json::from_slice::<Header<'_>>(&body).map_err(|error| Error::Malformed {
                operation: "list",
                object: row.group_resource().to_string(),
                reason: error.to_string(),
            })?;
            visit(&header);
        }
    }
}

/// The items of a step that would be written or were found to exist, by name.
struct Wanted<'a> {
    items: &'a [PlannedItem],
    sorted: Vec<u32>,
}

impl<'a> Wanted<'a> {
    fn of(step: &'a Step) -> Self {
        let concerned =
            |item: &PlannedItem| !item.name.is_empty() && (item.write == PlannedWrite::Create || item.live.is_some());
        let mut sorted: Vec<u32> =
            (0u32..).zip(&step.items).filter(|(_, item)| concerned(item)).map(|(at, _)| at).collect();
        sorted.sort_by_key(|at| key(&step.items[*at as usize]));
        Wanted { items: &step.items, sorted }
    }

    fn namespaces(&self) -> impl Iterator<Item = &'a str> {
        let items = self.items;
        self.sorted.iter().map(move |at| &*items[*at as usize].namespace)
    }

    fn find(&self, namespace: &str, name: &str) -> Option<usize> {
        let found = self.sorted.binary_search_by(|at| key(&self.items[*at as usize]).cmp(&(namespace, name)));
        found.ok().map(|at| self.sorted[at] as usize)
    }
}

fn key(item: &PlannedItem) -> (&str, &str) {
    (&item.namespace, &item.name)
}
