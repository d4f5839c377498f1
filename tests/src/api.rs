//! An API server before an offline cluster, with one request that goes wrong.
//!
//! Comes in: an [`Offline`] cluster, and which request suffers what. Goes out: a [`Server`] that speaks as much HTTP as a
//! backup or restore asks for: aggregated discovery, lists in pages, get, create, merge patch, status, delete.

use crate::server::{Reply, Seen, Server};
use anyhow::Result;
use bytes::Bytes;
use futures::TryStreamExt;
use futures::future::FutureExt;
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use velero_core::{GroupResource, Resource, ResourceTable};
use velero_k8s::cluster::{ListQuery, Patch};
use velero_k8s::offline::Offline;
use velero_k8s::{Cluster, Error};

/// Most objects of a page, whatever the client asks for.
const PAGE: usize = 2;

/// What one request suffers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server asks to come again.
    Overloaded,
    /// The server fails before it does anything.
    Failing,
    /// A continue token is too old; other requests do not suffer.
    Expired,
    /// The connection breaks before the server does anything.
    Dropped,
    /// The request is carried out, and the connection breaks in the middle of the answer.
    LostAnswer,
    /// The request is carried out, and the answer is half a document.
    HalfAnswer,
    /// The first object of a list is nonsense; other requests do not suffer.
    MalformedObject,
}

impl Trouble {
    /// Every trouble.
    pub const ALL: [Trouble; 7] = [
        Trouble::Overloaded,
        Trouble::Failing,
        Trouble::Expired,
        Trouble::Dropped,
        Trouble::LostAnswer,
        Trouble::HalfAnswer,
        Trouble::MalformedObject,
    ];
}

/// Starts a server before `cluster`, whose request number `at`, counted from 0, suffers `trouble`.
pub async fn start(cluster: Offline, trouble: Trouble, at: u64) -> Result<Server> {
    let requests = Arc::new(AtomicU64::new(0));
    Server::start_waiting(move |seen| {
        let (cluster, number) = (cluster.clone(), requests.fetch_add(1, Ordering::SeqCst));
        async move { reply(&cluster, &seen, (number == at).then_some(trouble)).await }.boxed()
    })
    .await
}

async fn reply(cluster: &Offline, seen: &Seen, trouble: Option<Trouble>) -> Reply {
    match trouble {
        Some(Trouble::Overloaded) => {
            return Reply::failure(429, "TooManyRequests", "slow down").header("retry-after", "0");
        }
        Some(Trouble::Failing) => return Reply::failure(500, "InternalError", "a failure made for a test"),
        Some(Trouble::Expired) if seen.query("continue").is_some() => {
            return Reply::failure(410, "Expired", "the token is too old");
        }
        Some(Trouble::Dropped) => return Reply::frames(200, [Err(std::io::Error::other("broken on purpose"))]),
        _ => {}
    }
    let (code, mut body) = match answer(cluster, seen).await {
        Ok(body) => (if seen.method == Method::POST { 201 } else { 200 }, body),
        Err(error) => status(&error),
    };
    match trouble {
        Some(Trouble::LostAnswer) => return Reply::broken(&body),
        Some(Trouble::HalfAnswer) => {
            let text = body.to_string();
            return Reply::frames(code, [Ok(Bytes::from(text[..text.len() / 2].to_owned()))]);
        }
        Some(Trouble::MalformedObject) if seen.method == Method::GET => {
            if let Some(first) = body.get_mut("items").and_then(|items| items.get_mut(0)) {
                *first = json!({"metadata": 7});
            }
        }
        _ => {}
    }
    Reply::json(code, &body)
}

/// The failure as a Status document with its code.
fn status(error: &Error) -> (u16, Value) {
    let (code, reason, message) = match error {
        Error::Api { code, reason, message, .. } => (*code, reason.clone(), message.clone()),
        other => (500, "InternalError".to_owned(), other.to_string()),
    };
    let body = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason,
        "message": message});
    (code, body)
}

/// What a path names.
struct Target {
    row: Arc<Resource>,
    namespace: String,
    name: String,
    status: bool,
}

impl Target {
    fn of(table: &ResourceTable, path: &str) -> Option<Target> {
        let decode = |part: &str| percent_encoding::percent_decode_str(part).decode_utf8_lossy().into_owned();
        let parts: Vec<String> = path.trim_matches('/').split('/').map(decode).collect();
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, version, rest) = match *parts.as_slice() {
            ["api", version, ref rest @ ..] => ("", version, rest),
            ["apis", group, version, ref rest @ ..] => (group, version, rest),
            _ => return None,
        };
        let row = |plural: &str| table.get_version(&GroupResource::new(group, plural), version).cloned();
        let (namespace, plural, rest) = match *rest {
            ["namespaces", namespace, plural, ref rest @ ..] if row(plural).is_some() => (namespace, plural, rest),
            [plural, ref rest @ ..] => ("", plural, rest),
            [] => return None,
        };
        let name = rest.first().copied().unwrap_or_default().to_owned();
        Some(Target {
            row: row(plural)?,
            namespace: namespace.to_owned(),
            name,
            status: rest.get(1) == Some(&"status"),
        })
    }
}

fn not_found(path: &str) -> Error {
    Error::Api {
        operation: "ask",
        object: path.to_owned(),
        code: 404,
        reason: "NotFound".into(),
        message: "the server could not find the requested resource".into(),
        causes: Vec::new(),
    }
}

async fn answer(cluster: &Offline, seen: &Seen) -> velero_k8s::Result<Value> {
    let found = cluster.discover().await?;
    let path = seen.uri.path();
    match path {
        "/version" => {
            let [git, major, minor] = found.version;
            return Ok(json!({"gitVersion": git, "major": major, "minor": minor}));
        }
        "/api" | "/apis" => return Ok(discovery(&found.table, path == "/api")),
        _ => {}
    }
    let target = Target::of(&found.table, path).ok_or_else(|| not_found(path))?;
    let (row, namespace, name) = (&target.row, target.namespace.as_str(), target.name.as_str());
    let body: Value = serde_json::from_slice(&seen.body).unwrap_or_default();
    match seen.method {
        Method::GET if name.is_empty() => list(cluster, seen, &target).await,
        Method::GET => {
            let object = cluster.get(row, namespace, name).await?.ok_or_else(|| not_found(path))?;
            Ok(serde_json::from_slice(&object).unwrap_or_default())
        }
        Method::POST => cluster.create(row, namespace, &body, None).await,
        Method::PATCH => {
            let kind = if target.status { Patch::MergeStatus } else { Patch::Merge };
            cluster.patch(row, namespace, name, kind, &body).await
        }
        Method::PUT => cluster.update_status(row, namespace, name, &body).await,
        Method::DELETE if cluster.delete(row, namespace, name).await? => Ok(json!({"kind": "Status"})),
        _ => Err(not_found(path)),
    }
}

/// One page; its continue token is the place where the next one begins.
async fn list(cluster: &Offline, seen: &Seen, target: &Target) -> velero_k8s::Result<Value> {
    let accept = seen.headers.get("accept").and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let decode = |text: String| percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned();
    let query = ListQuery {
        namespace: (!target.namespace.is_empty()).then(|| target.namespace.clone()),
        label_selector: seen.query("labelSelector").map(decode),
        page_size: 0,
        metadata_only: accept.contains("PartialObjectMetadata"),
    };
    let batches: Vec<_> = cluster.list(&target.row, query).try_collect().await?;
    let all = batches.concat();
    let start = seen.query("continue").and_then(|token| token.parse().ok()).unwrap_or(0).min(all.len());
    let end = if seen.query("limit").is_some() { (start + PAGE).min(all.len()) } else { all.len() };
    let token = if end < all.len() { end.to_string() } else { String::new() };
    let items: Vec<Value> = all[start..end].iter().filter_map(|raw| serde_json::from_slice(raw).ok()).collect();
    Ok(json!({"kind": format!("{}List", target.row.kind), "apiVersion": target.row.api_version(),
        "metadata": {"resourceVersion": "1", "continue": token}, "items": items}))
}

/// Lists by name, in the order of their first element.
type Named<T> = Vec<(String, Vec<T>)>;

fn discovery(table: &ResourceTable, core: bool) -> Value {
    let mut groups: Vec<(String, Named<Value>)> = Vec::new();
    for row in table.rows().iter().filter(|row| row.group.is_empty() == core) {
        let group = place(&mut groups, &row.group);
        place(group, &row.version).push(discovered(row));
    }
    let versions = |versions: Named<Value>| -> Vec<Value> {
        let version =
            |(version, resources)| json!({"version": version, "freshness": "Current", "resources": resources});
        versions.into_iter().map(version).collect()
    };
    let items: Vec<_> = groups
        .into_iter()
        .map(|(name, found)| json!({"metadata": {"name": name}, "versions": versions(found)}))
        .collect();
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

/// The list kept under `name`, made if there is none.
fn place<'a, T>(lists: &'a mut Named<T>, name: &str) -> &'a mut Vec<T> {
    let at = lists.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
        lists.push((name.to_owned(), Vec::new()));
        lists.len() - 1
    });
    &mut lists[at].1
}

fn discovered(row: &Resource) -> Value {
    let kind = json!({"group": row.group, "version": row.version, "kind": row.kind});
    let status = json!({"subresource": "status", "responseKind": kind, "verbs": ["get", "patch", "update"]});
    json!({
        "resource": row.plural, "responseKind": kind, "singularResource": row.singular, "shortNames": row.short_names,
        "scope": if row.is_namespaced() { "Namespaced" } else { "Cluster" }, "verbs": row.verbs,
        "subresources": if row.has_status { vec![status] } else { vec![] }
    })
}
