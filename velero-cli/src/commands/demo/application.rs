//! The demo's application: manifests, created in their order as `kubectl apply` would.

use anyhow::{Context as _, anyhow};
use serde_json::{Value, json};
use velero_k8s::Cluster;
use velero_k8s::cluster::Patch;

/// Manifests, each file after those it needs.
const MANIFESTS: [&str; 5] = [
    include_str!("application/namespace.yaml"),
    include_str!("application/access.yaml"),
    include_str!("application/storage.yaml"),
    include_str!("application/web.yaml"),
    include_str!("application/coupons.yaml"),
];

/// Creates the application in `cluster`.
pub async fn create(cluster: &dyn Cluster) -> anyhow::Result<()> {
    for text in MANIFESTS {
        let objects: Vec<Value> = serde_saphyr::from_multiple(text)?;
        for object in &objects {
            create_one(cluster, object).await?;
        }
    }
    Ok(())
}

async fn create_one(cluster: &dyn Cluster, object: &Value) -> anyhow::Result<()> {
    let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    let (api_version, kind) = (text("/apiVersion"), text("/kind"));
    // Asked anew each time, because a definition among the manifests adds a resource.
    let table = cluster.discover().await?.table;
    let resource = table.by_kind(api_version, kind).ok_or_else(|| anyhow!("{kind} of {api_version} is not served"))?;
    let (namespace, name) = (text("/metadata/namespace"), text("/metadata/name"));
    let what = || format!("creating {kind} {name}");
    cluster.create(resource, namespace, object, None).await.with_context(what)?;
    // What controllers would report in a cluster that runs any.
    if let Some(status) = object.get("status") {
        let patch = json!({"status": status});
        cluster.patch(resource, namespace, name, Patch::MergeStatus, &patch).await.with_context(what)?;
    }
    Ok(())
}
