//! What an API server serves, as rows of a [`ResourceTable`].
//!
//! Two requests with aggregated discovery; older servers are asked group by group. A group that does not answer, or
//! whose answer the server itself calls stale, is a warning that names it: its objects can not be backed up.

use super::request::{self, Subject};
use crate::cluster::Discovered;
use crate::error::{Error, Result};
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use kube::core::discovery::v2::{
    ACCEPT_AGGREGATED_DISCOVERY_V2, APIGroupDiscovery, APIGroupDiscoveryList, APIResourceDiscovery,
};
use serde::Deserialize;
use serde_json::Value;
use velero_core::{Problem, Resource, ResourceTable, Scope, Stage};

const JSON: &str = "application/json";
const CONCURRENCY: usize = 8;

/// The two clients of discovery.
#[derive(Clone, Copy)]
pub struct Clients<'a> {
    /// Repeats what the server asks to repeat.
    pub patient: &'a kube::Client,
    /// Repeats nothing by itself: a broken group would stall discovery for minutes.
    pub impatient: &'a kube::Client,
}

/// Asks the server.
pub async fn discover(clients: Clients<'_>) -> Result<Discovered> {
    let mut problems = Vec::new();
    let mut rows = Vec::new();
    for root in ["/api", "/apis"] {
        rows.extend(discover_root(clients, root, &mut problems).await?);
    }
    Ok(Discovered { table: ResourceTable::new(rows), problems, version: version(clients).await })
}

/// Reads what can be done without: only a server that is busy is asked with patience.
async fn read_once(clients: Clients<'_>, subject: &Subject, path: &str) -> Result<Bytes> {
    match request::read(clients.impatient, subject, path, JSON).await {
        Err(Error::Api { code: 429, .. }) => request::read(clients.patient, subject, path, JSON).await,
        answer => answer,
    }
}

async fn version(clients: Clients<'_>) -> [String; 3] {
    let subject = Subject { operation: "get", object: "/version".into() };
    let body = read_once(clients, &subject, "/version").await.unwrap_or_default();
    let info: Value = serde_json::from_slice(&body).unwrap_or_default();
    ["gitVersion", "major", "minor"].map(|field| info[field].as_str().unwrap_or_default().to_owned())
}

async fn discover_root(clients: Clients<'_>, root: &'static str, problems: &mut Vec<Problem>) -> Result<Vec<Resource>> {
    let subject = Subject { operation: "discover", object: root.into() };
    let body = request::read(clients.patient, &subject, root, ACCEPT_AGGREGATED_DISCOVERY_V2).await?;
    let document: Value = serde_json::from_slice(&body).map_err(|e| subject.malformed(e.to_string()))?;
    if document["kind"] == "APIGroupDiscoveryList" {
        let list: APIGroupDiscoveryList =
            serde_json::from_value(document).map_err(|e| subject.malformed(e.to_string()))?;
        return Ok(list.items.iter().flat_map(|group| aggregated_rows(group, problems)).collect());
    }
    let versions = group_versions(root, &document);
    let answers: Vec<_> = stream::iter(versions)
        .map(|(group, version)| async move {
            let rows = one_group_version(clients, root, &group, &version).await;
            (group, version, rows)
        })
        .buffered(CONCURRENCY)
        .collect()
        .await;
    let mut rows = Vec::new();
    for (group, version, answer) in answers {
        match answer {
            Ok(found) => rows.extend(found),
            Err(error) => problems.push(broken_group(&group, &version, &error.to_string())),
        }
    }
    Ok(rows)
}

fn broken_group(group: &str, version: &str, why: &str) -> Problem {
    let message = format!("API group {group}/{version} could not be discovered, its objects are left out: {why}");
    Problem::warning(Stage::Discovery, "GroupNotDiscovered", message)
}

fn aggregated_rows(group: &APIGroupDiscovery, problems: &mut Vec<Problem>) -> Vec<Resource> {
    let name = group.metadata.as_ref().and_then(|m| m.name.clone()).unwrap_or_default();
    let mut rows = Vec::new();
    for version in &group.versions {
        let version_name = version.version.clone().unwrap_or_default();
        if version.freshness.as_deref() == Some("Stale") {
            problems.push(broken_group(&name, &version_name, "the server calls its answer stale"));
        }
        rows.extend(version.resources.iter().map(|resource| aggregated_row(&name, &version_name, resource)));
    }
    rows
}

fn aggregated_row(group: &str, version: &str, resource: &APIResourceDiscovery) -> Resource {
    let kind = resource.response_kind.as_ref().and_then(|k| k.kind.clone()).unwrap_or_default();
    Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: resource.resource.clone().unwrap_or_default(),
        singular: resource.singular_resource.clone().unwrap_or_default(),
        kind,
        short_names: resource.short_names.clone(),
        scope: if resource.scope.as_deref() == Some("Namespaced") { Scope::Namespaced } else { Scope::Cluster },
        verbs: resource.verbs.clone(),
        has_status: resource.subresources.iter().any(|s| s.subresource.as_deref() == Some("status")),
    }
}

/// The group versions that an older server names, preferred versions first.
fn group_versions(root: &str, document: &Value) -> Vec<(String, String)> {
    let strings = |value: &Value| value.as_array().cloned().unwrap_or_default();
    if root == "/api" {
        let versions = strings(&document["versions"]);
        return versions.iter().filter_map(|v| v.as_str()).map(|v| (String::new(), v.to_owned())).collect();
    }
    let mut found = Vec::new();
    for group in strings(&document["groups"]) {
        let name = group["name"].as_str().unwrap_or_default().to_owned();
        let preferred = group["preferredVersion"]["version"].as_str().unwrap_or_default().to_owned();
        let all = strings(&group["versions"]);
        let others = all.iter().filter_map(|v| v["version"].as_str()).filter(|v| *v != preferred);
        found.push((name.clone(), preferred.clone()));
        found.extend(others.map(|v| (name.clone(), v.to_owned())));
    }
    found
}

/// One row of a group version's list on an older server.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct ListedResource {
    name: String,
    singular_name: String,
    namespaced: bool,
    kind: String,
    verbs: Vec<String>,
    short_names: Vec<String>,
}

async fn one_group_version(clients: Clients<'_>, root: &str, group: &str, version: &str) -> Result<Vec<Resource>> {
    let path = if group.is_empty() { format!("{root}/{version}") } else { format!("{root}/{group}/{version}") };
    let subject = Subject { operation: "discover", object: path.clone() };
    let body = read_once(clients, &subject, &path).await?;
    let mut document: Value = serde_json::from_slice(&body).map_err(|e| subject.malformed(e.to_string()))?;
    let listed: Vec<ListedResource> =
        serde_json::from_value(document["resources"].take()).map_err(|e| subject.malformed(e.to_string()))?;
    let with_status: Vec<&str> = listed.iter().filter_map(|r| r.name.strip_suffix("/status")).collect();
    let rows = listed.iter().filter(|r| !r.name.contains('/')).map(|r| Resource {
        group: group.to_owned(),
        version: version.to_owned(),
        plural: r.name.clone(),
        singular: r.singular_name.clone(),
        kind: r.kind.clone(),
        short_names: r.short_names.clone(),
        scope: if r.namespaced { Scope::Namespaced } else { Scope::Cluster },
        verbs: r.verbs.clone(),
        has_status: with_status.contains(&r.name.as_str()),
    });
    Ok(rows.collect())
}
