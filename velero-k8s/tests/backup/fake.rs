//! A cluster that is a list of objects, and fails where a test tells it to.

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio_util::sync::CancellationToken;
use velero_core::{GroupResource, ItemId, Resource, ResourceTable, Scope, selector};
use velero_k8s::cluster::{Batch, Cluster, Discovered, ListQuery, Patch};
use velero_k8s::{Error, Result};

/// What most tests serve: `group version plural kind scope short`.
pub const ROWS: &str = "
- v1 configmaps ConfigMap ns cm
- v1 namespaces Namespace cluster ns
- v1 persistentvolumes PersistentVolume cluster pv
- v1 persistentvolumeclaims PersistentVolumeClaim ns pvc
- v1 secrets Secret ns -
- v1 serviceaccounts ServiceAccount ns sa
- v1 pods Pod ns po
apps v1 deployments Deployment ns deploy
scheduling.k8s.io v1 priorityclasses PriorityClass cluster pc
rbac.authorization.k8s.io v1 clusterroles ClusterRole cluster -
rbac.authorization.k8s.io v1 clusterrolebindings ClusterRoleBinding cluster -
apiextensions.k8s.io v1 customresourcedefinitions CustomResourceDefinition cluster crd,crds
velero.io v1 backups Backup ns -
velero.io v1 volumesnapshotlocations VolumeSnapshotLocation ns vsl
";

struct Object {
    id: ItemId,
    labels: BTreeMap<String, String>,
    raw: Bytes,
}

/// A scripted cluster.
#[derive(Default)]
pub struct Fake {
    table: ResourceTable,
    objects: Vec<Object>,
    broken_lists: HashSet<String>,
    broken_gets: HashSet<String>,
    /// Cancelled when the given number of objects has been listed.
    pub cancel_after: Option<(usize, CancellationToken)>,
    listed: Arc<AtomicUsize>,
    /// Every get that was asked.
    pub gets: Mutex<Vec<String>>,
}

impl Fake {
    /// A cluster that serves `rows` and has `objects`, each `resource ns/name labels`.
    pub fn new(rows: &str, objects: &[&str]) -> Self {
        let rows = rows.lines().filter(|line| !line.is_empty()).map(row);
        let mut fake = Fake { table: ResourceTable::new(rows), ..Fake::default() };
        for text in objects {
            let words: Vec<&str> = text.split_whitespace().collect();
            let (namespace, name) = words[1].split_once('/').unwrap_or(("", words[1]));
            let pairs = words.get(2).into_iter().flat_map(|l| l.split(',')).filter_map(|l| l.split_once('='));
            let labels: BTreeMap<&str, &str> = pairs.collect();
            fake = fake.with(words[0], json!({"metadata": {"name": name, "namespace": namespace, "labels": labels}}));
        }
        fake
    }

    /// One more object of `resource`.
    pub fn with(mut self, resource: &str, object: Value) -> Self {
        let metadata = &object["metadata"];
        let text = |field: &str| metadata[field].as_str().unwrap_or("").to_owned();
        self.objects.push(Object {
            id: ItemId::new(resource, text("namespace"), text("name")),
            labels: serde_json::from_value(metadata["labels"].clone()).unwrap_or_default(),
            raw: Bytes::from(object.to_string()),
        });
        self
    }

    /// One more object of `resource` whose bytes are not JSON.
    pub fn with_garbage(mut self, resource: &str, raw: &'static str) -> Self {
        let id = ItemId::new(resource, "", "");
        self.objects.push(Object { id, labels: BTreeMap::new(), raw: Bytes::from_static(raw.as_bytes()) });
        self
    }

    /// Listings of `resource` break after their first object.
    pub fn breaking_list(mut self, resource: &str) -> Self {
        self.broken_lists.insert(resource.to_owned());
        self
    }

    /// Gets of the object, `resource ns/name`, fail.
    pub fn breaking_get(mut self, object: &str) -> Self {
        self.broken_gets.insert(object.to_owned());
        self
    }
}

fn row(line: &str) -> Resource {
    let words: Vec<&str> = line.split_whitespace().collect();
    Resource {
        group: words[0].trim_matches('-').to_owned(),
        version: words[1].to_owned(),
        plural: words[2].to_owned(),
        singular: words[3].to_lowercase(),
        kind: words[3].to_owned(),
        scope: if words[4] == "ns" { Scope::Namespaced } else { Scope::Cluster },
        short_names: words[5].split(',').filter(|name| *name != "-").map(str::to_owned).collect(),
        verbs: ["list", "create", "get", "delete"].map(str::to_owned).to_vec(),
        has_status: false,
    }
}

fn broken(operation: &'static str, object: String) -> Error {
    Error::Api {
        operation,
        object,
        code: 500,
        reason: "InternalError".into(),
        message: "etcd is on fire".into(),
        causes: Vec::new(),
    }
}

#[async_trait]
impl Cluster for Fake {
    async fn discover(&self) -> Result<Discovered> {
        let version = ["v1.34.1", "1", "34"].map(str::to_owned);
        Ok(Discovered { table: self.table.clone(), problems: Vec::new(), version })
    }

    fn list(&self, resource: &Arc<Resource>, query: ListQuery) -> BoxStream<'static, Result<Batch>> {
        let name = resource.group_resource();
        let labels = query.label_selector.as_deref().map(|text| selector::parse(text).unwrap());
        let wanted = |object: &&Object| {
            let place = query.namespace.as_ref().is_none_or(|namespace| object.id.namespace == *namespace);
            let matching = labels.as_ref().is_none_or(|labels| selector::matches(labels, &object.labels));
            object.id.resource == name && place && matching
        };
        let mut batches: Vec<Result<Batch>> =
            self.objects.iter().filter(wanted).map(|object| Ok(vec![object.raw.clone()])).collect();
        if self.broken_lists.contains(&name.to_string()) {
            batches.truncate(1);
            batches.push(Err(broken("list", name.to_string())));
        }
        let (listed, cancel) = (self.listed.clone(), self.cancel_after.clone());
        futures::stream::iter(batches)
            .inspect(move |_| {
                let count = listed.fetch_add(1, Ordering::SeqCst);
                if let Some((_, token)) = cancel.as_ref().filter(|(limit, _)| count >= *limit) {
                    token.cancel();
                }
            })
            .boxed()
    }

    async fn get(&self, resource: &Resource, namespace: &str, name: &str) -> Result<Option<Bytes>> {
        let id = ItemId::new(resource.group_resource(), namespace, name);
        self.gets.lock().unwrap().push(id.to_string());
        if self.broken_gets.contains(&id.to_string()) {
            return Err(broken("get", id.to_string()));
        }
        Ok(self.objects.iter().find(|object| object.id == id).map(|object| object.raw.clone()))
    }

    async fn create(&self, _: &Resource, _: &str, _: &Value, _: Option<&str>) -> Result<Value> {
        unreachable!("a backup creates nothing")
    }

    async fn patch(&self, _: &Resource, _: &str, _: &str, _: Patch, _: &Value) -> Result<Value> {
        unreachable!("a backup patches nothing")
    }

    async fn update_status(&self, _: &Resource, _: &str, _: &str, _: &Value) -> Result<Value> {
        unreachable!("a backup updates nothing")
    }

    async fn delete(&self, _: &Resource, _: &str, _: &str) -> Result<bool> {
        unreachable!("a backup deletes nothing")
    }

    async fn identity(&self) -> Result<String> {
        Ok("fake".into())
    }
}

/// The parsed form of `plural.group`.
pub fn resource(text: &str) -> GroupResource {
    GroupResource::parse(text)
}
