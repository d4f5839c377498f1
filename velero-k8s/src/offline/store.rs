//! The objects themselves, as JSON text, by resource, namespace and name.

use bytes::Bytes;
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use velero_core::{GroupResource, ItemId};

/// All objects. An object's text is shared with everybody who got it.
#[derive(Debug, Default)]
pub struct Store {
    objects: BTreeMap<GroupResource, BTreeMap<(String, String), Bytes>>,
}

impl Store {
    /// The text of an object.
    pub fn text(&self, id: &ItemId) -> Option<&Bytes> {
        self.objects.get(&id.resource)?.get(&(id.namespace.clone(), id.name.clone()))
    }

    /// An object.
    pub fn get(&self, id: &ItemId) -> Option<Value> {
        self.text(id).map(parse)
    }

    /// Keeps `object`; it carries its resource version already.
    pub fn put(&mut self, id: &ItemId, object: &Value) {
        let key = (id.namespace.clone(), id.name.clone());
        self.objects.entry(id.resource.clone()).or_default().insert(key, object.to_string().into());
    }

    /// Forgets an object.
    pub fn remove(&mut self, id: &ItemId) {
        if let Some(objects) = self.objects.get_mut(&id.resource) {
            objects.remove(&(id.namespace.clone(), id.name.clone()));
        }
    }

    /// The texts of a resource's objects, all or those of one namespace, in order of namespace and name.
    pub fn texts<'a>(
        &'a self,
        resource: &GroupResource,
        namespace: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Bytes> + use<'a> {
        let from = (namespace.unwrap_or_default().to_owned(), String::new());
        let objects = self.objects.get(resource).into_iter().flat_map(move |objects| objects.range(from.clone()..));
        objects.take_while(move |((at, _), _)| namespace.is_none_or(|only| at == only)).map(|(_, text)| text)
    }

    /// Everything in a namespace.
    pub fn in_namespace(&self, namespace: &str) -> Vec<ItemId> {
        let from = (namespace.to_owned(), String::new());
        let ids = self.objects.iter().flat_map(|(resource, objects)| {
            let inside = objects.range(from.clone()..).take_while(|((at, _), _)| at == namespace);
            inside.map(|((at, name), _)| ItemId::new(resource.clone(), at, name))
        });
        ids.collect()
    }

    /// Every object of a resource.
    pub fn ids(&self, resource: &GroupResource) -> Vec<ItemId> {
        let objects = self.objects.get(resource).into_iter().flatten();
        objects.map(|((namespace, name), _)| ItemId::new(resource.clone(), namespace, name)).collect()
    }
}

/// Reads text of the store.
pub fn parse(text: &Bytes) -> Value {
    serde_json::from_slice(text).expect("the store holds only what Value printed")
}

/// The parts of an object that a listing looks at.
#[derive(Deserialize)]
pub struct Glance<'a> {
    /// The version at which the object is stored.
    #[serde(rename = "apiVersion")]
    pub api_version: std::borrow::Cow<'a, str>,
    /// The labels and the rest of the metadata.
    #[serde(borrow)]
    pub metadata: &'a serde_json::value::RawValue,
}

/// The resource version of `object`: a number made of its content, so that it changes when the object does and
/// is the same each time a directory is opened. Like every resource version it says nothing of order.
pub fn version(object: &mut Value) -> String {
    if let Some(metadata) = object["metadata"].as_object_mut() {
        metadata.remove("resourceVersion");
    }
    let digest = Sha256::digest(object.to_string());
    digest[..6].iter().fold(1_u64, |number, byte| (number << 8) | u64::from(*byte)).to_string()
}
