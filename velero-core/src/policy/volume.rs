//! What policies look at in a volume.

use super::{Csi, Nfs, Quantity};
use serde_json::Value;
use std::collections::BTreeMap;

/// The facts of one volume. Text that is not known is empty.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VolumeFacts {
    /// Size; zero for a volume of a pod without a persistent volume.
    pub capacity: Quantity,
    /// Storage class.
    pub storage_class: String,
    /// The NFS source.
    pub nfs: Option<Nfs>,
    /// The CSI source.
    pub csi: Option<Csi>,
    /// The kind of source, in the spelling of policies.
    pub volume_type: String,
    /// Labels of the claim.
    pub pvc_labels: BTreeMap<String, String>,
    /// Phase of the claim.
    pub pvc_phase: String,
    /// Volume mode of the claim.
    pub pvc_volume_mode: String,
    /// Access modes of the claim.
    pub pvc_access_modes: Vec<String>,
}

/// Sources that name the kind of a volume, by their JSON key.
const SOURCES: [&str; 28] = [
    "awsElasticBlockStore",
    "azureDisk",
    "azureFile",
    "cephfs",
    "cinder",
    "csi",
    "fc",
    "flocker",
    "flexVolume",
    "gcePersistentDisk",
    "gitRepo",
    "glusterfs",
    "iscsi",
    "local",
    "nfs",
    "secret",
    "rbd",
    "downwardAPI",
    "configMap",
    "projected",
    "ephemeral",
    "photonPersistentDisk",
    "portworxVolume",
    "quobyte",
    "scaleIO",
    "storageos",
    "vsphereVolume",
    "hostPath",
];

impl VolumeFacts {
    /// The facts of a PersistentVolume and the claim bound to it.
    pub fn of_persistent_volume(volume: &Value, claim: Option<&Value>) -> Self {
        let spec = &volume["spec"];
        let capacity = spec["capacity"]["storage"].as_str().and_then(|text| text.parse().ok());
        VolumeFacts {
            capacity: capacity.unwrap_or_default(),
            storage_class: text(&spec["storageClassName"]),
            ..Self::of_pod_volume(spec, claim)
        }
    }

    /// The facts of an entry of a pod's `spec.volumes`, and of the claim behind it if there is one.
    pub fn of_pod_volume(volume: &Value, claim: Option<&Value>) -> Self {
        let source = |key: &str| volume.get(key).filter(|source| !source.is_null());
        let kind = SOURCES.iter().chain(&["emptyDir"]).find(|key| source(key).is_some());
        let mut facts = claim.map(Self::of_claim).unwrap_or_default();
        facts.volume_type = kind.map_or("", |key| if *key == "storageos" { "storageOS" } else { key }).to_owned();
        facts.nfs = source("nfs").map(|nfs| Nfs { server: text(&nfs["server"]), path: text(&nfs["path"]) });
        facts.csi = source("csi")
            .map(|csi| Csi { driver: text(&csi["driver"]), volume_attributes: texts(&csi["volumeAttributes"]) });
        facts
    }

    /// The facts of a claim that has no volume.
    pub fn of_claim(claim: &Value) -> Self {
        let modes = claim["spec"]["accessModes"].as_array().map_or(&[][..], Vec::as_slice);
        VolumeFacts {
            pvc_labels: texts(&claim["metadata"]["labels"]),
            pvc_phase: text(&claim["status"]["phase"]),
            pvc_volume_mode: text(&claim["spec"]["volumeMode"]),
            pvc_access_modes: modes.iter().map(text).collect(),
            ..VolumeFacts::default()
        }
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn texts(value: &Value) -> BTreeMap<String, String> {
    let pairs = value.as_object().into_iter().flatten();
    pairs.map(|(key, value)| (key.clone(), text(value))).collect()
}
