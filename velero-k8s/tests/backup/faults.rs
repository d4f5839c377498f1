//! Clusters and callers that misbehave: what can be saved is, what can not is named, and nothing half is visible.

use crate::fake::{Fake, ROWS};
use crate::kit::{NAME, engine, memory, request, run_on};
use serde_json::json;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use velero_core::api::BackupPhase;
use velero_k8s::{Backup, BackupOptions, Error};
use velero_repo::BackupName;

#[tokio::test]
async fn a_list_that_breaks_off_is_an_error_and_the_rest_goes_on() {
    let objects = ["configmaps a/1", "configmaps a/2", "secrets a/s", "pods a/p"];
    let stored = run_on(Fake::new(ROWS, &objects).breaking_list("configmaps"), json!({}), engine()).await.unwrap();
    assert_eq!(stored.items(), ["configmaps a/1", "pods a/p", "secrets a/s"]);
    let problems = stored.problems();
    assert!(problems[0].starts_with("error ListFailed: listing configmaps failed"), "{problems:?}");
    assert!(problems[0].contains("etcd is on fire"), "{problems:?}");
    assert_eq!(stored.report.backup.status.phase, Some(BackupPhase::PartiallyFailed));
}

#[tokio::test]
async fn a_failing_list_of_one_namespace_names_it() {
    let fake = Fake::new(ROWS, &["namespaces a", "configmaps a/1"]).breaking_list("configmaps");
    let stored = run_on(fake, json!({"includedNamespaces": ["a"]}), engine()).await.unwrap();
    assert!(stored.problems()[0].contains("listing configmaps in namespace a failed"), "{:?}", stored.problems());
}

#[tokio::test]
async fn malformed_objects_are_errors_and_the_rest_goes_on() {
    let fake = Fake::new(ROWS, &["secrets a/1", "secrets a/2"])
        .with_garbage("secrets", "{\"metadata\": {\"name\": ")
        .with_garbage("secrets", "{\"data\": {}}");
    let stored = run_on(fake, json!({}), engine()).await.unwrap();
    assert_eq!(stored.items(), ["secrets a/1", "secrets a/2"]);
    let problems = stored.problems();
    assert_eq!(problems.len(), 2);
    assert!(problems.iter().all(|p| p.starts_with("error Malformed: malformed object of secrets (")), "{problems:?}");
}

#[tokio::test]
async fn a_related_object_that_can_not_be_read_is_an_error() {
    let pod = json!({"metadata": {"name": "p", "namespace": "a"}, "spec": {"priorityClassName": "high"}});
    let object = "priorityclasses.scheduling.k8s.io high";
    let fake = Fake::new(ROWS, &[object, "namespaces a", "namespaces b"]).with("pods", pod).breaking_get(object);
    let stored = run_on(fake, json!({"includedNamespaces": ["a"]}), engine()).await.unwrap();
    assert_eq!(stored.items(), ["namespaces a", "pods a/p"]);
    let problems = stored.problems();
    assert!(problems[0].starts_with(&format!("error GetFailed: {object}:")), "{problems:?}");
}

#[tokio::test]
async fn bindings_that_can_not_be_listed_are_an_error() {
    let fake = Fake::new(ROWS, &["namespaces a", "namespaces b", "serviceaccounts a/sa"])
        .with("clusterrolebindings.rbac.authorization.k8s.io", json!({"metadata": {"name": "x"}}))
        .breaking_list("clusterrolebindings.rbac.authorization.k8s.io");
    let stored = run_on(fake, json!({"includedNamespaces": ["a"]}), engine()).await.unwrap();
    assert_eq!(stored.items(), ["namespaces a", "serviceaccounts a/sa"]);
    assert_eq!(stored.problems().iter().filter(|p| p.starts_with("error ListFailed")).count(), 1);
}

#[tokio::test]
async fn names_that_make_no_path_are_errors() {
    let fake =
        Fake::new(ROWS, &["secrets a/good"]).with("secrets", json!({"metadata": {"name": "../x", "namespace": "a"}}));
    let stored = run_on(fake, json!({}), engine()).await.unwrap();
    assert_eq!(stored.items(), ["secrets a/good"]);
    assert!(stored.problems()[0].starts_with("error Unwritable: secrets a/../x"), "{:?}", stored.problems());
}

#[tokio::test]
async fn a_cancelled_run_leaves_nothing_and_can_be_repeated() {
    let objects: Vec<String> = (0..40).map(|n| format!("secrets a/{n}")).collect();
    let texts: Vec<&str> = objects.iter().map(String::as_str).collect();
    for limit in [0, 1, 7, 39] {
        let (store, cancel) = (memory(), CancellationToken::new());
        let mut fake = Fake::new(ROWS, &texts);
        fake.cancel_after = Some((limit, cancel.clone()));
        let options = BackupOptions { cancel, ..engine() };
        let driver = Backup::new(Arc::new(fake), store.clone()).with_options(options);
        let outcome = driver.run(request(json!({}))).await;
        assert!(matches!(outcome, Err(Error::Cancelled)), "after {limit}: {outcome:?}");
        assert!(store.list().await.unwrap().is_empty(), "after {limit}");
        assert!(store.objects(&BackupName::new(NAME).unwrap()).await.unwrap().is_empty(), "after {limit}");
        let again = Backup::new(Arc::new(Fake::new(ROWS, &texts)), store.clone());
        assert_eq!(again.run(request(json!({}))).await.unwrap().backup.status.phase, Some(BackupPhase::Completed));
    }
}

#[tokio::test]
async fn a_name_that_is_no_name_is_refused_at_once() {
    let driver = Backup::new(Arc::new(Fake::new(ROWS, &[])), memory());
    let mut bad = request(json!({}));
    bad.metadata.name = "Not/A/Name".into();
    assert!(matches!(driver.run(bad).await, Err(Error::Repo(_))));
}
