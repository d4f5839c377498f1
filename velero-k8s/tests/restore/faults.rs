//! Lost requests, races, cancellation, and runs that are done again.

use crate::archive::Archive;
use crate::recorder::Fault;
use crate::scene::{Scene, config_map, errors, object, outcome, pod, request, secret, warnings};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use velero_core::api::RestoreSpec;
use velero_k8s::{Cluster, Error, RestoreOptions};
use velero_repo::RestoreName;

fn many() -> Vec<Value> {
    (0..20).map(|n| config_map("ns", &format!("c-{n:02}"), json!({"n": n.to_string()}))).collect()
}

#[tokio::test]
async fn a_creation_that_is_lost_or_goes_unanswered_happens_once() {
    for (fault, attempts) in [(Fault::Lost, 2), (Fault::Unanswered, 1)] {
        let scene = Scene::of([config_map("ns", "c", json!({"k": "v"}))]).await;
        scene.cluster.fail("create configmaps ns/c", fault);
        let report = scene.run(RestoreSpec::default()).await;
        assert_eq!(outcome(&report), ["ConfigMap ns/c(created)"]);
        assert_eq!(report.problems, []);
        let tried = scene.cluster.writes().iter().filter(|write| *write == "create configmaps ns/c").count();
        assert_eq!(tried, attempts);
    }
}

#[tokio::test]
async fn an_object_that_somebody_creates_in_the_meantime_is_existing() {
    let scene = Scene::of([config_map("ns", "c", json!({"k": "v"}))]).await;
    let other = config_map("ns", "c", json!({"k": "other"}));
    scene.cluster.fail("create configmaps ns/c", Fault::Overtaken(Box::new((other, "ns".into()))));
    let report = scene.run(RestoreSpec::default()).await;
    assert_eq!(outcome(&report), ["ConfigMap ns/c(skipped)"]);
    assert_eq!(warnings(&report).len(), 1);
    assert_eq!(scene.get("configmaps", "ns", "c").await["data"]["k"], "other");
}

#[tokio::test]
async fn an_existing_object_that_can_not_be_read_counts_as_not_restored() {
    let scene = Scene::of([config_map("ns", "c", json!({"k": "v"}))]).await;
    let other = config_map("ns", "c", json!({"k": "other"}));
    scene.cluster.fail("create configmaps ns/c", Fault::Overtaken(Box::new((other, "ns".into()))));
    scene.cluster.fail("get configmaps ns/c", Fault::Refused(vec!["no reading".into()]));
    let report = scene.run(RestoreSpec::default()).await;
    assert_eq!(outcome(&report), ["ConfigMap ns/c(failed)"]);
    let errors = errors(&report);
    assert!(errors.len() == 1 && errors[0].contains("exists and could not be read"), "{errors:?}");
}

#[tokio::test]
async fn a_cancelled_run_stops_between_objects_and_the_same_restore_completes_later() {
    let scene = Scene::of(many()).await;
    let cancel = CancellationToken::new();
    scene.cluster.fail("create configmaps ns/c-03", Fault::Cancels(cancel.clone()));
    let options = RestoreOptions { cancel, concurrency: 1, ..RestoreOptions::default() };
    let cancelled = scene.driver(options).run(request(RestoreSpec::default())).await;
    assert!(matches!(cancelled, Err(Error::Cancelled)));
    assert!(scene.cluster.writes().len() < 10, "{:?}", scene.cluster.writes());
    assert_eq!(scene.store.restore_objects(&RestoreName::new("r").unwrap()).await.unwrap(), []);
    let report = scene.run(RestoreSpec::default()).await;
    assert_eq!(report.problems, []);
    let (created, skipped) = outcome(&report).into_iter().partition::<Vec<_>, _>(|entry| entry.ends_with("(created)"));
    assert_eq!(created.len() + skipped.len(), 20);
    assert!(skipped.len() >= 4 && skipped.iter().all(|entry| entry.ends_with("(skipped)")), "{skipped:?}");
}

#[tokio::test]
async fn a_plan_that_was_cut_short_is_applied_again() {
    let scene = Scene::of(many()).await;
    let plan = scene.driver(RestoreOptions::default()).plan(request(RestoreSpec::default())).await.unwrap();
    let cancel = CancellationToken::new();
    scene.cluster.fail("create configmaps ns/c-03", Fault::Cancels(cancel.clone()));
    let options = RestoreOptions { cancel, concurrency: 1, ..RestoreOptions::default() };
    assert!(scene.driver(options).apply(&plan).await.is_err());
    let report = scene.driver(RestoreOptions::default()).apply(&plan).await.unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(outcome(&report).len(), 20);
}

#[tokio::test]
async fn a_second_restore_finds_nothing_to_do_and_nothing_to_warn_of() {
    let service = object("v1", "Service", "ns", "s", json!({"spec": {"type": "NodePort", "ports": [{"port": 80}]}}));
    let claim = object(
        "v1",
        "PersistentVolumeClaim",
        "ns",
        "c",
        json!({"spec": {"accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}}}}),
    );
    let first = Scene::of([service, claim, pod("ns", "p"), config_map("ns", "c", json!({}))]).await;
    first.run(RestoreSpec::default()).await;
    let mut kept = Vec::new();
    for (resource, name) in [("services", "s"), ("persistentvolumeclaims", "c"), ("pods", "p"), ("configmaps", "c")] {
        kept.push(first.get(resource, "ns", name).await);
    }
    let scene =
        Scene::with(Archive::default().with(kept.clone()).await, [object("v1", "Namespace", "", "ns", json!({}))])
            .await;
    let options = || RestoreOptions { keep_out_of_store: true, ..RestoreOptions::default() };
    let created = scene.driver(options()).run(request(RestoreSpec::default())).await.unwrap();
    assert_eq!(created.problems, []);
    let again = scene.driver(options()).run(request(RestoreSpec::default())).await.unwrap();
    assert_eq!(again.problems, []);
    assert!(outcome(&again).iter().all(|entry| entry.ends_with("(skipped)")), "{:?}", outcome(&again));
}

fn terminating() -> Value {
    let metadata = json!({"deletionTimestamp": "2024-01-01T00:00:00Z", "finalizers": ["x/hold"]});
    object("v1", "Namespace", "", "ns", json!({"metadata": metadata, "status": {"phase": "Terminating"}}))
}

#[tokio::test]
async fn a_namespace_that_does_not_go_away_fails_its_objects_at_once() {
    let objects = [secret("ns", "a", json!({})), secret("ns", "b", json!({})), secret("other", "c", json!({}))];
    let scene = Scene::with(Archive::default().with(objects).await, [terminating()]).await;
    let options = RestoreOptions { terminating_timeout: Duration::from_millis(50), ..RestoreOptions::default() };
    let report = scene.driver(options).run(request(RestoreSpec::default())).await.unwrap();
    assert_eq!(outcome(&report), ["Secret ns/a(failed)", "Secret ns/b(failed)", "Secret other/c(created)"]);
    assert_eq!(errors(&report).len(), 3);
    assert!(errors(&report)[0].contains("namespace ns"), "{:?}", errors(&report));
}

#[tokio::test]
async fn a_namespace_that_goes_away_is_waited_for_and_made_anew() {
    let held = object("v1", "Namespace", "", "ns", json!({"metadata": {"finalizers": ["x/hold"]}}));
    let scene = Scene::with(Archive::default().with([pod("ns", "p")]).await, [held]).await;
    let cluster = scene.cluster.inner.clone();
    let row = cluster.discover().await.unwrap().table.resolve("namespaces").unwrap().clone();
    cluster.delete(&row, "", "ns").await.unwrap();
    let release = async move {
        tokio::time::sleep(Duration::from_millis(100)).await;
        let patch = json!({"metadata": {"finalizers": null}});
        cluster.patch(&row, "", "ns", velero_k8s::cluster::Patch::Merge, &patch).await.unwrap();
    };
    let options = RestoreOptions { terminating_timeout: Duration::from_secs(10), ..RestoreOptions::default() };
    let driver = scene.driver(options);
    let (report, ()) = tokio::join!(driver.run(request(RestoreSpec::default())), release);
    let report = report.unwrap();
    assert_eq!(report.problems, []);
    assert_eq!(outcome(&report), ["Pod ns/p(created)"]);
}
