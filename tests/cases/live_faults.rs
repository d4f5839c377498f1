//! An API server that misbehaves: what [`velero_k8s::live`] repeats, what it reports, and that it never panics.

#![allow(clippy::unwrap_used)] // a test may panic

use bytes::Bytes;
use futures::TryStreamExt;
use http::Method;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tests::server::{Reply, Seen, Server};
use velero_core::{Resource, Scope};
use velero_k8s::cluster::{Cluster, ListQuery};
use velero_k8s::{Error, ErrorKind};

fn pods() -> Arc<Resource> {
    Arc::new(Resource {
        group: String::new(),
        version: "v1".into(),
        plural: "pods".into(),
        singular: "pod".into(),
        kind: "Pod".into(),
        short_names: vec![],
        scope: Scope::Namespaced,
        verbs: vec![],
        has_status: true,
    })
}

fn page(names: &[&str], token: &str) -> Value {
    let items: Vec<_> = names.iter().map(|name| json!({"metadata": {"name": name}})).collect();
    json!({"kind": "PodList", "metadata": {"continue": token}, "items": items})
}

async fn names(server: &Server) -> Result<Vec<String>, Error> {
    let query = ListQuery { page_size: 2, ..Default::default() };
    let batches: Vec<Vec<Bytes>> = server.live().unwrap().list(&pods(), query).try_collect().await?;
    let name =
        |raw: &Bytes| serde_json::from_slice::<Value>(raw).unwrap()["metadata"]["name"].as_str().unwrap().to_owned();
    Ok(batches.concat().iter().map(name).collect())
}

/// A server whose `turn`th answer is `fault`, and otherwise two pages of a list.
async fn two_pages_with(turn: usize, fault: fn() -> Reply) -> Server {
    let turns = AtomicUsize::new(0);
    Server::start(move |seen: &Seen| match turns.fetch_add(1, Ordering::SeqCst) {
        now if now == turn => fault(),
        _ if seen.query("continue").is_some() => Reply::json(200, &page(&["c"], "")),
        _ => Reply::json(200, &page(&["a", "b"], "next")),
    })
    .await
    .unwrap()
}

#[tokio::test]
async fn pages_are_followed_to_the_end() {
    let server = two_pages_with(99, || Reply::failure(500, "", "")).await;
    assert_eq!(names(&server).await.unwrap(), ["a", "b", "c"]);
    assert_eq!(server.seen()[0].uri, "/api/v1/pods?limit=2");
    assert_eq!(server.seen()[1].uri, "/api/v1/pods?limit=2&continue=next");
}

#[tokio::test]
async fn passing_faults_of_any_page_are_survived() {
    let faults: [fn() -> Reply; 5] = [
        || Reply::failure(429, "TooManyRequests", "slow down").header("retry-after", "0"),
        || Reply::failure(503, "ServiceUnavailable", "not yet"),
        || Reply::failure(500, "InternalError", "etcd hiccup"),
        || Reply::broken(&page(&["a", "b"], "next")),
        || Reply::frames(200, [Ok(Bytes::from_static(b"{\"items\":[{"))]),
    ];
    for (number, fault) in faults.into_iter().enumerate() {
        for turn in [0, 1] {
            let server = two_pages_with(turn, fault).await;
            let mut names = names(&server).await.unwrap_or_else(|e| panic!("fault {number} on page {turn}: {e}"));
            names.dedup();
            assert_eq!(names, ["a", "b", "c"], "fault {number} on page {turn}");
        }
    }
}

#[tokio::test]
async fn retry_after_is_honoured() {
    let server =
        two_pages_with(0, || Reply::failure(429, "TooManyRequests", "slow down").header("retry-after", "1")).await;
    let start = std::time::Instant::now();
    names(&server).await.unwrap();
    assert!(start.elapsed() >= std::time::Duration::from_secs(1));
}

#[tokio::test]
async fn an_expired_continue_token_lists_again_in_one_page() {
    let server = Server::start(|seen| match (seen.query("continue"), seen.query("limit")) {
        (Some(_), _) => Reply::failure(410, "Expired", "the token is too old"),
        (None, Some(_)) => Reply::json(200, &page(&["a", "b"], "next")),
        (None, None) => Reply::json(200, &page(&["a", "b", "c"], "")),
    })
    .await
    .unwrap();
    assert_eq!(names(&server).await.unwrap(), ["a", "b", "a", "b", "c"]);
}

#[tokio::test]
async fn a_lasting_fault_is_an_error_that_names_the_resource() {
    for (code, reason, kind) in [
        (403, "Forbidden", ErrorKind::Denied),
        (401, "Unauthorized", ErrorKind::Denied),
        (404, "NotFound", ErrorKind::NotFound),
        (500, "InternalError", ErrorKind::Unavailable),
    ] {
        let server = Server::start(move |_| Reply::failure(code, reason, "no")).await.unwrap();
        let error = names(&server).await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.to_string().starts_with("list pods"), "{error}");
    }
}

#[tokio::test]
async fn a_write_is_not_repeated_when_its_fate_is_unknown() {
    let server = Server::start(|_| Reply::broken(&json!({"kind": "Pod"}))).await.unwrap();
    let object = json!({"metadata": {"name": "p"}});
    let error = server.live().unwrap().create(&pods(), "ns", &object, None).await.unwrap_err();
    assert!(error.to_string().starts_with("create pods ns/p"), "{error}");
    assert_eq!(server.seen().iter().filter(|seen| seen.method == Method::POST).count(), 1);
}

#[tokio::test]
async fn names_are_escaped_in_paths() {
    let server = Server::start(|_| Reply::failure(404, "NotFound", "no")).await.unwrap();
    server.live().unwrap().get(&pods(), "ns", "system:a b/ö%").await.unwrap();
    assert_eq!(server.seen()[0].uri.path(), "/api/v1/namespaces/ns/pods/system:a%20b%2F%C3%B6%25");
}

#[tokio::test]
async fn a_broken_group_is_a_warning_and_not_the_end() {
    let server = Server::start(|seen| match seen.uri.path() {
        "/api" => Reply::json(200, &json!({"kind": "APIVersions", "versions": ["v1"]})),
        "/apis" => Reply::json(
            200,
            &json!({"kind": "APIGroupList", "groups": [{"name": "metrics.k8s.io",
                "preferredVersion": {"version": "v1beta1"}, "versions": [{"version": "v1beta1"}]}]}),
        ),
        "/api/v1" => Reply::json(
            200,
            &json!({"resources": [
                {"name": "pods", "singularName": "pod", "namespaced": true, "kind": "Pod",
                    "verbs": ["create", "delete", "get", "list"]},
                {"name": "pods/status", "namespaced": true, "kind": "Pod", "verbs": ["get", "patch", "update"]}]}),
        ),
        _ => Reply::failure(503, "ServiceUnavailable", "the backend is gone"),
    })
    .await
    .unwrap();
    let start = std::time::Instant::now();
    let found = server.live().unwrap().discover().await.unwrap();
    assert!(start.elapsed() < std::time::Duration::from_secs(5), "a broken group stalls discovery");
    assert_eq!(found.problems.len(), 1);
    assert!(found.problems[0].message.contains("metrics.k8s.io/v1beta1"), "{}", found.problems[0].message);
    let row = found.table.get(&"pods".into()).unwrap();
    assert!(row.has_status && row.is_namespaced());
}

#[tokio::test]
async fn a_stale_aggregated_group_is_a_warning() {
    let server = Server::start(|seen| match seen.uri.path() {
        "/apis" => Reply::json(
            200,
            &json!({"kind": "APIGroupDiscoveryList", "items": [
                {"metadata": {"name": "x.io"}, "versions": [{"version": "v1", "freshness": "Stale", "resources": []}]}]}),
        ),
        _ => Reply::json(200, &json!({"kind": "APIGroupDiscoveryList", "items": []})),
    })
    .await
    .unwrap();
    let found = server.live().unwrap().discover().await.unwrap();
    assert!(found.problems[0].message.contains("x.io/v1"));
}

#[tokio::test]
async fn nothing_listens_is_an_error_and_no_hang() {
    let live = velero_k8s::live::Live::from_config(kube::Config::new("http://127.0.0.1:1".parse().unwrap())).unwrap();
    let error = live.discover().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}
