//! A small application for tests of the drivers: its objects, its backup and restore, and what a cluster holds of it.

use anyhow::{Context, Result};
use futures::TryStreamExt;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use velero_core::api::{self, BackupSpec, RestoreSpec};
use velero_k8s::Cluster;
use velero_k8s::cluster::ListQuery;
use velero_k8s::offline::Offline;

/// The resources that the application has objects of, and their namespaces.
pub const RESOURCES: [&str; 8] = [
    "namespaces",
    "serviceaccounts",
    "configmaps",
    "secrets",
    "services",
    "deployments.apps",
    "customresourcedefinitions.apiextensions.k8s.io",
    "widgets.example.com",
];

/// The definition of Widgets, which have a status.
pub fn definition() -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    json!({
        "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {
            "group": "example.com", "scope": "Namespaced",
            "names": {"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema},
                "subresources": {"status": {}}}]
        }
    })
}

/// The objects of the application in `namespace`, the namespace first.
pub fn objects(namespace: &str) -> Vec<Value> {
    let labels = json!({"app": "web"});
    let namespaced = |version: &str, kind: &str, name: &str, more: Value| {
        let mut object = json!({"apiVersion": version, "kind": kind});
        object
            .as_object_mut()
            .into_iter()
            .for_each(|object| object.extend(more.as_object().cloned().unwrap_or_default()));
        object["metadata"] = json!({"name": name, "namespace": namespace, "labels": labels});
        object
    };
    let container = json!({"name": "web", "image": "registry.example/web:1"});
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": [container]}});
    let mut objects = vec![json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})];
    let config = |n: u32| namespaced("v1", "ConfigMap", &format!("config-{n}"), json!({"data": {"n": n.to_string()}}));
    objects.extend((0..3).map(config));
    objects.push(namespaced("v1", "Secret", "token", json!({"type": "Opaque", "data": {"token": "c2VjcmV0"}})));
    objects.push(namespaced("v1", "Service", "web", json!({"spec": {"selector": labels, "ports": [{"port": 80}]}})));
    let replicas = json!({"replicas": 0, "selector": {"matchLabels": labels}, "template": template});
    objects.push(namespaced("apps/v1", "Deployment", "web", json!({"spec": replicas})));
    let widget = json!({"spec": {"size": 3}, "status": {"phase": "Ready"}});
    objects.push(namespaced("example.com/v1", "Widget", "first", widget));
    objects
}

/// A cluster in memory with the application in namespaces `app-1` and `app-2`. One ConfigMap has fields that another
/// manager owns, so that a restore patches it.
pub fn cluster() -> Result<Offline> {
    let mut all = vec![definition()];
    all.extend(["app-1", "app-2"].into_iter().flat_map(objects));
    let owned = json!([{"manager": "editor", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {"f:n": {}}}}]);
    if let Some(object) = all.iter_mut().find(|object| object["metadata"]["name"] == "config-0") {
        object["metadata"]["managedFields"] = owned;
    }
    Ok(Offline::seeded(1).with_objects(all)?)
}

/// A request for backup `web` of every namespace whose name begins with `app-`.
pub fn backup() -> api::Backup {
    let spec = BackupSpec {
        included_namespaces: vec!["app-*".into()],
        included_resources: RESOURCES.map(str::to_owned).to_vec(),
        ..BackupSpec::default()
    };
    api::Backup::new("web", spec)
}

/// A request for restore `again` of it, with the status of Widgets.
pub fn restore() -> Result<api::Restore> {
    let spec: RestoreSpec = serde_json::from_value(
        json!({"backupName": "web", "restoreStatus": {"includedResources": ["widgets.example.com"]}}),
    )?;
    Ok(api::Restore::new("again", spec))
}

/// What a cluster holds of [`RESOURCES`], by identity, without what each cluster assigns anew.
pub async fn state(cluster: &dyn Cluster) -> Result<BTreeMap<String, Value>> {
    let mut found = BTreeMap::new();
    let table = cluster.discover().await?.table;
    for row in RESOURCES.iter().filter_map(|name| table.get(&(*name).into())) {
        let batches: Vec<_> = cluster.list(row, ListQuery::default()).try_collect().await.context("list")?;
        for raw in batches.concat() {
            let mut object: Value = serde_json::from_slice(&raw)?;
            assigned(&mut object);
            let (namespace, name) = (object["metadata"]["namespace"].as_str(), object["metadata"]["name"].as_str());
            let id = format!("{} {}/{}", row.group_resource(), namespace.unwrap_or_default(), name.unwrap_or_default());
            found.insert(id, object);
        }
    }
    Ok(found)
}

/// Takes out what each cluster assigns anew.
fn assigned(object: &mut Value) {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        for field in ["uid", "resourceVersion", "creationTimestamp", "generation"] {
            metadata.remove(field);
        }
    }
    if let Some(spec) = object.get_mut("spec").and_then(Value::as_object_mut) {
        spec.remove("clusterIP");
        spec.remove("clusterIPs");
    }
}
