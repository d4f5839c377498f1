//! Vectors N, K and O: Namespace objects, cohabiting groups, order.

use crate::fake::{Fake, ROWS};
use crate::kit::{engine, run, run_on, sorted};
use serde_json::{Value, json};

const SPACES: [&str; 3] = ["namespaces ns-1", "namespaces ns-2", "namespaces ns-3"];

fn labelled(value: &str) -> Value {
    json!({"matchLabels": {"a": value}})
}

#[tokio::test]
async fn n1_n3_a_selector_takes_the_namespace_of_what_it_finds() {
    let objects = [&SPACES[..], &["deployments.apps ns-1/deploy-1 a=b", "deployments.apps ns-2/other"]].concat();
    let expected = ["deployments.apps ns-1/deploy-1", "namespaces ns-1"];
    assert_eq!(run(&objects, json!({"labelSelector": labelled("b")})).await.items(), expected, "N1");
    let n3 = json!({"labelSelector": labelled("b"), "includedNamespaces": ["ns-1"]});
    assert_eq!(run(&objects, n3).await.items(), expected, "N3");
}

#[tokio::test]
async fn n2_any_of_several_selectors_takes_its_namespaces() {
    let deployments = ["deployments.apps ns-1/deploy-1 a=b", "deployments.apps ns-2/deploy-2 a=c"];
    let objects = [&SPACES[..], &deployments].concat();
    let stored = run(&objects, json!({"orLabelSelectors": [labelled("b"), labelled("c")]})).await;
    let expected =
        ["deployments.apps ns-1/deploy-1", "deployments.apps ns-2/deploy-2", "namespaces ns-1", "namespaces ns-2"];
    assert_eq!(stored.items(), expected);
}

#[tokio::test]
async fn n4_selectors_take_excluded_namespace_objects() {
    let objects = ["deployments.apps ns-1/deploy-1 a=b", "namespaces ns-1 a=b", "namespaces ns-2", "namespaces ns-3"];
    let spec = json!({"excludedNamespaces": ["ns-1", "ns-2"], "labelSelector": labelled("b")});
    assert_eq!(run(&objects, spec).await.items(), ["namespaces ns-1", "namespaces ns-3"]);
}

#[tokio::test]
async fn n5_n6_wildcards_without_match_and_no_filter_at_all() {
    let objects = [&SPACES[..], &["pods ns-1/p", "persistentvolumes pv"]].concat();
    assert!(run(&objects, json!({"includedNamespaces": ["invalid*"]})).await.items().is_empty(), "N5");
    assert_eq!(run(&objects, json!({})).await.items(), sorted(&[&objects]), "N6");
}

#[tokio::test]
async fn n7_n8_n9_tracked_by_name_and_by_selector() {
    let objects = ["namespaces ns1 name=ns1", "namespaces ns2 name=ns2", "namespaces ns3 name=ns3"];
    let by_name = json!({"matchLabels": {"name": "ns1"}});
    let check = |id: &'static str, spec: Value, expected: &'static [&'static str]| async move {
        assert_eq!(run(&objects, spec).await.items(), expected, "{id}");
    };
    check("N7", json!({"includedNamespaces": ["ns1"]}), &["namespaces ns1"]).await;
    check("N8", json!({"includedNamespaces": ["*"], "labelSelector": by_name}), &["namespaces ns1"]).await;
    check("N8", json!({"includedNamespaces": ["*"], "orLabelSelectors": [by_name]}), &["namespaces ns1"]).await;
    let n9 = json!({"excludedNamespaces": ["ns1", "ns2"], "orLabelSelectors": [by_name]});
    check("N9", n9, &["namespaces ns1", "namespaces ns3"]).await;
}

#[tokio::test]
async fn n10_a_missing_namespace_is_an_error_and_the_rest_goes_on() {
    let stored = run(&["namespaces ns1", "pods ns1/p"], json!({"includedNamespaces": ["ns1", "invalid"]})).await;
    assert_eq!(stored.items(), ["namespaces ns1", "pods ns1/p"]);
    let errors: Vec<_> = stored.problems().into_iter().filter(|p| p.starts_with("error")).collect();
    assert!(errors.len() == 1 && errors[0].contains("invalid"), "{errors:?}");
}

#[tokio::test]
async fn n11_terminating_namespaces_are_not_tracked() {
    let dying = json!({"metadata": {"name": "ns1"}, "status": {"phase": "Terminating"}});
    let active = json!({"metadata": {"name": "ns2"}, "status": {"phase": "Active"}});
    let fake = Fake::new(ROWS, &[]).with("namespaces", dying).with("namespaces", active);
    let stored = run_on(fake, json!({"includedNamespaces": ["ns1", "ns2"]}), engine()).await.unwrap();
    assert_eq!(stored.items(), ["namespaces ns2"]);
}

#[tokio::test]
async fn k1_to_k3_groups_that_show_the_same_objects() {
    let (extensions, apps, own) = (
        "extensions v1beta1 deployments Deployment ns -\n",
        "apps v1 deployments Deployment ns -\n",
        "velero.io v1 deployments Deployment ns -\n",
    );
    let objects = ["deployments.extensions ns/d", "deployments.apps ns/d", "deployments.velero.io ns/d"];
    let check = |id: &'static str, rows: String, expected: &'static [&'static str]| async move {
        let stored = run_on(Fake::new(&rows, &objects), json!({}), engine()).await.unwrap();
        assert_eq!(stored.items(), expected, "{id}");
    };
    check("K1", extensions.into(), &["deployments.extensions ns/d"]).await;
    check("K2", format!("{extensions}{apps}"), &["deployments.apps ns/d"]).await;
    check("K3", format!("{apps}{own}"), &["deployments.apps ns/d", "deployments.velero.io ns/d"]).await;
}

#[tokio::test]
async fn k4_a_second_backup_knows_nothing_of_the_first() {
    for _ in 0..2 {
        assert_eq!(run(&["deployments.apps ns/d"], json!({})).await.items(), ["deployments.apps ns/d"]);
    }
}

#[tokio::test]
async fn o1_pods_then_claims_then_volumes_then_the_rest() {
    let objects = [
        "secrets a/1",
        "persistentvolumes 1",
        "pods a/1",
        "persistentvolumeclaims a/1",
        "secrets b/2",
        "persistentvolumes 2",
        "pods b/2",
        "persistentvolumeclaims b/2",
    ];
    let stored = run(&objects, json!({})).await;
    let kinds: Vec<&str> = stored.order.iter().filter_map(|item| item.split(' ').next()).collect();
    let twice = |kind| [kind, kind];
    let expected = ["pods", "persistentvolumeclaims", "persistentvolumes", "secrets"].map(twice).concat();
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn ordered_items_come_first_and_missing_ones_are_named() {
    let objects = ["pods a/1", "pods a/2 x=y", "pods a/3", "secrets a/s"];
    let spec = json!({"orderedResources": {"pods": "a/3,a/gone,a/2", "secrets": "a/s"}});
    let stored = run(&objects, spec).await;
    assert_eq!(stored.order, ["pods a/3", "pods a/2", "secrets a/s", "pods a/1"]);
    let expected = "warning OrderedItemMissing: pods a/gone: it is named in spec.orderedResources and does not exist";
    assert_eq!(stored.problems(), [expected]);
}
