//! One object on its way through a backup: its identity and the bytes as the API server sent them.
//!
//! Comes in: one element of a list response. Goes out: an [`Item`] whose body is complete (`apiVersion` and
//! `kind`, which lists omit, are put in front) and otherwise byte for byte what was received. Refuses bytes
//! that are no JSON object or have no name. Parsing reads the header only: a full decode costs ten times more.

use crate::resource::{ItemId, Resource};
use bytes::Bytes;
use serde::de::value::MapAccessDeserializer;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Label that keeps an object out of backups when its value is exactly `true`.
pub const EXCLUDE_LABEL: &str = "velero.io/exclude-from-backup";

/// The parts of an object that selection reads.
#[derive(Debug, Deserialize)]
pub struct Header<'a> {
    /// `apiVersion`, absent in elements of a list.
    #[serde(rename = "apiVersion", borrow, default, deserialize_with = "text")]
    pub api_version: Option<Cow<'a, str>>,
    /// `kind`, absent in elements of a list.
    #[serde(borrow, default, deserialize_with = "text")]
    pub kind: Option<Cow<'a, str>>,
    /// `metadata`.
    #[serde(borrow, deserialize_with = "object")]
    pub metadata: HeaderMetadata<'a>,
}

/// The parts of `metadata` that selection reads.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct HeaderMetadata<'a> {
    /// `metadata.name`.
    #[serde(borrow)]
    pub name: Cow<'a, str>,
    /// `metadata.namespace`, empty for cluster-scoped objects.
    #[serde(borrow, default)]
    pub namespace: Cow<'a, str>,
    /// `metadata.uid`.
    #[serde(borrow, default)]
    pub uid: Cow<'a, str>,
    /// `metadata.resourceVersion`.
    #[serde(borrow, default)]
    pub resource_version: Cow<'a, str>,
    /// `metadata.deletionTimestamp`; present while the object is being deleted.
    #[serde(borrow, default)]
    pub deletion_timestamp: Option<&'a RawValue>,
    /// `metadata.labels`.
    #[serde(default)]
    pub labels: Option<BTreeMap<String, String>>,
}

/// Why the bytes of an object were refused.
#[derive(Debug, thiserror::Error)]
#[error("malformed object of {resource}")]
pub struct Malformed {
    /// The resource whose list held the bytes.
    pub resource: String,
    /// Where the parser stopped.
    pub source: serde_json::Error,
}

/// One object with its identity; cheap to clone.
#[derive(Clone, Debug)]
pub struct Item {
    /// The row under which it was listed; names the directory in the archive even if an action renames it.
    pub resource: Arc<Resource>,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// `metadata.uid`.
    pub uid: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whether `metadata.deletionTimestamp` is set.
    pub terminating: bool,
    /// The whole object as JSON, with `apiVersion` and `kind`.
    pub body: Bytes,
}

impl Item {
    /// Reads one object of `resource` as received from a list or get.
    pub fn read(resource: &Arc<Resource>, raw: Bytes) -> Result<Item, Malformed> {
        let malformed = |source| Malformed { resource: resource.group_resource().to_string(), source };
        if raw.trim_ascii_start().first() != Some(&b'{') {
            return Err(malformed(serde::de::Error::custom("it is no JSON object")));
        }
        let header: Header<'_> = serde_json::from_slice(&raw).map_err(malformed)?;
        let body = match (&header.api_version, &header.kind) {
            (Some(_), Some(_)) => raw.clone(),
            (api_version, kind) => complete(resource, &raw, api_version.is_none(), kind.is_none()),
        };
        Ok(Item {
            namespace: header.metadata.namespace.into_owned(),
            name: header.metadata.name.into_owned(),
            uid: header.metadata.uid.into_owned(),
            terminating: header.metadata.deletion_timestamp.is_some_and(|t| t.get() != "null"),
            labels: header.metadata.labels.unwrap_or_default(),
            resource: resource.clone(),
            body,
        })
    }

    /// The identity of the object.
    pub fn id(&self) -> ItemId {
        ItemId { resource: self.resource.group_resource(), namespace: self.namespace.clone(), name: self.name.clone() }
    }

    /// Decodes the whole object.
    pub fn value(&self) -> Result<Value, Malformed> {
        serde_json::from_slice(&self.body)
            .map_err(|source| Malformed { resource: self.resource.group_resource().to_string(), source })
    }

    /// Replaces the body after an action changed the object; name, namespace and labels follow.
    pub fn with_value(&self, value: &Value) -> Result<Item, Malformed> {
        let malformed = |source| Malformed { resource: self.resource.group_resource().to_string(), source };
        Item::read(&self.resource, Bytes::from(serde_json::to_vec(value).map_err(malformed)?))
    }
}

/// A text that may be absent but not null, for a null behind what [`complete`] puts in front would win.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'de, str>>, D::Error> {
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    Ok(Some(Text::deserialize(deserializer)?.0))
}

/// Metadata that is an object; by itself serde takes a list of the fields' values, too.
fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderMetadata<'de>, D::Error> {
    struct Object;
    impl<'de> Visitor<'de> for Object {
        type Value = HeaderMetadata<'de>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            HeaderMetadata::deserialize(MapAccessDeserializer::new(map))
        }
    }
    deserializer.deserialize_map(Object)
}

/// Puts `apiVersion` and `kind` in front of the fields of `raw`, which starts with `{` after white space.
fn complete(resource: &Resource, raw: &[u8], api_version: bool, kind: bool) -> Bytes {
    let open = raw.iter().position(|b| *b == b'{').map_or(0, |i| i + 1);
    let mut body = Vec::with_capacity(raw.len() + 64);
    body.push(b'{');
    if kind {
        body.extend_from_slice(format!("\"kind\":{},", Value::from(resource.kind.as_str())).as_bytes());
    }
    if api_version {
        body.extend_from_slice(format!("\"apiVersion\":{},", Value::from(resource.api_version())).as_bytes());
    }
    // A header always has `metadata`, so at least one field follows the comma.
    body.extend_from_slice(&raw[open..]);
    Bytes::from(body)
}

#[cfg(test)]
mod tests;
