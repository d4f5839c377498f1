//! What the backup knows of volume data, and which volumes therefore come back empty (spec 6.9).

use super::{Archived, RestorePipeline};
use crate::api::BackupVolumeInfo;
use crate::plan::EmptyVolume;
use crate::problem::{Problem, Stage};
use crate::pv::{self, PvDecision, PvFacts};
use crate::resource::ItemId;
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};

/// Reason of the warning about a volume that is created again over a disk which may be gone.
pub const DISK_UNSEEN: &str = "DiskUnseen";

/// The warning about the volume `object`, created again as it was: nobody asks the storage whether its disk is there.
pub(super) fn disk_unseen(target: &ItemId, object: &Value) -> Problem {
    let name = &target.name;
    let whose = match pv::claim_of(object) {
        Some((namespace, claim)) => format!("claim {namespace}/{claim} gets the volume {name}, which is"),
        None => format!("the volume {name} is"),
    };
    let text =
        format!("{whose} created again as it was; whether its disk still holds the data can not be seen from here");
    Problem::warning(Stage::Volume, DISK_UNSEEN, text).about(target.clone())
}

/// The volume documents of a backup.
#[derive(Clone, Debug, Default)]
pub struct VolumeFacts {
    /// Volume-info entries by the name of the volume.
    pub infos: HashMap<String, BackupVolumeInfo>,
    /// PodVolumeBackups.
    pub pod_volume_backups: Vec<Value>,
    /// Volumes with a native snapshot.
    pub native_snapshots: HashSet<String>,
    /// CSI VolumeSnapshots of a backup without volume-info.
    pub volume_snapshots: Vec<Value>,
    /// Finished DataUploads of a backup without volume-info.
    pub data_uploads: Vec<Value>,
    /// Volumes that the target cluster has.
    pub live: HashSet<String>,
}

impl VolumeFacts {
    fn decide(&self, volume: &Value) -> PvDecision {
        let name = volume["metadata"]["name"].as_str().unwrap_or_default();
        let (namespace, claim) = pv::claim_of(volume).unwrap_or_default();
        let uploads = self.data_uploads.iter();
        let uploads = uploads.filter(|u| u["spec"]["sourceNamespace"] == namespace && u["spec"]["sourcePVC"] == claim);
        let facts = PvFacts {
            volume_info: self.infos.get(name),
            native_snapshot: self.native_snapshots.contains(name),
            pod_volume_backup: pv::has_pod_volume_backup(&self.pod_volume_backups, namespace, claim),
            volume_snapshot: pv::has_volume_snapshot(&self.volume_snapshots, namespace, claim),
            data_upload_results: uploads.count(),
        };
        pv::decide(volume, facts)
    }

    fn has_snapshot(&self, volume: &Value) -> bool {
        self.decide(volume) == PvDecision::UnsupportedSnapshot
    }

    /// Why the data of `volume` does not come back.
    fn reason(&self, volume: &str, decision: PvDecision) -> String {
        let info = self.infos.get(volume);
        let method = info.map_or("", |info| info.backup_method.as_str());
        let text = match (method, decision) {
            (_, PvDecision::UnsupportedSnapshot) => "its data is in a snapshot of the storage provider",
            ("PodVolumeBackup", _) => "its data is in a file-system backup",
            ("CSISnapshot", _) if info.is_some_and(|info| info.snapshot_data_moved) => {
                "its data is with the data mover"
            }
            ("CSISnapshot", _) => "its data is in a CSI snapshot",
            _ => return self.left_out(info),
        };
        format!("{text}, which can not be restored yet")
    }

    fn left_out(&self, info: Option<&BackupVolumeInfo>) -> String {
        match info.map(|info| info.skipped_reason.trim()) {
            Some(reason) if !reason.is_empty() => format!("the backup left its data out: {reason}"),
            _ => {
                "the backup holds no data that this build can restore, and its storage is deleted with its claim".into()
            }
        }
    }

    /// Volumes of the pod itself (no claims) that were backed up and come back empty.
    pub(super) fn of_pod<'a>(
        &'a self,
        source: &'a ItemId,
        target: &'a ItemId,
    ) -> impl Iterator<Item = EmptyVolume> + 'a {
        let own = self.pod_volume_backups.iter().filter(move |backup| {
            let pod = &backup["spec"]["pod"];
            let claim = backup["metadata"]["annotations"]["velero.io/pvc-name"].as_str().unwrap_or_default();
            pod["namespace"] == source.namespace.as_str() && pod["name"] == source.name.as_str() && claim.is_empty()
        });
        own.map(|backup| EmptyVolume {
            item: target.clone(),
            volume: backup["spec"]["volume"].as_str().unwrap_or_default().to_owned(),
            reason: "its data is in a file-system backup, which can not be restored yet".into(),
        })
    }
}

impl RestorePipeline {
    /// Whether `volume` is created, like it was. `restorePVs: false` takes also those with a snapshot as they are.
    pub(super) fn creates_volume(&self, volume: &Value) -> bool {
        match self.volumes.decide(volume) {
            PvDecision::RestoreAsIs => true,
            PvDecision::Provision => false,
            PvDecision::UnsupportedSnapshot => self.restore.spec.restore_pvs == Some(false) && !self.stays(volume),
        }
    }

    /// Whether `volume`, of which there is a provider's snapshot, is still there for the same claim: it is not touched
    /// and keeps its data (vector PV4).
    fn stays(&self, volume: &Value) -> bool {
        let name = volume["metadata"]["name"].as_str().unwrap_or_default();
        let moves = pv::claim_of(volume).is_some_and(|(ns, _)| self.restore.spec.namespace_mapping.contains_key(ns));
        self.volumes.live.contains(name) && !moves
    }

    /// Why the claim `claim` of the archive does not get `volume` back; `None` if it does. A volume that the restore
    /// does not look at is expected to be in the cluster.
    pub(super) fn lost_volume(&self, claim: &ItemId, volume: &str, archive: &dyn Archived) -> Option<String> {
        let id = ItemId::new("persistentvolumes", "", volume);
        let admitted = self.selection.admits_related(&id).is_included();
        let body = archive.get(&id).ok().flatten().filter(|_| admitted);
        let body = body.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).ok());
        let body = body.or_else(|| self.described(claim, volume))?;
        let kept = self.creates_volume(&body) || self.volumes.has_snapshot(&body) && self.stays(&body);
        (!kept).then(|| self.volumes.reason(volume, self.volumes.decide(&body)))
    }

    /// A volume that is not in the archive, as far as the volume-info document describes it.
    fn described(&self, claim: &ItemId, volume: &str) -> Option<Value> {
        let info = self.volumes.infos.get(volume).filter(|info| !info.backup_method.is_empty())?;
        let policy = info.pv_info.as_ref().map_or("", |pv| pv.reclaim_policy.as_str());
        let reference = json!({ "namespace": claim.namespace, "name": claim.name });
        Some(json!({ "metadata": { "name": volume },
            "spec": { "persistentVolumeReclaimPolicy": policy, "claimRef": reference } }))
    }
}
