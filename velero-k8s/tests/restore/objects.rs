//! Vectors R15 and R18 to R25: what becomes of single objects, and namespaces.

use crate::archive::Archive;
use crate::scene::{Scene, config_map, errors, object, outcome, pod, request, secret, spec, volume, warnings};
use serde_json::{Value, json};
use velero_core::api::{RestorePhase, RestoreSpec};
use velero_core::order::Priorities;
use velero_k8s::RestoreOptions;

#[tokio::test]
async fn r15_mirror_pods_are_not_created() {
    let mut mirror = pod("ns-1", "mirror");
    mirror["metadata"]["annotations"] = json!({"kubernetes.io/config.mirror": "x"});
    let scene = Scene::of([mirror]).await;
    assert_eq!(outcome(&scene.run(RestoreSpec::default()).await), ["Pod ns-1/mirror(skipped)"]);
    assert_eq!(scene.get("pods", "ns-1", "mirror").await, Value::Null);
}

#[tokio::test]
async fn r18_priorities_order_the_steps() {
    let account = |name: &str| object("v1", "ServiceAccount", "ns-1", name, json!({}));
    let claim = object("v1", "PersistentVolumeClaim", "ns-1", "c", json!({"spec": {"volumeName": "pv-1"}}));
    let objects = [account("sa-1"), claim, pod("ns-1", "p"), volume("pv-1", "Retain"), volume("pv-2", "Retain")];
    let scene = Scene::of(objects).await;
    let priorities = Priorities::parse("persistentvolumes,persistentvolumeclaims,serviceaccounts").unwrap();
    let options = RestoreOptions { priorities, concurrency: 1, ..RestoreOptions::default() };
    scene.driver(options).run(request(RestoreSpec::default())).await.unwrap();
    let order = [
        "namespaces ns-1",
        "persistentvolumes pv-1",
        "persistentvolumes pv-2",
        "persistentvolumeclaims ns-1/c",
        "serviceaccounts ns-1/sa-1",
        "pods ns-1/p",
    ];
    assert_eq!(scene.cluster.sequence(), order.map(|write| format!("create {write}")));
}

#[tokio::test]
async fn r19_an_archive_without_resources_is_a_warning() {
    let scene = Scene::of([]).await;
    let report = scene.run(RestoreSpec::default()).await;
    assert_eq!((errors(&report).len(), warnings(&report).len()), (0, 1));
    assert_eq!(report.restore.status.phase, Some(RestorePhase::Completed));
}

#[tokio::test]
async fn r20_one_damaged_object_does_not_keep_the_others() {
    let archive = Archive::default().with([config_map("ns-1", "good", json!({}))]).await;
    let scene = Scene::with(archive.raw("configmaps", "ns-1", "bad", "{ this is not JSON"), []).await;
    let report = scene.run(RestoreSpec::default()).await;
    assert_eq!(outcome(&report), ["ConfigMap ns-1/good(created)"]);
    assert_eq!(errors(&report).len(), 1);
    assert!(errors(&report)[0].contains("configmaps ns-1/bad"), "{:?}", errors(&report));
    assert_eq!(report.restore.status.phase, Some(RestorePhase::PartiallyFailed));
    assert_eq!(report.restore.status.errors, 1);
}

#[tokio::test]
async fn r21_r22_r25_identity_and_status_go_and_the_rest_stays() {
    let manager = json!([{"manager": "a", "operation": "Apply", "apiVersion": "v1", "fieldsType": "FieldsV1",
        "time": "2024-01-01T00:00:00Z", "fieldsV1": {"f:spec": {}}}]);
    let metadata = json!({"uid": "old", "resourceVersion": "9", "labels": {"l": "1"}, "annotations": {"a": "1"},
        "finalizers": ["x/y"], "managedFields": manager, "ownerReferences": [{"apiVersion": "v1", "kind": "X", "name": "x", "uid": "u"}]});
    let mut full = pod("ns-1", "full");
    json_patch::merge(&mut full["metadata"], &metadata);
    full["status"]["podIP"] = json!("10.0.0.1");
    let scene = Scene::of([full]).await;
    let report = scene.run(RestoreSpec::default()).await;
    assert_eq!(errors(&report), Vec::<String>::new());
    let live = scene.get("pods", "ns-1", "full").await;
    let expected = json!({"l": "1", "velero.io/backup-name": "b", "velero.io/restore-name": "r"});
    assert_eq!(live["metadata"]["labels"], expected);
    assert_eq!(live["metadata"]["annotations"], json!({"a": "1"}));
    assert_eq!(live["metadata"]["finalizers"], json!(["x/y"]));
    assert_eq!(live["metadata"]["managedFields"], manager, "R25");
    assert_ne!(live["metadata"]["uid"], "old");
    assert_eq!(live["metadata"].get("ownerReferences"), None);
    assert_eq!(live["status"].get("podIP"), None, "R22");
}

#[tokio::test]
async fn r23_long_names_are_cut_in_labels() {
    let scene = Scene::of([config_map("ns-1", "c", json!({}))]).await;
    let mut wish = request(RestoreSpec::default());
    wish.metadata.name = "a".repeat(64);
    scene.driver(RestoreOptions::default()).run(wish).await.unwrap();
    let live = scene.get("configmaps", "ns-1", "c").await;
    assert_eq!(live["metadata"]["labels"]["velero.io/restore-name"], format!("{}ffe054", "a".repeat(57)));
}

#[tokio::test]
async fn r24_what_has_run_to_its_end_is_not_run_again() {
    let phase = |name: &str, phase: &str| {
        let mut pod = pod("ns", name);
        pod["status"]["phase"] = json!(phase);
        pod
    };
    let job = |name: &str, status: Value| {
        let template = json!({"spec": {"restartPolicy": "Never", "containers": [{"name": "c", "image": "i"}]}});
        object("batch/v1", "Job", "ns", name, json!({"spec": {"template": template}, "status": status}))
    };
    let other = object("v1", "ConfigMap", "ns", "other", json!({"status": {"completionTime": "x"}}));
    let done = job("done", json!({"completionTime": "x"}));
    let objects = [
        phase("failed", "Failed"),
        phase("succeeded", "Succeeded"),
        phase("pending", "Pending"),
        phase("running", "Running"),
        done,
        job("empty", json!({"completionTime": ""})),
        job("without", json!({})),
        other,
    ];
    let report = Scene::of(objects).await.run(RestoreSpec::default()).await;
    let expected = [
        "ConfigMap ns/other(created)",
        "Job ns/empty(created)",
        "Job ns/without(created)",
        "Pod ns/pending(created)",
        "Pod ns/running(created)",
    ];
    assert_eq!(outcome(&report), expected);
}

#[tokio::test]
async fn t12_a_status_comes_back_when_asked_for() {
    let mut account =
        object("v1", "Service", "ns", "s", json!({"spec": {"type": "LoadBalancer", "ports": [{"port": 80}]}}));
    account["status"] = json!({"loadBalancer": {"ingress": [{"ip": "1.2.3.4"}]}});
    for (wish, expected) in
        [(json!({}), None), (json!({"restoreStatus": {"includedResources": ["services"]}}), Some("1.2.3.4"))]
    {
        let scene = Scene::of([account.clone()]).await;
        let report = scene.run(spec(wish)).await;
        assert_eq!(errors(&report).len() + warnings(&report).len(), 0, "{:?}", report.problems);
        let live = scene.get("services", "ns", "s").await;
        assert_eq!(live["status"]["loadBalancer"]["ingress"][0]["ip"].as_str(), expected);
    }
}

#[tokio::test]
async fn namespaces_come_from_the_archive_or_bare_and_existing_ones_are_used() {
    let archived = object("v1", "Namespace", "", "ns-1", json!({"metadata": {"labels": {"team": "x"}, "uid": "old"}}));
    let objects =
        [archived, secret("ns-1", "s", json!({})), secret("ns-2", "s", json!({})), secret("there", "s", json!({}))];
    let live = object("v1", "Namespace", "", "there", json!({"metadata": {"labels": {"own": "1"}}}));
    let scene = Scene::with(Archive::default().with(objects).await, [live]).await;
    let report = scene.run(spec(json!({"includeClusterResources": false}))).await;
    assert_eq!(report.resource_list["v1/Namespace"], ["ns-1(created)", "ns-2(created)"]);
    assert_eq!(scene.get("namespaces", "", "ns-1").await["metadata"]["labels"]["team"], "x");
    assert_eq!(scene.get("namespaces", "", "there").await["metadata"]["labels"]["own"], "1");
}

#[tokio::test]
async fn hooks_that_are_not_run_are_reported() {
    let mut hooked = pod("ns", "hooked");
    hooked["metadata"]["annotations"] = json!({"post.hook.restore.velero.io/command": "[\"/bin/true\"]"});
    let report = Scene::of([hooked]).await.run(RestoreSpec::default()).await;
    let reasons: Vec<_> = report.problems.iter().map(|p| p.reason.as_str()).collect();
    assert_eq!(reasons, ["HookNotRun"]);
}
