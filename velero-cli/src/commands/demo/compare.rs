//! Compares an application before and after: object by object, without what a cluster assigns anew.

use futures::TryStreamExt;
use serde_json::Value;
use std::collections::BTreeMap;
use velero_core::{Item, ItemId, existing};
use velero_k8s::Cluster;
use velero_k8s::cluster::ListQuery;

/// The objects of a namespace as a person would write them down.
pub struct Snapshot(BTreeMap<String, Value>);

impl Snapshot {
    /// Reads everything in `namespace`, and the namespace itself.
    pub async fn take(cluster: &dyn Cluster, namespace: &str) -> anyhow::Result<Snapshot> {
        let mut objects = BTreeMap::new();
        let table = cluster.discover().await?.table;
        for resource in table.preferred() {
            let query =
                ListQuery { namespace: resource.is_namespaced().then(|| namespace.to_owned()), ..Default::default() };
            let batches: Vec<_> = cluster.list(resource, query).try_collect().await?;
            for raw in batches.into_iter().flatten() {
                let item = Item::read(resource, raw)?;
                if resource.is_namespaced() || (item.name == namespace && resource.kind == "Namespace") {
                    objects.insert(item.id().to_string(), plain(item.value()?));
                }
            }
        }
        // What the cluster makes by itself in every namespace is no part of the application.
        for made in [
            ItemId::new("configmaps", namespace, "kube-root-ca.crt"),
            ItemId::new("serviceaccounts", namespace, "default"),
        ] {
            objects.remove(&made.to_string());
        }
        Ok(Snapshot(objects))
    }

    /// How many objects there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// What is missing, new or different in `after`, one sentence each.
    pub fn differences(&self, after: &Snapshot) -> Vec<String> {
        let mut differences = Vec::new();
        for (id, object) in &self.0 {
            match after.0.get(id) {
                None => differences.push(format!("{id} is missing")),
                Some(other) if other != object => {
                    differences.push(format!("{id} differs: {}", existing::merge_patch(object, other)));
                }
                Some(_) => {}
            }
        }
        let new = after.0.keys().filter(|id| !self.0.contains_key(*id));
        differences.extend(new.map(|id| format!("{id} is new")));
        differences
    }
}

/// The object without what the cluster assigns (addresses and node ports of services, the volume of a claim) and without the labels by
/// which Velero knows its restores.
fn plain(mut object: Value) -> Value {
    existing::reset(&mut object);
    if object["kind"] == "PersistentVolumeClaim"
        && let Some(spec) = object["spec"].as_object_mut()
    {
        spec.remove("volumeName");
    }
    if object["kind"] == "Service" {
        if let Some(spec) = object["spec"].as_object_mut() {
            spec.remove("clusterIP");
            spec.remove("clusterIPs");
        }
        let ports = object.pointer_mut("/spec/ports").and_then(Value::as_array_mut);
        ports.into_iter().flatten().filter_map(Value::as_object_mut).for_each(|port| drop(port.remove("nodePort")));
    }
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("managedFields");
        for field in ["labels", "annotations"] {
            if let Some(map) = metadata.get_mut(field).and_then(Value::as_object_mut) {
                map.retain(|key, _| !key.starts_with("velero.io/"));
                if map.is_empty() {
                    metadata.remove(field);
                }
            }
        }
    }
    object
}
