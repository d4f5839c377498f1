//! Nothing is left out silently: volumes whose data is not saved, and hooks that are not run.

use crate::fake::{Fake, ROWS};
use crate::kit::{engine, memory, request, run_on};
use serde_json::{Value, json};
use std::sync::Arc;
use velero_core::api::BackupPhase;
use velero_k8s::{Backup, BackupOptions};
use velero_repo::Document;

fn claim(name: &str, volume: &str, phase: &str) -> Value {
    json!({"metadata": {"name": name, "namespace": "web"}, "spec": {"volumeName": volume}, "status": {"phase": phase}})
}

fn volume(name: &str, claim: Value) -> Value {
    json!({"metadata": {"name": name, "labels": {"zone": "z"}},
        "spec": {"persistentVolumeReclaimPolicy": "Retain", "claimRef": claim}})
}

#[tokio::test]
async fn each_claim_and_each_lone_volume_is_a_warning_and_an_entry() {
    let fake = Fake::new(ROWS, &[])
        .with("persistentvolumeclaims", claim("data", "pv-1", "Bound"))
        .with("persistentvolumeclaims", claim("waiting", "", "Pending"))
        .with("persistentvolumes", volume("pv-1", json!({"namespace": "web", "name": "data"})))
        .with("persistentvolumes", volume("pv-2", json!({"namespace": "gone", "name": "old"})));
    let stored = run_on(fake, json!({}), engine()).await.unwrap();
    let what = "is not in the backup: this build saves objects only";
    let expected = [
        format!(
            "warning VolumeDataLeftOut: persistentvolumeclaims web/data: the data of this claim (volume pv-1) {what}"
        ),
        format!("warning VolumeDataLeftOut: persistentvolumes pv-2: the data of this volume {what}"),
    ];
    assert_eq!(stored.problems(), expected);
    assert_eq!(stored.report.backup.status.phase, Some(BackupPhase::Completed));
    let entry = |volume: &str, namespace: &str, claim: &str| {
        json!({"pvName": volume, "pvcNamespace": namespace, "pvcName": claim, "skipped": true,
            "skippedReason": "any: volume data is not saved by this build;",
            "snapshotDataMoved": false, "preserveLocalSnapshot": false,
            "pvInfo": {"reclaimPolicy": "Retain", "labels": {"zone": "z"}}})
    };
    let infos = stored.json(Document::VolumeInfo).await;
    assert_eq!(infos, json!([entry("pv-1", "web", "data"), entry("pv-2", "gone", "old")]));
}

#[tokio::test]
async fn pod_volumes_that_ask_for_a_copy_are_warnings() {
    let pod = json!({"metadata": {"name": "p", "namespace": "web",
            "annotations": {"backup.velero.io/backup-volumes": "scratch,config,data"}},
        "spec": {"volumes": [{"name": "scratch", "emptyDir": {}}, {"name": "config", "configMap": {"name": "c"}},
            {"name": "quiet", "emptyDir": {}}, {"name": "data", "persistentVolumeClaim": {"claimName": "gone"}}]}});
    let stored = run_on(Fake::new(ROWS, &[]).with("pods", pod), json!({}), engine()).await.unwrap();
    let problems = stored.problems();
    assert_eq!(problems.len(), 2, "{problems:?}");
    assert!(problems[0].starts_with("warning VolumeDataLeftOut: pods web/p: the data of volume scratch"));
    assert!(problems[1].starts_with("warning NotFound: persistentvolumeclaims web/gone"));
}

#[tokio::test]
async fn hooks_of_annotations_and_of_the_request_are_warnings() {
    let annotated = |name: &str, key: &str| json!({"metadata": {"name": name, "namespace": "web", "annotations": {key: "[\"sync\"]"}}});
    let fake = || {
        Fake::new(ROWS, &["pods web/plain app=db", "pods other/away app=db"])
            .with("pods", annotated("legacy", "hook.backup.velero.io/command"))
            .with("pods", annotated("post", "post.hook.backup.velero.io/command"))
            .with("pods", annotated("restore", "post.hook.restore.velero.io/command"))
    };
    let named = |problems: Vec<String>| -> Vec<String> {
        let hook = |p: String| Some(p.strip_prefix("warning HookNotRun: ")?.split(':').next()?.to_owned());
        let mut names: Vec<String> = problems.into_iter().filter_map(hook).collect();
        names.sort();
        names
    };
    let stored = run_on(fake(), json!({}), engine()).await.unwrap();
    assert_eq!(named(stored.problems()), ["pods web/legacy", "pods web/post"]);
    let hook = json!({"name": "freeze", "includedNamespaces": ["web"], "includedResources": ["pods"],
        "labelSelector": {"matchLabels": {"app": "db"}}, "pre": [{"exec": {"command": ["sync"]}}]});
    let stored = run_on(fake(), json!({"hooks": {"resources": [hook]}}), engine()).await.unwrap();
    assert_eq!(named(stored.problems()), ["pods web/legacy", "pods web/plain", "pods web/post"]);
}

#[tokio::test]
async fn requests_for_volume_data_are_refused_and_nothing_is_stored() {
    let policies = "version: v1\nvolumePolicies:\n- conditions: {}\n  action: {type: snapshot}\n";
    let table = [
        ("snapshotMoveData", json!({"snapshotMoveData": true}), None),
        ("snapshotVolumes", json!({"snapshotVolumes": true}), None),
        ("defaultVolumesToFsBackup", json!({"defaultVolumesToFsBackup": true}), None),
        ("volumePolicies[0]", json!({}), Some(policies.to_owned())),
    ];
    for (field, spec, resource_policies) in table {
        let store = memory();
        let options = BackupOptions { resource_policies, ..BackupOptions::default() };
        let driver = Backup::new(Arc::new(Fake::new(ROWS, &["pods a/1"])), store.clone()).with_options(options);
        let report = driver.run(request(spec)).await.unwrap();
        assert_eq!(report.backup.status.phase, Some(BackupPhase::FailedValidation), "{field}");
        assert!(report.backup.status.validation_errors.iter().any(|e| e.contains(field)), "{field}");
        assert!(store.list().await.unwrap().is_empty(), "{field}");
    }
}
