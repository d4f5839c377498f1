//! Vectors E1 to E10: objects that are there already.

use crate::archive::Archive;
use crate::recorder::Fault;
use crate::scene::{Scene, config_map, errors, object, outcome, pod, secret, spec, warnings};
use serde_json::{Value, json};
use velero_core::api::RestoreSpec;

async fn scene(backup: Value, live: Value) -> Scene {
    Scene::with(Archive::default().with([backup]).await, [namespace(), live]).await
}

fn namespace() -> Value {
    object("v1", "Namespace", "", "ns", json!({}))
}

fn update() -> RestoreSpec {
    spec(json!({"existingResourcePolicy": "update"}))
}

fn account(more: Value) -> Value {
    object("v1", "ServiceAccount", "ns", "sa", more)
}

const OLD: &str = "old";

fn with_old_labels(mut object: Value) -> Value {
    object["metadata"]["labels"] = json!({"velero.io/backup-name": OLD, "velero.io/restore-name": OLD});
    object
}

#[tokio::test]
async fn e1_an_identical_account_is_left_as_it_is() {
    let scene = scene(account(json!({})), account(json!({}))).await;
    let report = scene.run(RestoreSpec::default()).await;
    assert_eq!(outcome(&report), ["ServiceAccount ns/sa(skipped)"]);
    assert_eq!((scene.cluster.writes().len(), report.problems.len()), (0, 0));
}

#[tokio::test]
async fn e2_update_replaces_what_differs() {
    let scene = scene(secret("ns", "s", json!({"new": "eA=="})), secret("ns", "s", json!({"old": "eQ=="}))).await;
    let report = scene.run(update()).await;
    assert_eq!(outcome(&report), ["Secret ns/s(updated)"]);
    assert_eq!(report.problems, []);
    let live = scene.get("secrets", "ns", "s").await;
    assert_eq!(live["data"], json!({"new": "eA=="}));
    assert_eq!(live["metadata"]["labels"]["velero.io/restore-name"], "r");
}

#[tokio::test]
async fn e3_to_e5_labels_follow_the_policy() {
    let cases = [
        ("E3", account(json!({})), "serviceaccounts", "sa", update(), "r"),
        ("E4", pod("ns", "p"), "pods", "p", update(), "r"),
        ("E5", pod("ns", "p"), "pods", "p", RestoreSpec::default(), OLD),
    ];
    for (vector, object, resource, name, policy, expected) in cases {
        // The backup holds what a server made of the object, defaults included.
        let live = with_old_labels(object);
        let kept = scene(config_map("ns", "any", json!({})), live.clone()).await.get(resource, "ns", name).await;
        let scene = scene(kept, live).await;
        let report = scene.run(policy).await;
        assert_eq!(report.problems, [], "{vector}");
        let live = scene.get(resource, "ns", name).await;
        assert_eq!(live["metadata"]["labels"]["velero.io/restore-name"], expected, "{vector}");
    }
}

#[tokio::test]
async fn e6_accounts_are_merged() {
    let backup = account(json!({"secrets": [{"name": "secret-1"}], "imagePullSecrets": [{"name": "pull-secret-1"}]}));
    let scene = scene(backup, account(json!({"secrets": [{"name": "own"}]}))).await;
    let report = scene.run(RestoreSpec::default()).await;
    assert_eq!(outcome(&report), ["ServiceAccount ns/sa(updated)"]);
    let live = scene.get("serviceaccounts", "ns", "sa").await;
    assert_eq!(live["secrets"], json!([{"name": "own"}, {"name": "secret-1"}]));
    assert_eq!(live["imagePullSecrets"], json!([{"name": "pull-secret-1"}]));
    assert_eq!(live["metadata"].get("labels"), None);
}

#[tokio::test]
async fn e7_what_differs_is_left_alone_with_a_warning() {
    let scene = scene(config_map("ns", "c", json!({"k": "backup"})), config_map("ns", "c", json!({"k": "live"}))).await;
    let report = scene.run(RestoreSpec::default()).await;
    assert_eq!(outcome(&report), ["ConfigMap ns/c(skipped)"]);
    assert!(warnings(&report)[0].contains("could not restore, ConfigMap:c already exists"));
    assert_eq!(scene.cluster.writes(), Vec::<String>::new());
}

#[tokio::test]
async fn an_update_that_is_refused_is_a_warning_and_the_labels_come_all_the_same() {
    let scene = scene(secret("ns", "s", json!({"a": "eA=="})), secret("ns", "s", json!({"b": "eA=="}))).await;
    scene.cluster.fail("patch secrets ns/s", Fault::Refused(vec!["immutable".into()]));
    let report = scene.run(update()).await;
    assert_eq!((warnings(&report).len(), errors(&report).len()), (1, 0));
    let live = scene.get("secrets", "ns", "s").await;
    assert_eq!(live["data"], json!({"b": "eA=="}));
    assert_eq!(live["metadata"]["labels"]["velero.io/restore-name"], "r");
}

fn service() -> Value {
    object(
        "v1",
        "Service",
        "ns",
        "svc",
        json!({"spec": {"type": "NodePort", "ports": [{"port": 80, "nodePort": 30080}]}}),
    )
}

#[tokio::test]
async fn e8_to_e10_a_refused_service_that_is_there_counts_as_existing() {
    let taken = "Invalid value: 30080: provided port is already allocated";
    for (vector, cause, comes, expected) in [
        ("E8", taken, true, "Service ns/svc(skipped)"),
        ("E9", taken, false, "Service ns/svc(failed)"),
        ("E10", "something else", false, "Service ns/svc(failed)"),
    ] {
        let scene = Scene::with(Archive::default().with([service()]).await, [namespace()]).await;
        let fault = match comes {
            true => Fault::Overtaken(Box::new((service(), "ns".into()))),
            false => Fault::Refused(vec![cause.into()]),
        };
        scene.cluster.fail("create services ns/svc", fault);
        let report = scene.run(RestoreSpec::default()).await;
        assert_eq!(outcome(&report), [expected], "{vector}");
        assert_eq!(errors(&report).len(), usize::from(!comes), "{vector}");
    }
}

#[tokio::test]
async fn what_controllers_make_in_a_new_namespace_is_no_conflict() {
    let account = object("v1", "ServiceAccount", "new", "default", json!({"imagePullSecrets": [{"name": "p"}]}));
    let scene = Scene::of([account, config_map("new", "kube-root-ca.crt", json!({"ca.crt": "old"}))]).await;
    let report = scene.run(RestoreSpec::default()).await;
    assert_eq!(report.problems, []);
    assert_eq!(outcome(&report), ["ConfigMap new/kube-root-ca.crt(skipped)", "ServiceAccount new/default(updated)"]);
    let live = scene.get("serviceaccounts", "new", "default").await;
    assert_eq!(live["imagePullSecrets"], json!([{"name": "p"}]));
}
