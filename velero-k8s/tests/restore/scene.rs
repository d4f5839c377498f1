//! A backup, a cluster and a restore between them.

use crate::archive::Archive;
use crate::recorder::Recorder;
use serde_json::{Value, json};
use std::sync::Arc;
use velero_core::api::{Restore as Request, RestoreSpec};
use velero_core::problem::Severity;
use velero_k8s::offline::Offline;
use velero_k8s::{Cluster, Restore, RestoreOptions, RestoreReport};
use velero_repo::BackupStore;

pub struct Scene {
    pub cluster: Arc<Recorder>,
    pub store: BackupStore,
}

impl Scene {
    /// A backup of `objects` and an empty cluster.
    pub async fn of(objects: impl IntoIterator<Item = Value>) -> Scene {
        Scene::with(Archive::default().with(objects).await, []).await
    }

    /// A backup and a cluster that has `live`.
    pub async fn with(archive: Archive, live: impl IntoIterator<Item = Value>) -> Scene {
        let cluster = Offline::seeded(1).with_objects(live).unwrap();
        Scene { cluster: Arc::new(Recorder::new(cluster)), store: archive.store().await }
    }

    pub fn driver(&self, options: RestoreOptions) -> Restore {
        Restore::new(self.cluster.clone(), self.store.clone()).with_options(options)
    }

    /// Runs a restore called `r`.
    pub async fn run(&self, spec: RestoreSpec) -> RestoreReport {
        self.driver(RestoreOptions::default()).run(request(spec)).await.unwrap()
    }

    /// One live object; null if it does not exist.
    pub async fn get(&self, resource: &str, namespace: &str, name: &str) -> Value {
        let table = self.cluster.discover().await.unwrap().table;
        let row = table.resolve(resource).unwrap().clone();
        let body = self.cluster.get(&row, namespace, name).await.unwrap();
        body.map_or(Value::Null, |body| serde_json::from_slice(&body).unwrap())
    }

    /// Patches one live object behind the restore's back.
    pub async fn patch(&self, resource: &str, namespace: &str, name: &str, patch: Value) {
        let table = self.cluster.discover().await.unwrap().table;
        let row = table.resolve(resource).unwrap().clone();
        let kind = velero_k8s::cluster::Patch::Merge;
        self.cluster.inner.patch(&row, namespace, name, kind, &patch).await.unwrap();
    }
}

/// A request for a restore called `r` of the backup `b`.
pub fn request(spec: RestoreSpec) -> Request {
    Request::new("r", RestoreSpec { backup_name: "b".into(), ..spec })
}

/// A spec from JSON.
pub fn spec(value: Value) -> RestoreSpec {
    serde_json::from_value(value).unwrap()
}

/// The entries of the resource list without those of namespaces, sorted, as `Kind ns/name(action)`.
pub fn outcome(report: &RestoreReport) -> Vec<String> {
    let mut all: Vec<String> = report
        .resource_list
        .iter()
        .filter(|(key, _)| *key != "v1/Namespace")
        .flat_map(|(key, names)| names.iter().map(|name| format!("{} {name}", key.rsplit('/').next().unwrap())))
        .collect();
    all.sort();
    all
}

/// Messages of one severity.
pub fn messages(report: &RestoreReport, severity: Severity) -> Vec<String> {
    report.problems.iter().filter(|p| p.severity == severity).map(ToString::to_string).collect()
}

pub fn errors(report: &RestoreReport) -> Vec<String> {
    messages(report, Severity::Error)
}

pub fn warnings(report: &RestoreReport) -> Vec<String> {
    messages(report, Severity::Warning)
}

/// An object of a core kind with extra fields.
pub fn object(api_version: &str, kind: &str, namespace: &str, name: &str, more: Value) -> Value {
    let mut object = json!({ "apiVersion": api_version, "kind": kind, "metadata": { "name": name } });
    if !namespace.is_empty() {
        object["metadata"]["namespace"] = json!(namespace);
    }
    json_patch::merge(&mut object, &more);
    object
}

pub fn pod(namespace: &str, name: &str) -> Value {
    let containers = json!([{"name": "c", "image": "i"}]);
    object("v1", "Pod", namespace, name, json!({"spec": {"containers": containers}, "status": {"phase": "Running"}}))
}

pub fn deployment(namespace: &str, name: &str) -> Value {
    let template =
        json!({"metadata": {"labels": {"app": name}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let spec = json!({"selector": {"matchLabels": {"app": name}}, "template": template});
    object("apps/v1", "Deployment", namespace, name, json!({ "spec": spec }))
}

pub fn volume(name: &str, policy: &str) -> Value {
    let spec = json!({"persistentVolumeReclaimPolicy": policy, "capacity": {"storage": "1Gi"},
        "accessModes": ["ReadWriteOnce"], "hostPath": {"path": "/x"}});
    object("v1", "PersistentVolume", "", name, json!({ "spec": spec }))
}

pub fn config_map(namespace: &str, name: &str, data: Value) -> Value {
    object("v1", "ConfigMap", namespace, name, json!({ "data": data }))
}

pub fn secret(namespace: &str, name: &str, data: Value) -> Value {
    object("v1", "Secret", namespace, name, json!({ "data": data, "type": "Opaque" }))
}
