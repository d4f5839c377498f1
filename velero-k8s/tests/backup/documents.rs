//! What lies in the store beside the tarball, and what a dry run tells.

use crate::fake::{Fake, ROWS};
use crate::kit::{engine, memory, request, run_on};
use serde_json::{Value, json};
use std::sync::Arc;
use velero_core::api::BackupPhase;
use velero_k8s::{Backup, BackupOptions, Explained};
use velero_repo::Document;

#[tokio::test]
async fn objects_are_stored_as_received_with_version_and_kind() {
    let odd = json!({"metadata": {"name": "odd", "namespace": "a", "managedFields": [{"x": 1}], "uid": "u"},
        "data": {"big": 9007199254740993i64, "text": "<&\u{2028}"}, "status": {}});
    let stored = run_on(Fake::new(ROWS, &[]).with("configmaps", odd.clone()), json!({}), engine()).await.unwrap();
    let mut expected = odd;
    expected["apiVersion"] = json!("v1");
    expected["kind"] = json!("ConfigMap");
    assert_eq!(stored.bodies["configmaps a/odd"], expected);
}

#[tokio::test]
async fn the_backup_document_is_what_a_syncing_velero_expects() {
    let fake = Fake::new(ROWS, &["namespaces a", "pods a/1"]);
    let stored = run_on(fake, json!({}), BackupOptions::default()).await.unwrap();
    let backup = stored.json(Document::Backup).await;
    let check = |pointer: &str, expected: Value| assert_eq!(backup.pointer(pointer), Some(&expected), "{pointer}");
    check("/apiVersion", json!("velero.io/v1"));
    check("/kind", json!("Backup"));
    check("/metadata/name", json!("b"));
    check("/metadata/namespace", json!("velero"));
    check("/metadata/labels/velero.io~1storage-location", json!("default"));
    check("/spec/includedNamespaces", json!(["*"]));
    check("/spec/storageLocation", json!("default"));
    check("/spec/ttl", json!("720h0m0s"));
    check("/spec/snapshotMoveData", json!(false));
    check("/status/phase", json!("Completed"));
    check("/status/version", json!(1));
    check("/status/formatVersion", json!("1.1.0"));
    check("/status/progress", json!({"totalItems": 2, "itemsBackedUp": 2}));
    assert!(stored.text(Document::Backup).await.contains("\n  \"kind\""), "pretty-printed");
    for empty in [Document::PodVolumeBackups, Document::VolumeSnapshots, Document::ItemOperations, Document::VolumeInfo]
    {
        assert_eq!(stored.text(empty).await, "[]\n", "{empty:?}");
    }
}

#[tokio::test]
async fn log_and_results_name_the_object_of_each_problem() {
    let claim = json!({"metadata": {"name": "data", "namespace": "web"}, "spec": {"volumeName": "pv"}});
    let fake = Fake::new(ROWS, &["pods web/1"]).with("persistentvolumeclaims", claim).breaking_list("configmaps");
    let stored = run_on(fake, json!({}), engine()).await.unwrap();
    let results = stored.json(Document::Results).await;
    assert!(results["warnings"]["namespaces"]["web"][0].as_str().unwrap().contains("web/data"), "{results}");
    assert!(results["errors"]["velero"][0].as_str().unwrap().contains("configmaps"), "{results}");
    let status = &stored.report.backup.status;
    assert_eq!((status.warnings, status.errors, status.phase.clone()), (1, 1, Some(BackupPhase::PartiallyFailed)));
    let log = stored.text(Document::Log).await;
    let line = log.lines().find(|line| line.contains("VolumeDataLeftOut")).unwrap();
    assert!(line.starts_with("time=\"20") && line.contains("level=warning"), "{line}");
    assert!(line.ends_with("resource=persistentvolumeclaims namespace=web name=data"), "{line}");
    assert!(log.contains("msg=\"listed\" resource=pods objects=1"), "{log}");
}

#[tokio::test]
async fn a_backup_of_the_same_name_is_refused() {
    let store = memory();
    let driver = || Backup::new(Arc::new(Fake::new(ROWS, &["pods a/1"])), store.clone());
    driver().run(request(json!({}))).await.unwrap();
    let error = driver().run(request(json!({}))).await.unwrap_err();
    assert!(matches!(error, velero_k8s::Error::Repo(velero_repo::Error::Exists { .. })), "{error:?}");
}

#[tokio::test]
async fn resource_policies_may_come_from_a_config_map() {
    let text = "version: v1\nincludeExcludePolicy:\n  excludedNamespaceScopedResources: [secrets]\n";
    let map = json!({"metadata": {"name": "p", "namespace": "velero"}, "data": {"any": text}});
    let spec = |name: &str| json!({"resourcePolicy": {"kind": "ConfigMap", "name": name}, "includedNamespaces": ["a"]});
    let fake = || Fake::new(ROWS, &["namespaces a", "pods a/1", "secrets a/s"]).with("configmaps", map.clone());
    let stored = run_on(fake(), spec("p"), BackupOptions::default()).await.unwrap();
    assert_eq!(stored.items(), ["namespaces a", "pods a/1"]);
    let report = Backup::new(Arc::new(fake()), memory()).run(request(spec("gone"))).await.unwrap();
    assert_eq!(report.backup.status.phase, Some(BackupPhase::FailedValidation));
    let faults = report.backup.status.validation_errors;
    assert!(faults.len() == 1 && faults[0].contains("velero/gone does not exist"), "{faults:?}");
}

#[tokio::test]
async fn a_dry_run_tells_every_decision_and_stores_nothing() {
    let objects = [
        "namespaces a",
        "namespaces b",
        "pods a/1 app=x",
        "pods a/2",
        "secrets a/s app=x",
        "configmaps a/c app=x,velero.io/exclude-from-backup=true",
    ];
    let store = memory();
    let driver = Backup::new(Arc::new(Fake::new(ROWS, &objects)), store.clone());
    let spec = json!({"includedNamespaces": ["a"], "excludedNamespaceScopedResources": ["secrets"],
        "labelSelector": {"matchLabels": {"app": "x"}}});
    let mut told = Vec::new();
    let explain = |e: Explained| told.push(format!("{}{}", if e.included { "+" } else { "-" }, e.subject));
    let dry = driver.explain(request(spec), explain).await.unwrap();
    let included: Vec<String> = dry.included.ids().map(|id| id.to_string()).collect();
    assert_eq!(included, ["namespaces a", "pods a/1"]);
    for line in ["+pods a/1", "-pods a/2", "-configmaps a/c", "-all secrets", "+namespaces a", "-namespaces b"] {
        assert!(told.iter().any(|t| t == line), "{line} in {told:?}");
    }
    assert!(store.list().await.unwrap().is_empty());
    let real = driver.run(request(json!({"includedNamespaces": ["a"]}))).await.unwrap();
    assert_eq!(real.backup.status.phase, Some(BackupPhase::Completed));
}

#[test]
fn runs_can_be_spawned() {
    fn sendable<T: Send>(_: T) {}
    let driver = Backup::new(Arc::new(Fake::default()), memory());
    sendable(driver.run(request(json!({}))));
    sendable(driver.dry_run(request(json!({}))));
}
