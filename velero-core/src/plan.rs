//! The restore plan: a document that lists every write a restore may make, to be read, saved and applied later.
//!
//! Comes in: what the planner in `velero-k8s` found out about each object. Goes out: JSON that people can read, and
//! [`Plan::writes`], which names each request that applying the plan may send. An item costs about a hundred bytes:
//! the bodies are not in the plan but made again from the archive, whose digest the plan carries.

use crate::api;
use crate::problem::Problem;
use crate::resource::{GroupResource, ItemId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

mod write;

pub use write::{Counts, Method, Write};

/// The version of the document that this build writes and accepts.
pub const VERSION: u32 = 1;

/// A restore plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Plan {
    /// Version of this document, 1.
    pub version: u32,
    /// The restore as requested, with its name, uid and the backup it reads.
    pub restore: api::Restore,
    /// The backup it reads and what its tarball was: name, SHA-256, size.
    pub backup: PlannedBackup,
    /// Identity of the target cluster.
    pub cluster: String,
    /// The text of the resource modifiers that the plan was made with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub modifiers: Option<String>,
    /// Names of the item actions that the plan was made with.
    #[serde(default)]
    pub actions: Vec<String>,
    /// API versions in which resources are read from the backup, where that is not the one which the source preferred.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub versions: BTreeMap<String, String>,
    /// Volumes whose data this build can not restore; they come back empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub empty_volumes: Vec<EmptyVolume>,
    /// What is skipped, changed or can not be restored, known beforehand.
    pub problems: Vec<Problem>,
    /// Steps in order; objects of one step are written concurrently.
    pub steps: Vec<Step>,
}

/// The backup of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedBackup {
    /// Name.
    pub name: String,
    /// SHA-256 of the tarball as stored, hexadecimal.
    pub contents_sha256: String,
    /// Size of the tarball as stored, in bytes.
    pub contents_bytes: u64,
}

/// A volume that comes back without its data.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EmptyVolume {
    /// The claim, or the pod whose own volume it is (target namespace).
    pub item: ItemId,
    /// The name of the volume.
    pub volume: String,
    /// Why its data can not be restored.
    pub reason: String,
}

/// One priority step: objects of one resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The resource.
    pub resource: GroupResource,
    /// Its version in the target cluster, such as `apps/v1`.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// What happens to each object.
    pub items: Vec<PlannedItem>,
}

/// What happens to one object.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedItem {
    /// Target namespace, empty for cluster-scoped objects; shared by its objects when the planner makes the item.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    pub namespace: Arc<str>,
    /// Name; empty if the server is to make one.
    pub name: Box<str>,
    /// The write.
    pub write: PlannedWrite,
    /// Writes that may follow it.
    #[serde(default, skip_serializing_if = "Then::is_empty")]
    pub then: Then,
    /// Resource version of the live object when the plan was made; absent if there was none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub live: Option<Box<str>>,
    /// Where the object stands in the archive, as far as that differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<Box<Source>>,
}

/// The place of an object in the archive, as far as it differs from the target.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Source {
    /// Namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Box<str>>,
    /// Name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<Box<str>>,
    /// Resource.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<Box<GroupResource>>,
}

/// The write planned for an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum PlannedWrite {
    /// It does not exist and is created.
    Create,
    /// It exists and differs; it is patched.
    Update,
    /// Nothing is written: it exists, or an action leaves it out.
    Skip,
    /// Nothing is written: it can not be restored, and a problem of the plan says why.
    Fail,
}

/// Writes that may follow the planned one, all to the same object.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Then {
    /// The ownership of its fields is patched back.
    #[serde(skip_serializing_if = "is_false")]
    pub managed_fields: bool,
    /// Its status is written back.
    #[serde(skip_serializing_if = "is_false")]
    pub status: bool,
    /// If somebody else has created it by then, it is patched instead.
    #[serde(skip_serializing_if = "is_false")]
    pub patch_if_exists: bool,
}

impl Then {
    /// Whether nothing follows.
    pub fn is_empty(&self) -> bool {
        *self == Then::default()
    }
}

fn is_false(flag: &bool) -> bool {
    !flag
}

impl Plan {
    /// Every request that applying the plan may send and that changes the cluster. Reads are not listed.
    pub fn writes(&self) -> impl Iterator<Item = Write<'_>> {
        self.steps.iter().flat_map(|step| step.items.iter().flat_map(|item| item.writes(step)))
    }

    /// How many objects are created, updated, skipped and can not be restored.
    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for item in self.steps.iter().flat_map(|step| &step.items) {
            counts.add(item.write);
        }
        counts
    }
}

impl Step {
    /// The identity of `item` in the target cluster.
    pub fn target(&self, item: &PlannedItem) -> ItemId {
        ItemId::new(self.resource.clone(), &*item.namespace, &*item.name)
    }

    /// The identity of `item` in the archive.
    pub fn source(&self, item: &PlannedItem) -> ItemId {
        let Some(source) = &item.source else { return self.target(item) };
        ItemId {
            resource: source.resource.as_deref().unwrap_or(&self.resource).clone(),
            namespace: source.namespace.as_deref().unwrap_or(&item.namespace).to_owned(),
            name: source.name.as_deref().unwrap_or(&item.name).to_owned(),
        }
    }
}

impl PlannedItem {
    /// An item for `target`, which stands in the archive as `source`.
    pub fn new(target: &ItemId, source: &ItemId, write: PlannedWrite) -> Self {
        let differing = |there: &str, here: &str| (there != here).then(|| there.into());
        let from = Source {
            namespace: differing(&source.namespace, &target.namespace),
            name: differing(&source.name, &target.name),
            resource: (source.resource != target.resource).then(|| Box::new(source.resource.clone())),
        };
        PlannedItem {
            namespace: target.namespace.as_str().into(),
            name: target.name.as_str().into(),
            write,
            then: Then::default(),
            live: None,
            source: (from != Source::default()).then(|| Box::new(from)),
        }
    }
}

#[cfg(test)]
mod tests;
