//! A stand-in API server: it pages through any number of generated objects and accepts every create, so that memory
//! and speed of a client can be measured without a cluster of that size.

use crate::server::{Reply, Seen, Server};
use anyhow::Result;
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What the stand-in pretends to hold.
#[derive(Clone, Debug)]
pub struct Population {
    /// Number of ConfigMaps.
    pub objects: u64,
    /// Size of each in bytes, about.
    pub size: usize,
    /// Namespaces over which they are spread.
    pub namespaces: u64,
}

/// A running stand-in.
pub struct StandIn {
    /// The server.
    pub server: Server,
    /// Creates accepted so far.
    pub created: Arc<AtomicU64>,
}

/// Starts a stand-in with `population`; with `empty` it holds nothing but the default namespaces, for restores.
pub async fn start(population: Population, empty: bool) -> Result<StandIn> {
    let created = Arc::new(AtomicU64::new(0));
    let counter = created.clone();
    let filler = filler(population.size);
    let held = if empty { Population { objects: 0, namespaces: 0, ..population } } else { population };
    let server = Server::start(move |seen| reply(seen, &held, &filler, &counter)).await?;
    Ok(StandIn { server, created })
}

/// Text that compresses like configuration does.
fn filler(size: usize) -> String {
    let mut text = String::new();
    for line in 0.. {
        if text.len() >= size.saturating_sub(400) {
            break;
        }
        text.push_str(&format!("setting.{line}=value-{:x};", line * 2_654_435_761u64 % 1_000_003));
    }
    text
}

fn reply(seen: &Seen, held: &Population, filler: &str, created: &AtomicU64) -> Reply {
    let path = seen.uri.path();
    if seen.method == Method::POST {
        let number = created.fetch_add(1, Ordering::Relaxed);
        return Reply::json(201, &accepted(&seen.body, number));
    }
    match path {
        "/version" => Reply::json(200, &json!({"major": "1", "minor": "34", "gitVersion": "v1.34.4"})),
        "/api" => Reply::json(200, &core_discovery()),
        "/apis" => Reply::json(200, &discovery(&[])),
        "/api/v1/namespaces/kube-system" => Reply::json(200, &namespace("kube-system")),
        "/api/v1/namespaces" => Reply::json(200, &namespaces(held)),
        _ if path.ends_with("/configmaps") => page(seen, held, filler),
        _ if path.rsplit('/').next().is_some_and(|last| last == "secrets") => {
            Reply::json(200, &list("SecretList", &[]))
        }
        _ => Reply::failure(404, "NotFound", "the stand-in does not hold it"),
    }
}

/// The created object as a server would answer: with uid, version and time.
fn accepted(body: &[u8], number: u64) -> Value {
    let mut object: Value = serde_json::from_slice(body).unwrap_or_default();
    object["metadata"]["uid"] = json!(format!("00000000-0000-4000-8000-{number:012}"));
    object["metadata"]["resourceVersion"] = json!((number + 1000).to_string());
    object["metadata"]["creationTimestamp"] = json!("2026-01-01T00:00:00Z");
    object
}

fn core_discovery() -> Value {
    let resource = |plural: &str, kind: &str, scope: &str| {
        json!({
            "resource": plural, "responseKind": {"group": "", "version": "v1", "kind": kind}, "scope": scope,
            "singularResource": kind.to_lowercase(),
            "verbs": ["create", "delete", "get", "list", "patch", "update", "watch"]
        })
    };
    discovery(&[
        resource("configmaps", "ConfigMap", "Namespaced"),
        resource("namespaces", "Namespace", "Cluster"),
        resource("secrets", "Secret", "Namespaced"),
    ])
}

fn discovery(resources: &[Value]) -> Value {
    let items = match resources {
        [] => json!([]),
        _ => {
            json!([{"metadata": {"name": ""}, "versions": [{"version": "v1", "freshness": "Current", "resources": resources}]}])
        }
    };
    json!({"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items})
}

fn namespace(name: &str) -> Value {
    json!({
        "kind": "Namespace", "apiVersion": "v1",
        "metadata": {"name": name, "uid": format!("uid-{name}"), "resourceVersion": "1",
            "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}
    })
}

fn namespaces(held: &Population) -> Value {
    let mut names: Vec<String> = ["default", "kube-system"].map(str::to_owned).to_vec();
    names.extend((0..held.namespaces).map(|n| format!("load-{n}")));
    list("NamespaceList", &names.iter().map(|name| namespace(name)).collect::<Vec<_>>())
}

fn list(kind: &str, items: &[Value]) -> Value {
    json!({"kind": kind, "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": items})
}

/// One page of ConfigMaps, written as a stream so that the stand-in's own memory stays small.
fn page(seen: &Seen, held: &Population, filler: &str) -> Reply {
    let limit = seen.query("limit").and_then(|limit| limit.parse().ok()).unwrap_or(u64::MAX);
    let start: u64 = seen.query("continue").and_then(|token| token.parse().ok()).unwrap_or(0);
    let end = start.saturating_add(limit).min(held.objects);
    let token = if end < held.objects { format!("{end}") } else { String::new() };
    let head = format!(
        r#"{{"kind":"ConfigMapList","apiVersion":"v1","metadata":{{"resourceVersion":"1","continue":"{token}"}},"items":["#
    );
    let (filler, namespaces) = (filler.to_owned(), held.namespaces.max(1));
    let items = (start..end).map(move |n| {
        let comma = if n > start { "," } else { "" };
        Ok(Bytes::from(format!("{comma}{}", config_map(n, namespaces, &filler))))
    });
    let frames = std::iter::once(Ok(Bytes::from(head))).chain(items).chain([Ok(Bytes::from_static(b"]}"))]);
    Reply::stream(200, stream::iter(frames).boxed())
}

fn config_map(n: u64, namespaces: u64, filler: &str) -> String {
    format!(
        concat!(
            r#"{{"metadata":{{"name":"item-{n:07}","namespace":"load-{ns}","uid":"10000000-0000-4000-8000-{n:012}","#,
            r#""resourceVersion":"{n}","creationTimestamp":"2026-01-01T00:00:00Z"}},"data":{{"number":"{n}","text":"{filler}"}}}}"#
        ),
        n = n,
        ns = n % namespaces,
        filler = filler
    )
}
