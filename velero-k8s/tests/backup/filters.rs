//! Vectors B and S: old and scoped filters.

use crate::fake::{Fake, ROWS};
use crate::kit::{A, engine, run, run_on, sorted};
use serde_json::{Value, json};

/// Pods in three namespaces and two volumes.
const P: [&str; 5] =
    ["pods ns-1/pod-1", "pods ns-2/pod-1", "pods ns-3/pod-1", "persistentvolumes pv-1", "persistentvolumes pv-2"];
const VOLUMES: [&str; 2] = ["persistentvolumes bar", "persistentvolumes baz"];
const PODS: [&str; 2] = ["pods foo/bar", "pods zoo/raz"];
const IN_FOO: [&str; 2] = ["pods foo/bar", "deployments.apps foo/bar"];
const LOCATION: &str = "volumesnapshotlocations.velero.io foo/bar";
const DEFINITIONS: [&str; 3] = [
    "customresourcedefinitions.apiextensions.k8s.io backups.velero.io",
    "customresourcedefinitions.apiextensions.k8s.io test.velero.io",
    "customresourcedefinitions.apiextensions.k8s.io volumesnapshotlocations.velero.io",
];

async fn check(id: &str, objects: &[&str], spec: Value, expected: &[&[&str]]) {
    let stored = run(objects, spec).await;
    assert_eq!(stored.items(), sorted(expected), "{id}");
}

#[tokio::test]
async fn b1_to_b6_names_of_resources_and_namespaces() {
    let cluster = [&A[..], &VOLUMES].concat();
    check("B1", &A, json!({}), &[&A]).await;
    check("B2", &A, json!({"includedResources": ["pods"]}), &[&PODS]).await;
    check("B3", &A, json!({"excludedResources": ["deployments"]}), &[&PODS]).await;
    check("B4", &A, json!({"includedNamespaces": ["foo"]}), &[&IN_FOO]).await;
    check("B5", &A, json!({"excludedNamespaces": ["zoo"]}), &[&IN_FOO]).await;
    check("B6", &cluster, json!({"includeClusterResources": false}), &[&A]).await;
}

#[tokio::test]
async fn b7_b8_label_selectors() {
    let labelled = [
        "pods foo/bar a=b",
        "deployments.apps foo/bar",
        "pods zoo/raz",
        "deployments.apps zoo/raz a=b",
        "persistentvolumes bar a=b",
        "persistentvolumes baz a=c",
    ];
    let picked = ["pods foo/bar", "deployments.apps zoo/raz", "persistentvolumes bar"];
    check("B7", &labelled, json!({"labelSelector": {"matchLabels": {"a": "b"}}}), &[&picked]).await;
    let labelled = [
        "pods foo/bar a1=b1",
        "deployments.apps foo/bar",
        "pods zoo/raz",
        "deployments.apps zoo/raz a2=b2",
        "persistentvolumes bar a4=b4",
        "persistentvolumes baz a5=b5",
    ];
    let any_of: Vec<Value> = (1..5).map(|n| json!({"matchLabels": {format!("a{n}"): format!("b{n}")}})).collect();
    check("B8", &labelled, json!({"orLabelSelectors": any_of}), &[&picked]).await;
}

#[tokio::test]
async fn b9_to_b11_the_exclude_label() {
    let marked = |value: &str, more: &str| -> Vec<String> {
        let all = [&A[..], &VOLUMES].concat();
        let out = ["pods foo/bar", "deployments.apps zoo/raz", "persistentvolumes baz"];
        let label = |item: &&str| match out.contains(item) {
            true => format!("{item} velero.io/exclude-from-backup={value}{more}"),
            false => format!("{item} x=y{more}"),
        };
        all.iter().map(label).collect()
    };
    let kept = ["pods zoo/raz", "deployments.apps foo/bar", "persistentvolumes bar"];
    let texts = |list: &'static [String]| list.iter().map(String::as_str).collect::<Vec<_>>();
    let b9 = texts(marked("true", "").leak());
    check("B9", &b9, json!({}), &[&kept]).await;
    let b10 = texts(marked("true", ",a=b").leak());
    check("B10", &b10, json!({"labelSelector": {"matchLabels": {"a": "b"}}}), &[&kept]).await;
    for value in ["false", "1", ""] {
        let b11 = texts(marked(value, "").leak());
        check("B11", &b11, json!({}), &[&A, &VOLUMES]).await;
    }
}

#[tokio::test]
async fn b12_to_b17_cluster_scoped_resources_always_never_or_related() {
    let some = ["ns-1", "ns-2"];
    let spec =
        |namespaces: &[&str], icr: Value| json!({"includedNamespaces": namespaces, "includeClusterResources": icr});
    check("B12", &P, spec(&some, json!(true)), &[&P[..2], &P[3..]]).await;
    check("B13", &P, spec(&some, json!(false)), &[&P[..2]]).await;
    check("B14", &P, spec(&some, Value::Null), &[&P[..2]]).await;
    check("B15", &P, spec(&[], json!(true)), &[&P]).await;
    check("B16", &P, spec(&[], json!(false)), &[&P[..3]]).await;
    check("B17", &P, spec(&[], Value::Null), &[&P]).await;
}

#[tokio::test]
async fn b18_to_b23_stars_and_names_that_mean_nothing() {
    let spec =
        |included: &[&str], excluded: &[&str]| json!({"includedResources": included, "excludedResources": excluded});
    check("B18", &A, spec(&["*", "pods"], &[]), &[&A]).await;
    check("B19", &A, spec(&[], &["*"]), &[&A]).await;
    check("B20", &A, spec(&["pods", "unresolvable"], &[]), &[&PODS]).await;
    check("B21", &A, spec(&["unresolvable-1", "unresolvable-2"], &[]), &[]).await;
    check("B22", &A, spec(&[], &["deployments", "unresolvable"]), &[&PODS]).await;
    check("B23", &A, spec(&["*"], &["unresolvable-1", "unresolvable-2"]), &[&A]).await;
}

#[tokio::test]
async fn b24_objects_that_are_being_deleted_stay_out() {
    let dying =
        json!({"metadata": {"name": "pod-2", "namespace": "ns-2", "deletionTimestamp": "2026-01-01T00:00:00Z"}});
    let fake = Fake::new(ROWS, &["pods ns-1/pod-1"]).with("pods", dying);
    assert_eq!(run_on(fake, json!({}), engine()).await.unwrap().items(), ["pods ns-1/pod-1"]);
}

/// A with a bound claim and its volume, another volume, and a CRD.
fn with_claim() -> Fake {
    let others = ["persistentvolumes test1", "persistentvolumes test2", DEFINITIONS[1]];
    let claim = json!({"metadata": {"name": "test-1", "namespace": "foo"},
        "spec": {"volumeName": "test1"}, "status": {"phase": "Bound"}});
    Fake::new(ROWS, &[&A[..], &others].concat()).with("persistentvolumeclaims", claim)
}

#[tokio::test]
async fn b25_and_s7_to_s12_a_claim_brings_its_volume() {
    let claim = "persistentvolumeclaims foo/test-1";
    let volume = "persistentvolumes test1";
    let check = |id: &'static str, spec: Value, expected: &'static [&'static str]| async move {
        let stored = run_on(with_claim(), spec, engine()).await.unwrap();
        assert_eq!(stored.items(), sorted(&[expected, &[claim, volume]]), "{id}");
    };
    const BOTH: &str = "persistentvolumes test2";
    let foo = ["foo"];
    check(
        "B25",
        json!({"includedNamespaces": foo, "includeClusterResources": true}),
        &["pods foo/bar", "deployments.apps foo/bar", BOTH, DEFINITIONS[1]],
    )
    .await;
    check(
        "S7",
        json!({"includedNamespaces": foo, "includedNamespaceScopedResources": ["pods", "persistentvolumeclaims"]}),
        &["pods foo/bar"],
    )
    .await;
    check(
        "S8",
        json!({"includedNamespaces": foo, "excludedNamespaceScopedResources": ["deployments"]}),
        &["pods foo/bar"],
    )
    .await;
    check(
        "S9",
        json!({"includedNamespaces": foo, "includedClusterScopedResources": ["customresourcedefinitions"]}),
        &["pods foo/bar", "deployments.apps foo/bar", DEFINITIONS[1]],
    )
    .await;
    check(
        "S10",
        json!({"includedNamespaceScopedResources": ["persistentvolumeclaims"],
        "includedClusterScopedResources": ["customresourcedefinitions"]}),
        &[DEFINITIONS[1]],
    )
    .await;
    check(
        "S11",
        json!({"includedNamespaces": foo, "includedClusterScopedResources": ["*"],
        "excludedClusterScopedResources": ["customresourcedefinitions"],
        "includedNamespaceScopedResources": ["pods", "persistentvolumeclaims"]}),
        &["pods foo/bar", BOTH],
    )
    .await;
    check(
        "S12",
        json!({"includedNamespaces": foo, "includedClusterScopedResources": ["*"]}),
        &["pods foo/bar", "deployments.apps foo/bar", BOTH, DEFINITIONS[1]],
    )
    .await;
}

#[tokio::test]
async fn b26_to_b30_definitions_of_custom_resources() {
    let mixed = [&DEFINITIONS[..], &[LOCATION, "backups.velero.io zoo/raz"]].concat();
    let one = [LOCATION, DEFINITIONS[2]];
    check("B26", &mixed, json!({"includedNamespaces": ["foo"]}), &[&one]).await;
    let without = json!({"includedNamespaces": ["foo"], "excludedResources": ["customresourcedefinitions"]});
    check("B27", &mixed, without, &[&[LOCATION]]).await;
    let plain = [&DEFINITIONS[..], &[LOCATION]].concat();
    check("B28", &plain, json!({}), &[&plain]).await;
    for namespaces in [json!([]), json!(["foo"])] {
        let spec = |icr: bool| json!({"includedNamespaces": namespaces, "includeClusterResources": icr});
        check("B29", &plain, spec(false), &[&[LOCATION]]).await;
        check("B30", &plain, spec(true), &[&plain]).await;
    }
}

#[tokio::test]
async fn s1_to_s6_scoped_lists() {
    let cluster = ["persistentvolumes test1", "persistentvolumes test2", DEFINITIONS[1]];
    let all = [&A[..], &cluster].concat();
    let spec = |text: &str| serde_json::from_str::<Value>(text).unwrap();
    let volume = ["persistentvolumes testing"];
    check(
        "S1",
        &[&A[..], &volume].concat(),
        spec(r#"{"includedClusterScopedResources":["persistentvolumes"],"excludedNamespaceScopedResources":["*"]}"#),
        &[&volume],
    )
    .await;
    check(
        "S2",
        &all,
        spec(r#"{"includedClusterScopedResources":["*"],"excludedNamespaceScopedResources":["*"]}"#),
        &[&cluster],
    )
    .await;
    check("S3", &all, spec(r#"{"excludedClusterScopedResources":["*"],"includedNamespaces":["foo","zoo"]}"#), &[&A])
        .await;
    let pods = r#""excludedClusterScopedResources":["*"],"includedNamespaceScopedResources":["pods","deployments"]"#;
    check("S4", &all, spec(&format!("{{{pods}}}")), &[&A]).await;
    check("S5", &all, spec(&format!(r#"{{{pods},"includedNamespaces":["foo"]}}"#)), &[&IN_FOO]).await;
    check(
        "S6",
        &all,
        spec(r#"{"excludedClusterScopedResources":["*"],"excludedNamespaceScopedResources":["pods"]}"#),
        &[&A[2..]],
    )
    .await;
    check(
        "S13",
        &all,
        spec(r#"{"includedNamespaceScopedResources":["pods"],"includedClusterScopedResources":["*"]}"#),
        &[&PODS, &cluster],
    )
    .await;
    check("S14", &all, spec(r#"{"excludedClusterScopedResources":["*"]}"#), &[&A]).await;
    check("S15", &all, spec(r#"{"includedClusterScopedResources":["*"]}"#), &[&all]).await;
}

#[tokio::test]
async fn s16_to_s19_namespace_objects_under_scoped_lists() {
    let secrets = ["secrets foo/bar", "secrets zoo/raz"];
    let spaces = ["namespaces foo", "namespaces zoo"];
    let all = [&secrets[..], &spaces, &VOLUMES].concat();
    check(
        "S16",
        &all,
        json!({"includedNamespaces": ["foo"], "includedNamespaceScopedResources": ["Secrets"]}),
        &[&["secrets foo/bar", "namespaces foo"]],
    )
    .await;
    check(
        "S17",
        &all,
        json!({"includedNamespaces": ["*"], "includedClusterScopedResources": ["persistentvolumes"]}),
        &[&all],
    )
    .await;
    check("S18", &all, json!({"includedNamespaces": ["*"], "includedNamespaceScopedResources": ["*"]}), &[&all]).await;
    check(
        "S19",
        &all,
        json!({"includedNamespaces": ["*"], "includedNamespaceScopedResources": ["secrets"]}),
        &[&secrets, &spaces],
    )
    .await;
}

#[tokio::test]
async fn s20_s21_definitions_under_scoped_lists() {
    let mixed = [&DEFINITIONS[..], &[LOCATION, "backups.velero.io zoo/raz"]].concat();
    let lists = ["volumesnapshotlocations.velero.io", "backups.velero.io"];
    let s20 = json!({"includedNamespaces": ["foo"], "includedNamespaceScopedResources": lists});
    check("S20", &mixed, s20, &[&[LOCATION, DEFINITIONS[2]]]).await;
    let s21 = json!({"includedNamespaces": ["foo"], "includedNamespaceScopedResources": lists,
        "excludedClusterScopedResources": ["customresourcedefinitions"]});
    check("S21", &mixed, s21, &[&[LOCATION]]).await;
}
