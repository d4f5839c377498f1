//! Which API version of each resource a restore reads from the backup (feature `EnableAPIGroupVersions`).
//!
//! Comes in: the version directories of the archive, what the target serves, and the ConfigMap `enableapigroupversions` of
//! the Velero namespace. Goes out: the versions that are not the one of the unversioned tree; a plan carries them, so that
//! applying it reads the same bytes.

use super::source::Source;
use crate::cluster::Cluster;
use crate::error::Result;
use serde_json::Value;
use std::collections::BTreeMap;
use velero_core::problem::Stage;
use velero_core::version::{Versions, choose, priorities};
use velero_core::{GroupResource, Problem, ResourceTable};

const CONFIG_MAP: &str = "enableapigroupversions";
const KEY: &str = "restoreResourcesVersionPriority";

/// Resources and the versions in which they are read, where that is not the preferred one of the source.
pub(super) type Chosen = BTreeMap<String, String>;

/// Chooses; the problems tell which resources are not restored in the version that the source preferred.
pub(super) async fn chosen(
    cluster: &dyn Cluster,
    table: &ResourceTable,
    namespace: &str,
    source: &Source,
) -> Result<(Chosen, Vec<Problem>)> {
    let (mut chosen, mut problems) = (Chosen::new(), Vec::new());
    // Archives before this format have no version directories.
    if source.spool.format_version().is_none_or(|version| version < "1.1.0") {
        return Ok((chosen, problems));
    }
    let (user, odd) = priorities(&user_text(cluster, table, namespace).await?);
    problems.extend(odd.iter().map(|line| {
        let text = format!("ConfigMap {namespace}/{CONFIG_MAP}: line {line:?} is no resource=version,version");
        Problem::warning(Stage::Selection, "OddPriority", text)
    }));
    for resource in source.spool.resources() {
        let held = source.spool.versions(&resource);
        let Some((preferred, _)) = held.iter().find(|(_, preferred)| *preferred).cloned() else { continue };
        let versions = Versions::new(held.into_iter().map(|(version, _)| version), preferred);
        let target = Versions::served(&resource.group, table);
        let wanted = user.get(&resource).map_or(&[][..], Vec::as_slice);
        let version = choose(&versions, target.as_ref(), wanted);
        if version != versions.preferred {
            chosen.insert(resource.to_string(), version.to_owned());
        }
    }
    Ok((chosen, problems))
}

/// Makes the archive hand out the chosen versions.
pub(super) fn apply(source: &mut Source, chosen: &Chosen) {
    for (resource, version) in chosen {
        source.spool.choose(&GroupResource::parse(resource), version);
    }
}

/// What the user prefers; empty if there is no such ConfigMap.
async fn user_text(cluster: &dyn Cluster, table: &ResourceTable, namespace: &str) -> Result<String> {
    let Some(row) = table.get(&"configmaps".into()) else { return Ok(String::new()) };
    let body = cluster.get(row, namespace, CONFIG_MAP).await?.unwrap_or_default();
    let config_map: Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok(config_map["data"][KEY].as_str().unwrap_or_default().to_owned())
}
