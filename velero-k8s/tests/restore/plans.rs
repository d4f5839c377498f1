//! Plans: they list every write, survive JSON, and refuse when what they were made for has changed.

use crate::archive::Archive;
use crate::scene::{Scene, config_map, errors, object, outcome, pod, request, secret, spec, volume};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use velero_core::ErrorKind;
use velero_core::api::RestoreSpec;
use velero_core::plan::{Method, Plan};
use velero_k8s::{Cluster, Error, RestoreOptions};
use velero_repo::{BackupName, RestoreName, store::RestoreDocument};

fn definition() -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version = json!({"name": "v1", "served": true, "storage": true, "schema": {"openAPIV3Schema": schema}, "subresources": {"status": {}}});
    let names = json!({"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"});
    let spec = json!({"group": "x.io", "names": names, "scope": "Namespaced", "versions": [version]});
    object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "widgets.x.io", json!({ "spec": spec }))
}

fn mixed() -> Vec<Value> {
    let managed = json!({"metadata": {"managedFields": [{"manager": "a", "operation": "Apply", "apiVersion": "v1",
        "fieldsType": "FieldsV1", "fieldsV1": {}}]}});
    let mut service = object("v1", "Service", "ns", "svc", json!({"spec": {"ports": [{"port": 1}]}}));
    service["status"] = json!({"loadBalancer": {}});
    vec![
        definition(),
        object("v1", "Namespace", "", "ns", json!({})),
        config_map("ns", "plain", json!({"k": "v"})),
        config_map("ns", "kube-root-ca.crt", json!({})),
        object("v1", "ConfigMap", "ns", "managed", managed),
        object("v1", "ServiceAccount", "ns", "default", json!({"imagePullSecrets": [{"name": "p"}]})),
        secret("there", "differs", json!({"a": "eA=="})),
        secret("there", "equal", json!({"a": "eA=="})),
        service,
        pod("ns", "p"),
        volume("pv-1", "Retain"),
    ]
}

async fn scene() -> Scene {
    let widget = json!({"apiVersion": "x.io/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "ns"},
        "spec": {"size": 1}, "status": {"ready": true}})
    .to_string();
    let archive = Archive::default().with(mixed()).await.raw("widgets.x.io", "ns", "w", &widget);
    let live = [
        object("v1", "Namespace", "", "there", json!({})),
        secret("there", "differs", json!({"b": "eA=="})),
        secret("there", "equal", json!({"a": "eA=="})),
    ];
    Scene::with(archive, live).await
}

fn wish() -> RestoreSpec {
    spec(json!({"existingResourcePolicy": "update", "restoreStatus": {"includedResources": ["*"]}}))
}

fn listed(plan: &Plan) -> BTreeSet<String> {
    let verb = |method| match method {
        Method::Create => "create",
        Method::Patch => "patch",
        Method::UpdateStatus => "status",
    };
    let place = |namespace: &str| if namespace.is_empty() { String::new() } else { format!("{namespace}/") };
    plan.writes().map(|w| format!("{} {} {}{}", verb(w.method), w.resource, place(w.namespace), w.name)).collect()
}

#[tokio::test]
async fn a_saved_plan_is_applied_and_nothing_is_written_that_it_does_not_list() {
    let scene = scene().await;
    let driver = scene.driver(RestoreOptions::default());
    let plan = driver.plan(request(wish())).await.unwrap();
    assert_eq!(scene.cluster.writes(), Vec::<String>::new());
    let saved = serde_json::to_string_pretty(&plan).unwrap();
    let plan: Plan = serde_json::from_str(&saved).unwrap();
    let report = driver.apply(&plan).await.unwrap();
    let reasons: Vec<&str> = report.problems.iter().map(|problem| problem.reason.as_str()).collect();
    assert_eq!(reasons, ["DiskUnseen"], "{:?}", report.problems);
    let listed = listed(&plan);
    let unlisted: Vec<_> = scene.cluster.writes().into_iter().filter(|write| !listed.contains(write)).collect();
    assert_eq!(unlisted, Vec::<String>::new());
    for expected in [
        "create widgets.x.io ns/w",
        "status widgets.x.io ns/w",
        "patch configmaps ns/managed",
        "patch secrets there/differs",
    ] {
        assert!(listed.contains(expected) && scene.cluster.writes().contains(&expected.to_owned()), "{expected}");
    }
    assert!(
        !listed
            .iter()
            .any(|write| write.contains("ns/plain") && !write.starts_with("create") && !write.starts_with("patch"))
    );
    assert_eq!(scene.get("widgets", "ns", "w").await["status"]["ready"], true);
}

#[tokio::test]
async fn custom_resources_of_a_definition_that_is_not_restored_are_errors_by_name() {
    let scene = scene().await;
    let plan = scene.driver(RestoreOptions::default());
    let plan = plan.plan(request(spec(json!({"excludedResources": ["customresourcedefinitions"]})))).await.unwrap();
    let widget: Vec<_> = plan.problems.iter().filter(|p| p.reason == "NotServed").map(ToString::to_string).collect();
    assert_eq!(widget.len(), 1);
    assert!(widget[0].contains("widgets.x.io ns/w") && widget[0].contains("Widget of x.io/v1"), "{widget:?}");
}

async fn stale(scene: &Scene, plan: &Plan) -> String {
    match scene.driver(RestoreOptions::default()).apply(plan).await {
        Err(Error::Core(error)) if error.kind() == ErrorKind::Stale => error.to_string(),
        other => panic!("not refused as stale: {other:?}"),
    }
}

#[tokio::test]
async fn a_plan_refuses_when_a_live_object_appeared_changed_or_went() {
    let scene = scene().await;
    let plan = scene.driver(RestoreOptions::default()).plan(request(wish())).await.unwrap();
    let table = scene.cluster.discover().await.unwrap().table;
    let row = |name: &str| table.resolve(name).unwrap().clone();
    scene.patch("secrets", "there", "differs", json!({"data": {"c": "eA=="}})).await;
    scene.cluster.inner.delete(&row("secrets"), "there", "equal").await.unwrap();
    scene.cluster.inner.create(&row("pv"), "", &volume("pv-1", "Delete"), None).await.unwrap();
    let refused = stale(&scene, &plan).await;
    for change in ["secrets there/differs changed", "secrets there/equal is gone", "persistentvolumes pv-1 exists now"]
    {
        assert!(refused.contains(change), "{change}: {refused}");
    }
    assert_eq!(scene.cluster.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn a_plan_refuses_another_backup_another_cluster_and_another_version() {
    let scene = scene().await;
    let plan = scene.driver(RestoreOptions::default()).plan(request(wish())).await.unwrap();
    let mut other = plan.clone();
    other.backup.contents_sha256 = "00".into();
    assert!(stale(&scene, &other).await.contains("backup b"));
    let mut other = plan.clone();
    other.cluster = "elsewhere".into();
    assert!(stale(&scene, &other).await.contains("elsewhere"));
    let other = Plan { version: 2, ..plan };
    assert!(scene.driver(RestoreOptions::default()).apply(&other).await.unwrap_err().to_string().contains("version 2"));
    assert_eq!(scene.cluster.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn documents_are_stored_and_the_name_can_not_be_used_again() {
    let scene = scene().await;
    let report = scene.run(wish()).await;
    let name = RestoreName::new("r").unwrap();
    let read = |document| scene.store.read_restore(&name, document, 1 << 20);
    let stored: Value = serde_json::from_slice(&read(RestoreDocument::Restore).await.unwrap().unwrap()).unwrap();
    assert_eq!(stored["status"]["phase"], "Completed");
    assert_eq!(stored["status"]["progress"]["totalItems"], stored["status"]["progress"]["itemsRestored"]);
    let list: Value = serde_json::from_slice(&read(RestoreDocument::ResourceList).await.unwrap().unwrap()).unwrap();
    assert_eq!(list, json!(report.resource_list));
    assert!(
        read(RestoreDocument::Log).await.unwrap().is_some() && read(RestoreDocument::Results).await.unwrap().is_some()
    );
    let before = scene.cluster.writes();
    let again = scene.driver(RestoreOptions::default()).run(request(wish())).await.unwrap_err().to_string();
    assert_eq!(again, "restore r exists already");
    assert_eq!(scene.cluster.writes(), before);
}

#[tokio::test]
async fn a_run_that_was_killed_while_it_stored_its_documents_is_completed_by_the_same_restore() {
    let scene = scene().await;
    let (backup, name) = (BackupName::new("b").unwrap(), RestoreName::new("r").unwrap());
    scene.store.put_restore(&backup, &name, RestoreDocument::Log, "half".into()).await.unwrap();
    let report = scene.run(wish()).await;
    assert_eq!(errors(&report), Vec::<String>::new());
    let log = scene.store.read_restore(&name, RestoreDocument::Log, 1 << 20).await.unwrap().unwrap();
    assert_ne!(log, "half");
}

#[tokio::test]
async fn documents_can_be_kept_out_of_the_store() {
    let scene = scene().await;
    let options = RestoreOptions { keep_out_of_store: true, ..RestoreOptions::default() };
    scene.driver(options).run(request(wish())).await.unwrap();
    assert_eq!(scene.store.restore_objects(&RestoreName::new("r").unwrap()).await.unwrap(), []);
}

#[tokio::test]
async fn modifiers_of_a_plan_are_applied_with_it() {
    let modifiers = "version: v1\nresourceModifierRules:\n- conditions: {groupResource: configmaps}\n  mergePatches:\n  - patchData: '{\"data\": {\"k\": \"modified\"}}'\n";
    let scene = Scene::of([config_map("ns", "c", json!({"k": "v"}))]).await;
    let options = RestoreOptions { resource_modifiers: Some(modifiers.into()), ..RestoreOptions::default() };
    let plan = scene.driver(options).plan(request(RestoreSpec::default())).await.unwrap();
    let report = scene.driver(RestoreOptions::default()).apply(&plan).await.unwrap();
    assert_eq!(outcome(&report), ["ConfigMap ns/c(created)"]);
    assert_eq!(scene.get("configmaps", "ns", "c").await["data"]["k"], "modified");
}
