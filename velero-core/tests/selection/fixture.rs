//! A small cluster for the tests of this directory: its resources and makers of objects.

use bytes::Bytes;
use serde_json::json;
use std::collections::BTreeMap;
use std::sync::Arc;
use velero_core::api::BackupSpec;
use velero_core::selection::{BackupSelection, NamespaceFacts};
use velero_core::{Error, Item, Resource, ResourceTable, Scope};

/// `group version plural kind scope short-names`; the singular is the lower-cased kind.
const ROWS: &str = "
- v1 bindings Binding ns -
- v1 configmaps ConfigMap ns cm
- v1 events Event ns ev
- v1 namespaces Namespace cluster ns
- v1 nodes Node cluster no
- v1 persistentvolumeclaims PersistentVolumeClaim ns pvc
- v1 persistentvolumes PersistentVolume cluster pv
- v1 pods Pod ns po
- v1 secrets Secret ns -
- v1 serviceaccounts ServiceAccount ns sa
- v1 services Service ns svc
extensions v1beta1 deployments Deployment ns deploy
apps v1 deployments Deployment ns deploy
apps v1 replicasets ReplicaSet ns rs
events.k8s.io v1 events Event ns ev
networking.k8s.io v1 ingresses Ingress ns ing
rbac.authorization.k8s.io v1 clusterroles ClusterRole cluster -
storage.k8s.io v1 storageclasses StorageClass cluster sc
apiextensions.k8s.io v1 customresourcedefinitions CustomResourceDefinition cluster crd,crds
snapshot.storage.k8s.io v1 volumesnapshotclasses VolumeSnapshotClass cluster vsclass
snapshot.storage.k8s.io v1 volumesnapshotcontents VolumeSnapshotContent cluster vsc
snapshot.storage.k8s.io v1 volumesnapshots VolumeSnapshot ns vs
velero.io v1 backups Backup ns -
velero.io v1 volumesnapshotlocations VolumeSnapshotLocation ns vsl
velero.io v1 deployments VeleroDeployment ns -
velero.io v2alpha1 datauploads DataUpload ns -
example.com v1 ingresses Ingress ns -
";

/// The resources of the cluster.
pub fn table() -> ResourceTable {
    ResourceTable::new(ROWS.lines().filter(|line| !line.is_empty()).map(row))
}

fn row(line: &str) -> Resource {
    let [group, version, plural, kind, scope, short] = line.split(' ').collect::<Vec<_>>()[..] else {
        panic!("malformed row {line:?}")
    };
    let list = |text: &str| text.split(',').filter(|t| *t != "-").map(str::to_owned).collect::<Vec<_>>();
    let verbs = if plural == "bindings" { "create" } else { "list,create,get,delete" };
    Resource {
        group: group.trim_matches('-').to_owned(),
        version: version.to_owned(),
        plural: plural.to_owned(),
        singular: kind.to_lowercase(),
        kind: kind.to_owned(),
        short_names: list(short),
        scope: if scope == "ns" { Scope::Namespaced } else { Scope::Cluster },
        verbs: list(verbs),
        has_status: false,
    }
}

/// Labels written `a=b,c=d`.
pub fn labels(text: &str) -> BTreeMap<String, String> {
    let pair = |text: &str| text.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()));
    text.split(',').filter_map(pair).collect()
}

/// An object `ns/name` or `name` of `resource`.
pub fn item(resource: &str, name: &str, labels_text: &str) -> Item {
    let row: Arc<Resource> = table().get(&resource.into()).expect("a row of the table").clone();
    let (namespace, name) = name.split_once('/').unwrap_or(("", name));
    let object = json!({"metadata": {"name": name, "namespace": namespace, "labels": labels(labels_text)}});
    Item::read(&row, Bytes::from(object.to_string())).expect("a well-formed object")
}

/// Active namespaces, each `name` or `name:labels`.
pub fn namespaces<const N: usize>(texts: [&str; N]) -> Vec<NamespaceFacts> {
    let facts = |text: &str| {
        let (name, labels_text) = text.split_once(':').unwrap_or((text, ""));
        NamespaceFacts { name: name.to_owned(), labels: labels(labels_text), active: true }
    };
    texts.map(facts).to_vec()
}

/// A list of texts.
pub fn list(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

/// A gate without what the controller adds.
pub fn engine(spec: &BackupSpec, facts: &[NamespaceFacts]) -> BackupSelection {
    BackupSelection::engine_level(spec, Arc::new(table()), facts, None).expect("a spec the engine takes")
}

/// A gate as the controller makes it.
pub fn controller(spec: &BackupSpec, facts: &[NamespaceFacts]) -> BackupSelection {
    BackupSelection::new(spec, Arc::new(table()), facts, None).expect("a valid spec")
}

/// The faults of an invalid request.
pub fn faults<T>(result: Result<T, Error>) -> Vec<String> {
    match result.err() {
        None => Vec::new(),
        Some(Error::Invalid { faults, .. }) => faults,
        Some(other) => panic!("unexpected error {other}"),
    }
}
