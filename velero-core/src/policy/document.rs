//! The policies document as it is written, and its validation.

use super::filters::{self, WrittenCluster, WrittenNamespaced};
use super::{Quantity, ResourcePolicies, VolumeFacts};
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The whole document.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Document {
    #[serde(default)]
    version: String,
    #[serde(default, deserialize_with = "null_as_default")]
    volume_policies: Vec<WrittenPolicy>,
    #[serde(default)]
    include_exclude_policy: Option<IncludeExcludePolicy>,
    #[serde(default)]
    cluster_scoped_filter_policy: Option<WrittenCluster>,
    #[serde(default, deserialize_with = "null_as_default")]
    namespaced_filter_policies: Vec<WrittenNamespaced>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPolicy {
    #[serde(default, deserialize_with = "null_as_default")]
    conditions: WrittenConditions,
    action: Action,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
struct WrittenConditions {
    capacity: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    storage_class: Vec<String>,
    nfs: Option<Nfs>,
    csi: Option<Csi>,
    #[serde(deserialize_with = "null_as_default")]
    volume_types: Vec<String>,
    #[serde(deserialize_with = "null_as_default")]
    pvc_labels: BTreeMap<String, String>,
    #[serde(deserialize_with = "null_as_default")]
    pvc_phase: Vec<String>,
    pvc_volume_mode: Option<String>,
    #[serde(deserialize_with = "null_as_default")]
    pvc_access_modes: Vec<String>,
}

/// YAML writes an empty list or map as nothing at all, too.
pub(super) fn null_as_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// One policy: what to do with the volumes for which all conditions hold.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumePolicy {
    /// The conditions; none at all match every volume.
    pub conditions: Conditions,
    /// What to do.
    pub action: Action,
}

/// What to do with a volume.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Action {
    /// The kind of action.
    #[serde(rename = "type")]
    pub kind: ActionType,
    /// Parameters, as given.
    #[serde(default, deserialize_with = "null_as_default")]
    pub parameters: serde_json::Map<String, Value>,
}

/// The kinds of action.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionType {
    /// The data is left out.
    Skip,
    /// The data is snapshotted.
    Snapshot,
    /// The data is copied from the file system.
    FsBackup,
    /// Another tool looks after it.
    Custom,
}

/// Conditions on a volume; absent ones always hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Conditions {
    /// Size between two bounds.
    pub capacity: Capacity,
    /// Storage class is one of these.
    pub storage_class: Vec<String>,
    /// An NFS volume, with this server and path if they are given.
    pub nfs: Option<Nfs>,
    /// A CSI volume, with this driver and attributes if they are given.
    pub csi: Option<Csi>,
    /// Source of the volume is one of these.
    pub volume_types: Vec<String>,
    /// The claim has all these labels.
    pub pvc_labels: BTreeMap<String, String>,
    /// The claim is in one of these phases.
    pub pvc_phase: Vec<String>,
    /// The claim has this volume mode.
    pub pvc_volume_mode: String,
    /// The claim has exactly these access modes.
    pub pvc_access_modes: Vec<String>,
}

/// Bounds of a size, both inclusive; `None` is unbounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Capacity {
    /// Lower bound.
    pub lower: Option<Quantity>,
    /// Upper bound.
    pub upper: Option<Quantity>,
}

/// An NFS source; empty fields match all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Nfs {
    /// Server.
    pub server: String,
    /// Exported path.
    pub path: String,
}

/// A CSI source; empty fields match all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Csi {
    /// Driver.
    pub driver: String,
    /// Attributes that the volume must have.
    #[serde(deserialize_with = "null_as_default")]
    pub volume_attributes: BTreeMap<String, String>,
}

/// Lists for the scoped resource filter; lists of the backup's spec win over them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct IncludeExcludePolicy {
    /// Cluster-scoped resources to include.
    #[serde(deserialize_with = "null_as_default")]
    pub included_cluster_scoped_resources: Vec<String>,
    /// Cluster-scoped resources to leave out.
    #[serde(deserialize_with = "null_as_default")]
    pub excluded_cluster_scoped_resources: Vec<String>,
    /// Namespaced resources to include.
    #[serde(deserialize_with = "null_as_default")]
    pub included_namespace_scoped_resources: Vec<String>,
    /// Namespaced resources to leave out.
    #[serde(deserialize_with = "null_as_default")]
    pub excluded_namespace_scoped_resources: Vec<String>,
}

/// Reads and checks a document; all faults that the parser lets us see.
pub(super) fn read(text: &str) -> Result<ResourcePolicies, Vec<String>> {
    let document: Document = serde_saphyr::from_str(text).map_err(|error| vec![error.to_string()])?;
    let mut faults = Vec::new();
    if document.version != "v1" {
        faults.push(format!("version {:?} is not supported, only \"v1\" is", document.version));
    }
    let cluster_filters = document.cluster_scoped_filter_policy.map(|written| filters::cluster(written, &mut faults));
    let namespaced_filters = filters::namespaced(document.namespaced_filter_policies, &mut faults);
    faults.extend(document.include_exclude_policy.iter().flat_map(IncludeExcludePolicy::faults));
    let mut volume_policies = Vec::new();
    for (at, policy) in document.volume_policies.into_iter().enumerate() {
        match policy.conditions.check() {
            Ok(conditions) => volume_policies.push(VolumePolicy { conditions, action: policy.action }),
            Err(found) => faults.extend(found.into_iter().map(|fault| format!("volumePolicies[{at}]: {fault}"))),
        }
    }
    let include_exclude_policy = document.include_exclude_policy;
    let policies = ResourcePolicies { volume_policies, include_exclude_policy, cluster_filters, namespaced_filters };
    if faults.is_empty() { Ok(policies) } else { Err(faults) }
}

impl IncludeExcludePolicy {
    fn faults(&self) -> Vec<String> {
        let scopes = [
            (&self.included_cluster_scoped_resources, &self.excluded_cluster_scoped_resources),
            (&self.included_namespace_scoped_resources, &self.excluded_namespace_scoped_resources),
        ];
        let of_scope = |(includes, excludes): &(&Vec<String>, &Vec<String>)| -> Vec<String> {
            let star = includes.iter().chain(*excludes).any(|name| name == "*");
            let star = star.then(|| "includeExcludePolicy: '*' is not allowed".to_owned());
            let both: BTreeSet<&String> = excludes.iter().filter(|name| includes.contains(name)).collect();
            let both = both.into_iter().map(|n| format!("includeExcludePolicy: {n:?} is both included and excluded"));
            star.into_iter().chain(both).collect()
        };
        scopes.iter().flat_map(of_scope).collect()
    }
}

/// Sources of volumes by the names that policies use.
const VOLUME_TYPES: &str = "awsAzureDisk awsElasticBlockStore azureDisk azureFile cephfs cinder configMap csi downwardAPI \
    emptyDir ephemeral fc flexVolume flocker gcePersistentDisk gitRepo glusterfs hostPath iscsi local nfs \
    photonPersistentDisk portworxVolume projected quobyte rbd scaleIO secret storageOS vsphereVolume";

impl WrittenConditions {
    fn check(self) -> Result<Conditions, Vec<String>> {
        let mut faults = Vec::new();
        let capacity = Capacity::parse(self.capacity.as_deref().unwrap_or("")).unwrap_or_else(|fault| {
            faults.push(fault);
            Capacity::default()
        });
        if self.csi.as_ref().is_some_and(|csi| csi.driver.is_empty() && !csi.volume_attributes.is_empty()) {
            faults.push("csi: volumeAttributes need a driver".to_owned());
        }
        let unknown = |names: &[String], known: &str, what: &str| -> Vec<String> {
            let unknown = names.iter().filter(|name| !known.split_whitespace().any(|k| k == *name));
            unknown.map(|name| format!("{what}: {name:?} is unknown")).collect()
        };
        faults.extend(unknown(&self.volume_types, VOLUME_TYPES, "volumeTypes"));
        faults.extend(unknown(&self.pvc_phase, "Bound Pending Lost", "pvcPhase"));
        let conditions = Conditions {
            capacity,
            storage_class: self.storage_class,
            nfs: self.nfs,
            csi: self.csi,
            volume_types: self.volume_types,
            pvc_labels: self.pvc_labels,
            pvc_phase: self.pvc_phase,
            pvc_volume_mode: self.pvc_volume_mode.unwrap_or_default(),
            pvc_access_modes: self.pvc_access_modes,
        };
        if faults.is_empty() { Ok(conditions) } else { Err(faults) }
    }
}

impl Capacity {
    /// Reads `lower,upper`; an empty or zero side is unbounded.
    fn parse(text: &str) -> Result<Self, String> {
        let fault = |why: &str| format!("capacity {text:?}: {why}");
        let Some((lower, upper)) = text.split_once(',').or(text.is_empty().then_some(("", ""))) else {
            return Err(fault("two bounds with a comma between them are needed"));
        };
        let bound = |side: &str| match side.trim() {
            "" => Ok(None),
            side => side.parse().map(Some).map_err(|error: String| fault(&error)),
        };
        let unbounded = |bound: Option<Quantity>| bound.filter(|quantity| !quantity.is_zero());
        let capacity = Capacity { lower: unbounded(bound(lower)?), upper: unbounded(bound(upper)?) };
        match (capacity.lower, capacity.upper) {
            (Some(lower), Some(upper)) if upper < lower => Err(fault("the upper bound is below the lower one")),
            _ => Ok(capacity),
        }
    }

    fn holds(&self, size: Quantity) -> bool {
        self.lower.is_none_or(|lower| lower <= size) && self.upper.is_none_or(|upper| size <= upper)
    }
}

impl Conditions {
    /// Whether all conditions hold for `volume`.
    pub fn hold_for(&self, volume: &VolumeFacts) -> bool {
        let or_all = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
        let one_of = |wanted: &[String], found: &str| wanted.is_empty() || wanted.iter().any(|w| w == found);
        let given_one_of =
            |wanted: &[String], found: &str| one_of(wanted, found) && (wanted.is_empty() || !found.is_empty());
        let nfs = |wanted: &Nfs| {
            volume.nfs.as_ref().is_some_and(|n| or_all(&wanted.server, &n.server) && or_all(&wanted.path, &n.path))
        };
        let csi = |wanted: &Csi| {
            let all = |c: &Csi| wanted.volume_attributes.iter().all(|(k, v)| c.volume_attributes.get(k) == Some(v));
            volume.csi.as_ref().is_some_and(|c| or_all(&wanted.driver, &c.driver) && all(c))
        };
        let modes = |modes: &[String]| modes.iter().cloned().collect::<BTreeSet<String>>();
        self.capacity.holds(volume.capacity)
            && given_one_of(&self.storage_class, &volume.storage_class)
            && self.nfs.as_ref().is_none_or(nfs)
            && self.csi.as_ref().is_none_or(csi)
            && one_of(&self.volume_types, &volume.volume_type)
            && self.pvc_labels.iter().all(|(key, value)| volume.pvc_labels.get(key) == Some(value))
            && given_one_of(&self.pvc_phase, &volume.pvc_phase)
            && or_all(&self.pvc_volume_mode, &volume.pvc_volume_mode)
            && (self.pvc_access_modes.is_empty() || modes(&self.pvc_access_modes) == modes(&volume.pvc_access_modes))
    }
}
