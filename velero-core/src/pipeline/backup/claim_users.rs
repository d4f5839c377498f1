//! What a claim brings along beside its volume: the running pods that mount it, and the other claims of its volume group.
//!
//! Velero gathers these into one item block, so that hooks of the pods surround the claim's snapshot, and backs up the whole
//! block: with a label selector they are in although their own labels do not match (spec 4.3). Without one the listings show
//! them anyway, and nothing is asked for. Comes in: all pods and claims of the namespaces in the backup, of which only names
//! are kept. Goes out: the relatives of a claim.

use super::Pipeline;
use crate::item::Item;
use crate::problem::Problem;
use crate::resource::{GroupResource, ItemId};
use crate::selection::Reached;
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashMap;

const PODS: &str = "pods";
const CLAIMS: &str = "persistentvolumeclaims";

/// Names by namespace and claim, or namespace and group.
type Names = HashMap<(String, String), Vec<String>>;

/// Which pods use which claims, and which claims belong together.
#[derive(Default)]
pub(super) struct ClaimUsers {
    asked: bool,
    pods: Names,
    groups: Names,
}

/// What matters of a pod.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Pod {
    spec: PodSpec,
    status: PodStatus,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct PodSpec {
    node_name: Option<String>,
    volumes: Option<Vec<Volume>>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Volume {
    persistent_volume_claim: Option<ClaimReference>,
}

#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ClaimReference {
    claim_name: String,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PodStatus {
    phase: Option<String>,
}

impl Pipeline<'_> {
    /// Resources that must be listed without selectors before the first object of `resource` is offered, and handed to
    /// [`Pipeline::learn_claim_users`]; named once, and only where selectors hide what belongs to a claim.
    pub fn needs_claim_users(&mut self, resource: &GroupResource) -> Vec<GroupResource> {
        let hidden = self.selection.hides_relatives() && resource.is(CLAIMS);
        match hidden && !std::mem::replace(&mut self.users.asked, true) {
            true => [PODS, CLAIMS].map(GroupResource::parse).to_vec(),
            false => Vec::new(),
        }
    }

    /// Takes in pods or claims; of objects that do not parse the listing has told already.
    pub fn learn_claim_users(&mut self, items: &[Item]) {
        let group_key = &self.backup.spec.volume_group_snapshot_label_key;
        for item in items {
            let namespace = || item.namespace.clone();
            if item.resource.group_resource().is(CLAIMS) {
                if let Some(group) = item.labels.get(group_key).filter(|group| !group.is_empty()) {
                    self.users.groups.entry((namespace(), group.clone())).or_default().push(item.name.clone());
                }
                continue;
            }
            for claim in mounted_claims(&item.body) {
                self.users.pods.entry((namespace(), claim)).or_default().push(item.name.clone());
            }
        }
    }

    /// Wants what belongs to the claim `item`, if it is bound.
    pub(super) fn want_claim_users(&mut self, item: &Item, object: &Value, id: &ItemId) -> Vec<Problem> {
        let volume = object["spec"]["volumeName"].as_str().unwrap_or_default();
        if !self.users.asked || !id.resource.is(CLAIMS) || volume.is_empty() || object["status"]["phase"] != "Bound" {
            return Vec::new();
        }
        let key = |name: &str| (item.namespace.clone(), name.to_owned());
        let group = item.labels.get(&self.backup.spec.volume_group_snapshot_label_key);
        let group = group.and_then(|group| self.users.groups.get(&key(group)));
        let related = |resource: &str, names: Option<&Vec<String>>| -> Vec<ItemId> {
            names.into_iter().flatten().map(|name| ItemId::new(resource, &item.namespace, name)).collect()
        };
        let mut relatives = related(PODS, self.users.pods.get(&key(&item.name)));
        relatives.extend(related(CLAIMS, group).into_iter().filter(|other| other.name != item.name));
        relatives.into_iter().filter_map(|relative| self.want(relative, Reached::Related, id)).collect()
    }
}

/// The claims that a pod mounts, if it runs: only then there is something to freeze.
fn mounted_claims(pod: &[u8]) -> Vec<String> {
    let pod: Pod = serde_json::from_slice(pod).unwrap_or_default();
    let runs =
        pod.status.phase.as_deref() == Some("Running") && pod.spec.node_name.is_some_and(|node| !node.is_empty());
    let volumes = pod.spec.volumes.unwrap_or_default().into_iter().filter(|_| runs);
    volumes.filter_map(|volume| volume.persistent_volume_claim).map(|claim| claim.claim_name).collect()
}
