//! Volumes whose objects are saved and whose data is not: a warning for each, and their entry in the volume-info
//! document, without which Velero would take a `Retain` volume for a static one (spec 1.8, 6.9).
//!
//! Comes in: claims, volumes and pods as they are written. Code that saves volume data will decide here, per volume,
//! between its methods (spec 4.6) and report only what no method could save.

use crate::api::BackupVolumeInfo;
use crate::api::volume::PvInfo;
use crate::problem::{Problem, Stage};
use crate::resource::ItemId;
use serde_json::Value;
use std::collections::BTreeMap;

const OPT_IN: &str = "backup.velero.io/backup-volumes";

/// Kinds of pod volumes whose content comes from elsewhere and is never copied.
const NEVER_COPIED: [&str; 5] = ["hostPath", "secret", "configMap", "projected", "downwardAPI"];

/// Claims and volumes met so far, by the name of the volume.
#[derive(Default)]
pub(super) struct VolumeLedger {
    claims: BTreeMap<String, (String, String)>,
    volumes: BTreeMap<String, Volume>,
}

struct Volume {
    claim: (String, String),
    info: PvInfo,
}

impl VolumeLedger {
    /// Notes a claim. A claim that waits for its first volume has no data that could be missing.
    pub(super) fn claim(&mut self, id: &ItemId, claim: &Value) -> Option<Problem> {
        let volume = text(&claim["spec"]["volumeName"]);
        if volume.is_empty() && claim["status"]["phase"] == "Pending" {
            return None;
        }
        let place = if volume.is_empty() { String::new() } else { format!(" (volume {volume})") };
        if !volume.is_empty() {
            self.claims.insert(volume, (id.namespace.clone(), id.name.clone()));
        }
        Some(left_out(id, format!("the data of this claim{place} is not in the backup: this build saves objects only")))
    }

    /// Notes a volume.
    pub(super) fn volume(&mut self, id: &ItemId, volume: &Value) {
        let spec = &volume["spec"];
        let labels = &volume["metadata"]["labels"];
        let info = PvInfo {
            reclaim_policy: text(&spec["persistentVolumeReclaimPolicy"]),
            labels: serde_json::from_value(labels.clone()).unwrap_or_default(),
        };
        let claim = (text(&spec["claimRef"]["namespace"]), text(&spec["claimRef"]["name"]));
        self.volumes.insert(id.name.clone(), Volume { claim, info });
    }

    /// Volumes of a pod that its annotation asks to copy and that belong to no claim (a claim speaks for itself).
    pub(super) fn pod(&self, id: &ItemId, pod: &Value) -> Vec<Problem> {
        let Some(wanted) = pod["metadata"]["annotations"][OPT_IN].as_str() else { return Vec::new() };
        let wanted: Vec<&str> = wanted.split(',').collect();
        let volumes = pod["spec"]["volumes"].as_array().map_or(&[][..], Vec::as_slice);
        let concerned = volumes.iter().filter(|volume| {
            let copied = NEVER_COPIED.iter().all(|kind| volume[*kind].is_null());
            copied
                && volume["persistentVolumeClaim"].is_null()
                && volume["name"].as_str().is_some_and(|name| wanted.contains(&name))
        });
        let message = |name| format!("the data of volume {name} is not in the backup: this build saves objects only");
        concerned.map(|volume| left_out(id, message(text(&volume["name"])))).collect()
    }

    /// The volume-info document, and a warning for each volume whose claim is not in the backup.
    pub(super) fn finish(mut self) -> (Vec<BackupVolumeInfo>, Vec<Problem>) {
        let mut problems = Vec::new();
        let mut infos = Vec::new();
        for (name, volume) in self.volumes {
            let claim = self.claims.remove(&name);
            if claim.is_none() {
                let message = "the data of this volume is not in the backup: this build saves objects only";
                problems.push(left_out(&ItemId::new("persistentvolumes", "", &name), message.into()));
            }
            infos.push(skipped(name, claim.unwrap_or(volume.claim), Some(volume.info)));
        }
        infos.extend(self.claims.into_iter().map(|(name, claim)| skipped(name, claim, None)));
        (infos, problems)
    }
}

fn skipped(pv_name: String, claim: (String, String), pv_info: Option<PvInfo>) -> BackupVolumeInfo {
    BackupVolumeInfo {
        pv_name,
        pvc_namespace: claim.0,
        pvc_name: claim.1,
        skipped: true,
        skipped_reason: "any: volume data is not saved by this build;".into(),
        pv_info,
        ..BackupVolumeInfo::default()
    }
}

fn left_out(id: &ItemId, message: String) -> Problem {
    Problem::warning(Stage::Volume, "VolumeDataLeftOut", message).about(id.clone())
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or("").to_owned()
}
