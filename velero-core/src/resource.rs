//! Names of Kubernetes resources and of single objects.
//!
//! A [`GroupResource`] is written as Velero writes it: `pods` for the core group, `deployments.apps` for
//! the others. It names the directory of the archive and the key of every filter.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;

/// A resource by plural and group, without a version.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct GroupResource {
    /// API group, empty for the core group.
    pub group: String,
    /// Lower-case plural, such as `pods`.
    pub resource: String,
}

impl GroupResource {
    /// Names the resource `resource` of `group` (empty for the core group).
    pub fn new(group: impl Into<String>, resource: impl Into<String>) -> Self {
        GroupResource { group: group.into(), resource: resource.into() }
    }

    /// Reads `plural` or `plural.group`; the first dot separates, as Kubernetes' parser does.
    pub fn parse(text: &str) -> Self {
        match text.split_once('.') {
            Some((resource, group)) => GroupResource::new(group, resource),
            None => GroupResource::new("", text),
        }
    }

    /// Whether this is the resource written `text`.
    pub fn is(&self, text: &str) -> bool {
        *self == GroupResource::parse(text)
    }
}

impl fmt::Display for GroupResource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.resource)?;
        if !self.group.is_empty() {
            write!(f, ".{}", self.group)?;
        }
        Ok(())
    }
}

impl From<&str> for GroupResource {
    fn from(text: &str) -> Self {
        GroupResource::parse(text)
    }
}

impl Serialize for GroupResource {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GroupResource {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(GroupResource::parse(&String::deserialize(deserializer)?))
    }
}

/// Whether objects of a resource live in a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Scope {
    /// Objects live in namespaces.
    Namespaced,
    /// Objects live beside the namespaces.
    Cluster,
}

/// One row of discovery: a resource at one version, as an API server serves it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// API group, empty for the core group.
    pub group: String,
    /// Version, such as `v1`.
    pub version: String,
    /// Lower-case plural, such as `deployments`.
    pub plural: String,
    /// Lower-case singular; may be empty on old servers.
    pub singular: String,
    /// Kind, such as `Deployment`.
    pub kind: String,
    /// Short names, such as `deploy`.
    pub short_names: Vec<String>,
    /// Scope of its objects.
    pub scope: Scope,
    /// Verbs the server accepts.
    pub verbs: Vec<String>,
    /// Whether the server serves a `status` subresource.
    pub has_status: bool,
}

impl Resource {
    /// The resource without its version.
    pub fn group_resource(&self) -> GroupResource {
        GroupResource::new(&self.group, &self.plural)
    }

    /// `v1` for the core group, `apps/v1` for others.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() { self.version.clone() } else { format!("{}/{}", self.group, self.version) }
    }

    /// The singular; the lower-cased kind on servers that do not name it.
    pub fn singular_name(&self) -> String {
        if self.singular.is_empty() { self.kind.to_lowercase() } else { self.singular.clone() }
    }

    /// Whether the server accepts `verb`.
    pub fn can(&self, verb: &str) -> bool {
        self.verbs.iter().any(|v| v == verb)
    }

    /// Whether objects live in namespaces.
    pub fn is_namespaced(&self) -> bool {
        self.scope == Scope::Namespaced
    }
}

/// One object: resource, namespace (empty for cluster-scoped objects) and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ItemId {
    /// The resource.
    pub resource: GroupResource,
    /// Namespace, empty for cluster-scoped objects.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl ItemId {
    /// Names an object; `namespace` is empty for cluster-scoped objects.
    pub fn new(resource: impl Into<GroupResource>, namespace: impl Into<String>, name: impl Into<String>) -> Self {
        ItemId { resource: resource.into(), namespace: namespace.into(), name: name.into() }
    }
}

impl fmt::Display for ItemId {
    /// `pods ns/name` or `persistentvolumes name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            write!(f, "{} {}", self.resource, self.name)
        } else {
            write!(f, "{} {}/{}", self.resource, self.namespace, self.name)
        }
    }
}
