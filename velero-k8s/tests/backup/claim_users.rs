//! What belongs to a claim is in although the label selector does not match it: Velero's item blocks.

use crate::fake::{Fake, ROWS};
use crate::kit::{engine, run_on, sorted};
use serde_json::{Value, json};

fn pod(name: &str, claims: &[&str], phase: &str, node: &str) -> Value {
    let volumes: Vec<Value> =
        claims.iter().map(|c| json!({"name": c, "persistentVolumeClaim": {"claimName": c}})).collect();
    json!({"metadata": {"name": name, "namespace": "web"}, "spec": {"volumes": volumes, "nodeName": node}, "status": {"phase": phase}})
}

fn claim(name: &str, labels: Value) -> Value {
    json!({"metadata": {"name": name, "namespace": "web", "labels": labels},
        "spec": {"volumeName": format!("pv-{name}")}, "status": {"phase": "Bound"}})
}

/// A selected claim `data`, claims in its group, pods in all states, and the volumes.
fn cluster() -> Fake {
    let group = |group: &str| json!({"velero.io/volume-group": group});
    let mut fake =
        Fake::new(ROWS, &["persistentvolumes pv-data", "persistentvolumes pv-cache", "persistentvolumes pv-twin"])
            .with("persistentvolumeclaims", claim("data", json!({"app": "db", "velero.io/volume-group": "g"})))
            .with("persistentvolumeclaims", claim("twin", group("g")))
            .with("persistentvolumeclaims", claim("other", group("h")))
            .with("persistentvolumeclaims", claim("cache", json!({})));
    for (name, claims, phase, node) in [
        ("runs", &["data", "cache"][..], "Running", "n"),
        ("waits", &["data"], "Pending", "n"),
        ("homeless", &["data"], "Running", ""),
        ("elsewhere", &["other"], "Running", "n"),
    ] {
        fake = fake.with("pods", pod(name, claims, phase, node));
    }
    fake
}

#[tokio::test]
async fn a_selected_claim_brings_its_running_pods_their_claims_and_its_volume_group() {
    let volumes = ["persistentvolumes pv-cache", "persistentvolumes pv-data", "persistentvolumes pv-twin"];
    let claims =
        ["persistentvolumeclaims web/cache", "persistentvolumeclaims web/data", "persistentvolumeclaims web/twin"];
    let selector = json!({"matchLabels": {"app": "db"}});
    for (case, spec, expected) in [
        ("by label", json!({"labelSelector": selector}), vec![&claims[..], &volumes, &["pods web/runs"]]),
        ("by one of several", json!({"orLabelSelectors": [selector]}), vec![&claims[..], &volumes, &["pods web/runs"]]),
        (
            "one namespace",
            json!({"labelSelector": selector, "includedNamespaces": ["web"]}),
            vec![&claims[..], &volumes, &["pods web/runs"]],
        ),
        (
            "without pods",
            json!({"labelSelector": selector, "excludedResources": ["pods"]}),
            vec![&claims[1..], &["persistentvolumes pv-data", "persistentvolumes pv-twin"]],
        ),
        ("nothing selected", json!({"labelSelector": {"matchLabels": {"app": "none"}}}), vec![]),
    ] {
        let stored = run_on(cluster(), spec, engine()).await.unwrap();
        assert_eq!(stored.items(), sorted(&expected), "{case}: {:?}", stored.problems());
    }
}
