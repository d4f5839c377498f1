//! Whole restores of mutated objects into an offline cluster, with and without objects that are there already: actions,
//! planning, comparing, patching and the cluster's own rules read what an archive says.

use super::tape::{self, Entry};
use super::{Random, Target, mutate};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use velero_core::ItemId;
use velero_core::api::{Backup, BackupPhase, BackupSpec, Restore as Request, RestoreSpec};
use velero_core::archive::object_path;
use velero_k8s::offline::Offline;
use velero_k8s::{Restore, RestoreOptions};
use velero_repo::store::StoreOptions;
use velero_repo::{BackupName, BackupStore, Document, Store};

const WORDS: [&str; 28] = [
    "metadata",
    "spec",
    "status",
    "labels",
    "annotations",
    "name",
    "namespace",
    "generateName",
    "finalizers",
    "ownerReferences",
    "managedFields",
    "containers",
    "ports",
    "nodePort",
    "volumes",
    "claimRef",
    "volumeName",
    "template",
    "versions",
    "schema",
    "$ref",
    "conditions",
    "v1",
    "Pod",
    "List",
    "ns",
    "type",
    "LoadBalancer",
];

/// Objects in one archive.
const OBJECTS: usize = 4;

/// How long a restore may wait.
const WAIT: Duration = Duration::from_secs(2);

pub struct Restores {
    runtime: Runtime,
    seeds: Vec<(&'static str, Value)>,
}

impl Restores {
    pub fn new() -> Restores {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let mut seeds = core();
        seeds.extend(others());
        Restores { runtime: runtime.expect("a runtime without threads"), seeds }
    }
}

fn metadata(name: &str) -> Value {
    let managed = json!([{"manager": "kubectl", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {}}}]);
    json!({"name": name, "namespace": "ns", "uid": "u", "resourceVersion": "7", "labels": {"app": "a"}, "annotations": {"velero.io/x": "y"},
        "finalizers": ["f/x"], "ownerReferences": [{"kind": "ReplicaSet", "name": "r", "uid": "v", "apiVersion": "apps/v1"}], "managedFields": managed})
}

fn cluster_metadata(name: &str) -> Value {
    let mut metadata = metadata(name);
    if let Some(fields) = metadata.as_object_mut() {
        fields.remove("namespace");
    }
    metadata
}

fn core() -> Vec<(&'static str, Value)> {
    let container = json!({"name": "c", "image": "i", "env": [{"name": "e", "value": "v"}], "ports": [{"containerPort": 80}],
        "volumeMounts": [{"name": "default-token-x", "mountPath": "/t"}], "livenessProbe": {"httpGet": {"path": "/", "port": 80}}});
    let volumes = json!([{"name": "d", "persistentVolumeClaim": {"claimName": "data"}}, {"name": "e", "emptyDir": {}}, {"name": "default-token-x", "secret": {"secretName": "t"}}]);
    let pod = json!({"serviceAccountName": "default", "containers": [container], "initContainers": [container], "volumes": volumes, "nodeName": "n", "priority": 1});
    let claim = json!({"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}, "volumeName": "pv-1", "selector": {"matchLabels": {"a": "b"}}});
    let volume = json!({"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "csi": {"driver": "d", "volumeHandle": "h"},
        "persistentVolumeReclaimPolicy": "Retain", "claimRef": {"namespace": "ns", "name": "data", "uid": "u"}});
    let service = json!({"type": "NodePort", "clusterIP": "10.96.0.9", "clusterIPs": ["10.96.0.9"], "ports": [{"name": "p", "port": 80, "nodePort": 30080, "targetPort": "w"}], "selector": {"a": "b"}});
    vec![
        (
            "namespaces",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": cluster_metadata("ns"), "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}),
        ),
        (
            "pods",
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": metadata("a"), "spec": pod, "status": {"phase": "Running"}}),
        ),
        (
            "services",
            json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata("a"), "spec": service, "status": {"loadBalancer": {}}}),
        ),
        (
            "persistentvolumeclaims",
            json!({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": metadata("data"), "spec": claim, "status": {"phase": "Bound"}}),
        ),
        (
            "persistentvolumes",
            json!({"apiVersion": "v1", "kind": "PersistentVolume", "metadata": cluster_metadata("pv-1"), "spec": volume, "status": {"phase": "Bound"}}),
        ),
        (
            "serviceaccounts",
            json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata("default"), "secrets": [{"name": "default-token-x"}], "imagePullSecrets": [{"name": "p"}]}),
        ),
        (
            "secrets",
            json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata("s"), "type": "kubernetes.io/service-account-token", "data": {"a": "Yg=="}, "stringData": {"c": "d"}}),
        ),
        ("configmaps", json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata("m"), "data": {"a": "b"}})),
    ]
}

fn others() -> Vec<(&'static str, Value)> {
    let template = json!({"metadata": {"labels": {"a": "b", "controller-uid": "u"}}, "spec": {"containers": [{"name": "c", "image": "i"}]}});
    let schema = json!({"openAPIV3Schema": {"type": "object", "properties": {"spec": {"type": "object", "required": ["size"], "properties": {"size": {"type": "integer", "default": 1}}}}}});
    let definition = json!({"group": "x.io", "scope": "Namespaced", "names": {"plural": "ws", "singular": "w", "kind": "W", "listKind": "WList"},
        "preserveUnknownFields": true, "versions": [{"name": "v1", "served": true, "storage": true, "schema": schema, "subresources": {"status": {}}}]});
    let established = json!({"acceptedNames": {"plural": "ws", "kind": "W"}, "conditions": [{"type": "Established", "status": "True"}], "storedVersions": ["v1"]});
    let subject = json!([{"kind": "ServiceAccount", "name": "a", "namespace": "ns"}]);
    let role = json!({"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "r"});
    let labels = json!({"matchLabels": {"a": "b", "controller-uid": "u"}});
    let webhooks = json!([{"name": "w.x.io", "sideEffects": "Unknown", "admissionReviewVersions": ["v1"], "clientConfig": {"url": "https://a"}}]);
    vec![
        (
            "customresourcedefinitions.apiextensions.k8s.io",
            json!({"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": cluster_metadata("ws.x.io"), "spec": definition, "status": established}),
        ),
        (
            "ws.x.io",
            json!({"apiVersion": "x.io/v1", "kind": "W", "metadata": metadata("w"), "spec": {"size": 1}, "status": {"a": 1}}),
        ),
        (
            "jobs.batch",
            json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata("j"), "spec": {"selector": labels, "template": template}, "status": {"active": 1}}),
        ),
        (
            "deployments.apps",
            json!({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata("d"), "spec": {"selector": {"matchLabels": {"a": "b"}}, "template": template, "replicas": 1}}),
        ),
        (
            "rolebindings.rbac.authorization.k8s.io",
            json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": metadata("b"), "roleRef": role, "subjects": subject}),
        ),
        (
            "validatingwebhookconfigurations.admissionregistration.k8s.io",
            json!({"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration", "metadata": cluster_metadata("v"), "webhooks": webhooks}),
        ),
        (
            "horizontalpodautoscalers.autoscaling",
            json!({"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata("h"), "spec": {"maxReplicas": 3, "scaleTargetRef": {"kind": "Deployment", "name": "d"}, "metrics": []}}),
        ),
    ]
}

impl Target for Restores {
    fn name(&self) -> &'static str {
        "restore"
    }

    /// `[[resource, namespace, name, object], …]`.
    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut objects = Vec::new();
        for _ in 0..OBJECTS {
            let (resource, object) = random.pick(&self.seeds);
            let (namespace, name) = (&object["metadata"]["namespace"], &object["metadata"]["name"]);
            let mut body = object.clone();
            if !random.one_in(3) {
                mutate::tree(random, &mut body, &WORDS);
            }
            objects.push(json!([resource, namespace.as_str().unwrap_or(""), name, body]));
        }
        Value::Array(objects).to_string().into_bytes()
    }

    fn run(&self, input: &[u8]) {
        let archive = archive(&serde_json::from_slice::<Vec<_>>(input).expect("made here"));
        let (cluster, policy) = if input.len().is_multiple_of(2) {
            (Offline::seeded(1), "")
        } else {
            let live = self.seeds.iter().map(|(_, object)| object.clone());
            (Offline::seeded(1).with_objects(live).expect("the seeds are valid"), "update")
        };
        // A restore may wait for what never comes, such as a service account. Only a reader that never waits is a finding.
        let _ = self.runtime.block_on(async { tokio::time::timeout(WAIT, restore(cluster, archive, policy)).await });
    }
}

fn archive(objects: &[(String, String, String, Value)]) -> Vec<u8> {
    let entry = |(resource, namespace, name, body): &(String, String, String, Value)| {
        let id = ItemId::new(resource.as_str(), namespace.as_str(), name.as_str());
        Entry::new(b'0', &object_path(&id, ""), body.to_string().as_bytes())
    };
    let mut seen = std::collections::BTreeSet::new();
    let mut entries = Vec::new();
    for object in objects {
        if seen.insert((&object.0, &object.1, &object.2)) {
            entries.push(entry(object));
        }
    }
    tape::gzip(&tape::bytes(&entries))
}

async fn restore(cluster: Offline, archive: Vec<u8>, policy: &str) {
    let store = Store::open("memory://", &StoreOptions::default()).expect("memory is a store");
    let name = BackupName::new("b").expect("a name");
    let mut backup = Backup::new("b", BackupSpec::default());
    backup.status.phase = Some(BackupPhase::Completed);
    let document = serde_json::to_vec(&backup).expect("a document");
    for (key, bytes) in [(Document::Backup.key(&name), document), (Document::Contents.key(&name), archive)] {
        store.operator().write(&key, bytes).await.expect("memory takes everything");
    }
    let options = RestoreOptions {
        allow_empty_volumes: true,
        resource_timeout: Duration::from_millis(1),
        terminating_timeout: Duration::from_millis(1),
        ..RestoreOptions::default()
    };
    let spec =
        RestoreSpec { backup_name: "b".into(), existing_resource_policy: policy.into(), ..RestoreSpec::default() };
    let driver = Restore::new(Arc::new(cluster), BackupStore::new(store)).with_options(options);
    let report = driver.run(Request::new("r", spec)).await.expect("trouble with objects is a problem, not an error");
    let text = serde_json::to_vec(&report.problems).expect("problems are data");
    assert!(text.len() < 1 << 20, "{} bytes of problems", text.len());
}
