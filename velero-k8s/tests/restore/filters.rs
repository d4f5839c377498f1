//! Vectors R1 to R17: what a restore takes from the archive, and where it goes.

use crate::scene::{Scene, deployment, errors, outcome, pod, request, spec, volume, warnings};
use serde_json::{Value, json};
use velero_k8s::RestoreOptions;

fn labelled(mut object: Value, labels: Value) -> Value {
    object["metadata"]["labels"] = labels;
    object
}

/// The archive *R* of the spec; pod-1, deploy-2 and pv-1 are labelled `a=b`, pod-2 is labelled `c=d`.
fn archive() -> [Value; 6] {
    [
        labelled(pod("ns-1", "pod-1"), json!({"a": "b"})),
        labelled(pod("ns-2", "pod-2"), json!({"c": "d"})),
        deployment("ns-1", "deploy-1"),
        labelled(deployment("ns-2", "deploy-2"), json!({"a": "b"})),
        labelled(volume("pv-1", "Retain"), json!({"a": "b"})),
        volume("pv-2", "Retain"),
    ]
}

async fn check(vector: &str, wish: Value, expected: &str) {
    let report = Scene::of(archive()).await.run(spec(wish)).await;
    let created = outcome(&report).join(" ");
    let created = created.replace("Deployment ", "").replace("Pod ", "").replace("PersistentVolume ", "");
    assert_eq!(created.replace("(created)", ""), expected, "{vector}");
    assert_eq!(errors(&report), Vec::<String>::new(), "{vector}");
}

const ALL: &str = "ns-1/deploy-1 ns-2/deploy-2 pv-1 pv-2 ns-1/pod-1 ns-2/pod-2";

#[tokio::test]
async fn r1_to_r14_filters_decide_what_is_created() {
    let both = "ns-1/deploy-1 ns-2/deploy-2 ns-1/pod-1 ns-2/pod-2";
    let first = "ns-1/deploy-1 ns-1/pod-1";
    let or = json!({"orLabelSelectors": [{"matchLabels": {"a": "b"}}, {"matchLabels": {"c": "d"}}]});
    let cases = [
        ("R1", json!({}), ALL),
        ("R2", json!({"includedResources": ["pods"]}), "ns-1/pod-1 ns-2/pod-2"),
        ("R3", json!({"excludedResources": ["persistentvolumes"]}), both),
        ("R3 short", json!({"excludedResources": ["pv"]}), both),
        ("R4", json!({"includedNamespaces": ["ns-1"]}), first),
        ("R5", json!({"excludedNamespaces": ["ns-2"]}), first),
        ("R6", json!({"includeClusterResources": false}), both),
        ("R7", json!({"labelSelector": {"matchLabels": {"a": "b"}}}), "ns-2/deploy-2 pv-1 ns-1/pod-1"),
        ("R8", or, "ns-2/deploy-2 pv-1 ns-1/pod-1 ns-2/pod-2"),
        (
            "R9",
            json!({"includedNamespaces": ["ns-1"], "includeClusterResources": true}),
            "ns-1/deploy-1 pv-1 pv-2 ns-1/pod-1",
        ),
        ("R10 nil", json!({"includedNamespaces": ["ns-1"]}), first),
        ("R10 false", json!({"includedNamespaces": ["ns-1"], "includeClusterResources": false}), first),
        ("R13", json!({"includedResources": ["pods", "unresolvable"]}), "ns-1/pod-1 ns-2/pod-2"),
        ("R14", json!({"excludedResources": ["deployments", "unresolvable"]}), "pv-1 pv-2 ns-1/pod-1 ns-2/pod-2"),
    ];
    for (vector, wish, expected) in cases {
        check(vector, wish, expected).await;
    }
}

#[tokio::test]
async fn r11_and_r12_stars_beside_names_are_refused_before_anything_is_written() {
    for wish in [json!({"includedResources": ["*", "pods"]}), json!({"excludedResources": ["*"]})] {
        let scene = Scene::of(archive()).await;
        let refused = scene.driver(RestoreOptions::default()).run(request(spec(wish.clone()))).await;
        assert!(refused.is_err(), "{wish}");
        assert_eq!(scene.cluster.writes(), Vec::<String>::new(), "{wish}");
    }
}

#[tokio::test]
async fn r16_and_r17_namespaces_are_mapped_and_filters_see_the_source() {
    let pods = || [pod("ns-1", "pod-1"), pod("ns-2", "pod-2"), pod("ns-3", "pod-3")];
    let mapping = json!({"ns-1": "m1", "ns-2": "m2"});
    let cases = [
        ("R16", json!({"namespaceMapping": mapping}), vec!["m1/pod-1", "m2/pod-2", "ns-3/pod-3"]),
        (
            "R17",
            json!({"namespaceMapping": mapping, "includedNamespaces": ["ns-1", "ns-2"]}),
            vec!["m1/pod-1", "m2/pod-2"],
        ),
    ];
    for (vector, wish, expected) in cases {
        let scene = Scene::of(pods()).await;
        let report = scene.run(spec(wish)).await;
        let expected: Vec<_> = expected.iter().map(|name| format!("Pod {name}(created)")).collect();
        assert_eq!(outcome(&report), expected, "{vector}");
        assert_eq!(scene.get("namespaces", "", "ns-1").await, Value::Null, "{vector}");
    }
}

#[tokio::test]
async fn two_objects_that_map_to_one_name_are_never_merged_silently() {
    let scene = Scene::of([pod("ns-1", "same"), pod("ns-2", "same")]).await;
    let report = scene.run(spec(json!({"namespaceMapping": {"ns-1": "m", "ns-2": "m"}}))).await;
    assert_eq!(outcome(&report), ["Pod m/same(created)", "Pod m/same(skipped)"]);
    assert!(warnings(&report)[0].contains("takes the place of pods m/same"), "{:?}", report.problems);
}
