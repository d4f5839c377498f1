//! The JSON documents of the bucket: what can be read can be written, and reads as the same again.

use super::{Random, Target, mutate};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::fmt::Debug;
use velero_core::Results;
use velero_core::api::{Backup, BackupVolumeInfo, Restore};
use velero_core::plan::Plan;
use velero_repo::Digests;

const WORDS: [&str; 24] = [
    "metadata",
    "spec",
    "status",
    "phase",
    "Completed",
    "ttl",
    "720h0m0s",
    "-1.5h3ns",
    "9223372036854775807ns",
    "1e9h",
    "labelSelector",
    "matchExpressions",
    "hooks",
    "resources",
    "timeout",
    "other",
    "version",
    "steps",
    "items",
    "create",
    "problems",
    "objects",
    "null",
    "{\"a\":",
];

pub struct Documents {
    seeds: Vec<Value>,
}

impl Documents {
    pub fn new() -> Documents {
        let hook = json!({"exec": {"container": "db", "command": ["sync"], "onError": "Fail", "timeout": "30s"}});
        let selector =
            json!({"matchLabels": {"a": "b"}, "matchExpressions": [{"key": "c", "operator": "In", "values": ["d"]}]});
        let hooks = json!({"resources": [{"name": "h", "includedNamespaces": ["*"], "labelSelector": selector, "pre": [hook], "post": []}]});
        let numbers = json!([
            1,
            -1,
            u64::MAX,
            99_999_999_999_999_999_999_f64,
            1.234_567_890_123_456_7e22,
            31.245_270_191_439_438,
            5e-324
        ]);
        let backup = json!({"apiVersion": "velero.io/v1", "kind": "Backup", "metadata": {"name": "b", "labels": {"a": "b"}, "uid": "u"},
            "spec": {"includedNamespaces": ["web"], "ttl": "720h0m0s", "hooks": hooks, "labelSelector": selector, "orderedResources": {"pods": "a/b"},
                "resourcePolicy": {"kind": "configmap", "name": "p"}, "csiSnapshotTimeout": "10m0s", "metadata": {"labels": {"x": "y"}}, "unknown": numbers},
            "status": {"version": 1, "formatVersion": "1.1.0", "phase": "Completed", "warnings": 2, "progress": {"totalItems": 3, "itemsBackedUp": 3}}});
        let restore = json!({"apiVersion": "velero.io/v1", "kind": "Restore", "metadata": {"name": "r"},
            "spec": {"backupName": "b", "namespaceMapping": {"a": "b"}, "restorePVs": true, "restoreStatus": {"includedResources": ["*"]}, "existingResourcePolicy": "update"},
            "status": {"phase": "PartiallyFailed", "errors": 1, "progress": {"totalItems": 1, "itemsRestored": 0}}});
        let infos = json!([{"pvcName": "data", "pvName": "pv-1", "backupMethod": "PodVolumeBackup", "skipped": false, "pvInfo": {"reclaimPolicy": "Delete", "labels": null}}]);
        let problem = json!({"severity": "error", "stage": "apply", "reason": "R", "message": "m", "item": {"resource": "pods", "namespace": "a", "name": "b"}});
        let items = json!([{"namespace": "a", "name": "b", "write": "create", "then": {"status": true}, "live": "7", "source": {"resource": "pods.x"}}]);
        let plan = json!({"version": 1, "restore": restore, "backup": {"name": "b", "contentsSha256": "00", "contentsBytes": 1}, "cluster": "c",
            "actions": ["velero.io/pod"], "problems": [problem], "steps": [{"resource": "deployments.apps", "apiVersion": "apps/v1", "kind": "Deployment", "items": items}]});
        let results = json!({"warnings": {"velero": ["w"], "namespaces": {"a": ["x"]}}, "errors": {"cluster": ["e"]}});
        let digests = json!({"version": 1, "objects": {"velero-backup.json": {"size": 1, "sha256": "00"}}});
        Documents { seeds: vec![backup, restore, infos, plan, results, digests] }
    }
}

impl Target for Documents {
    fn name(&self) -> &'static str {
        "documents"
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let seed = random.pick(&self.seeds);
        mutate::document(random, seed, &WORDS)
    }

    fn run(&self, input: &[u8]) {
        survives::<Backup>(input);
        survives::<Restore>(input);
        survives::<Vec<BackupVolumeInfo>>(input);
        survives::<Results>(input);
        survives::<Digests>(input);
        if let Some(plan) = survives::<Plan>(input) {
            let objects = plan.steps.iter().map(|step| step.items.len() as u64).sum::<u64>();
            assert_eq!(plan.counts().total(), objects);
            assert!(plan.writes().count() as u64 <= 3 * objects);
        }
    }
}

/// What was read, if it could be; panics if it does not survive being written and read again.
fn survives<T: DeserializeOwned + Serialize + PartialEq + Debug>(input: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(input).ok()?;
    let written = serde_json::to_vec(&read).expect("what was read can be written");
    let again: T = serde_json::from_slice(&written).expect("what was written can be read");
    assert_eq!(read, again, "written as {}", String::from_utf8_lossy(&written));
    Some(read)
}
