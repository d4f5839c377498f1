//! API versions: which copy of an object is restored when the backup holds several.

use crate::archive::Archive;
use crate::scene::{Scene, config_map, errors, object, request, warnings};
use serde_json::{Value, json};
use velero_core::ItemId;
use velero_core::api::RestoreSpec;
use velero_k8s::RestoreOptions;

/// The definition of widgets that serves `versions`, the preferred one first.
fn definition(versions: &[&str]) -> Value {
    let schema = json!({"type": "object", "x-kubernetes-preserve-unknown-fields": true});
    let version = |at: usize, name: &str| json!({"name": name, "served": true, "storage": at == 0, "schema": {"openAPIV3Schema": schema}});
    let versions: Vec<Value> = versions.iter().enumerate().map(|(at, name)| version(at, name)).collect();
    let names = json!({"plural": "widgets", "singular": "widget", "kind": "Widget", "listKind": "WidgetList"});
    let spec = json!({"group": "x.io", "names": names, "scope": "Namespaced", "versions": versions});
    object("apiextensions.k8s.io/v1", "CustomResourceDefinition", "", "widgets.x.io", json!({ "spec": spec }))
}

/// A widget in all `versions` of the source, which prefers the first.
fn backup(versions: &[&str]) -> Archive {
    let body =
        |version: &str| object(&format!("x.io/{version}"), "Widget", "ns", "w", json!({"spec": {"from": version}}));
    let copies = versions.iter().enumerate().map(|(at, v)| (*v, at == 0, body(v).to_string()));
    copies.fold(Archive::default(), |archive, (version, preferred, body)| {
        archive.copy(ItemId::new("widgets.x.io", "ns", "w"), version, preferred, &body)
    })
}

fn choosing() -> RestoreOptions {
    RestoreOptions { api_group_versions: true, ..RestoreOptions::default() }
}

#[tokio::test]
async fn the_version_that_suits_the_target_is_restored_and_a_plan_settles_it() {
    let user =
        |text: &str| config_map("velero", "enableapigroupversions", json!({"restoreResourcesVersionPriority": text}));
    for (case, source, target, user, expected) in [
        ("the target's", &["v2", "v1"][..], &["v1"][..], None, "v1"),
        ("the source's", &["v2", "v1"], &["v3", "v2"], None, "v2"),
        ("what both have", &["v3", "v2beta1", "v1"], &["v4", "v1"], None, "v1"),
        ("the user's", &["v2", "v1"], &["v2", "v1"], Some(user("widgets.x.io = v1")), "v1"),
    ] {
        let live = [definition(target)].into_iter().chain(user);
        let scene = Scene::with(backup(source), live).await;
        let plan = scene.driver(choosing()).plan(request(RestoreSpec::default())).await.unwrap();
        let report = scene.driver(RestoreOptions::default()).apply(&plan).await.unwrap();
        assert_eq!(errors(&report), Vec::<String>::new(), "{case}");
        let widget = scene.get("widgets", "ns", "w").await;
        assert_eq!(widget["spec"]["from"], expected, "{case}");
        let other = (expected != source[0]).then(|| expected.to_owned());
        assert_eq!(plan.versions.get("widgets.x.io").cloned(), other, "{case}");
    }
}

#[tokio::test]
async fn without_the_feature_the_source_s_version_counts() {
    let scene = Scene::with(backup(&["v2", "v1"]), [definition(&["v1"])]).await;
    let report = scene.run(RestoreSpec::default()).await;
    assert!(errors(&report)[0].contains("does not serve Widget of x.io/v2"), "{:?}", report.problems);
}

#[tokio::test]
async fn priorities_that_say_nothing_are_warned_about() {
    let user =
        config_map("velero", "enableapigroupversions", json!({"restoreResourcesVersionPriority": "widgets.x.io: v1"}));
    let scene = Scene::with(backup(&["v2", "v1"]), [definition(&["v2", "v1"]), user]).await;
    let report = scene.driver(choosing()).run(request(RestoreSpec::default())).await.unwrap();
    assert!(warnings(&report)[0].contains("is no resource=version,version"), "{:?}", report.problems);
    assert_eq!(scene.get("widgets", "ns", "w").await["spec"]["from"], "v2");
}
