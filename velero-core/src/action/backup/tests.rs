use super::*;
use crate::action::{BackupOutput, Known};
use crate::api;
use crate::resource::GroupResource;
use serde_json::{Value, json};

fn run(action: &dyn BackupAction, item: &Value, known: &Known) -> BackupOutput {
    let backup = api::Backup::new("today", api::BackupSpec::default());
    action.execute(item, &backup, known).unwrap()
}

fn names(output: &BackupOutput) -> Vec<String> {
    output.additional.iter().map(ToString::to_string).collect()
}

#[test]
fn actions_are_sorted_by_name() {
    let actions = backup_actions();
    let names: Vec<&str> = actions.iter().map(|a| a.name()).collect();
    assert_eq!(names, ["velero.io/crd-remap-version", "velero.io/pod", "velero.io/pv", "velero.io/service-account"]);
}

#[test]
fn a_bound_claim_loses_its_ties_and_takes_its_volume_along() {
    let claim = json!({
        "metadata": {"name": "data", "namespace": "web", "labels": {
            "app": "web", "velero.io/restore-name": "r", "velero.io/volume-snapshot-name": "s",
            "backup.velero.io/must-include-additional-items": "true", "velero.io/backup-name": "yesterday"}},
        "spec": {"volumeName": "pv-1", "storageClassName": "fast", "dataSource": {"name": "x"},
            "dataSourceRef": {"name": "x"}, "selector": {"matchLabels": {"a": "b"}}},
        "status": {"phase": "Bound"}
    });
    let output = run(&ClaimAction, &claim, &Known::default());
    assert_eq!(names(&output), ["persistentvolumes pv-1"]);
    let changed = output.item.unwrap();
    assert_eq!(changed["spec"], json!({"volumeName": "pv-1", "storageClassName": "fast"}));
    assert_eq!(changed["metadata"]["labels"], json!({"app": "web"}));
}

#[test]
fn a_claim_without_class_keeps_a_selector_of_its_own() {
    let claim = json!({
        "metadata": {"name": "data", "labels": {"velero.io/backup-name": "today"}},
        "spec": {"volumeName": "pv-1", "storageClassName": "",
            "selector": {"matchLabels": {"a": "b", "velero.io/x": "y"}}},
        "status": {"phase": "Bound"}
    });
    let changed = run(&ClaimAction, &claim, &Known::default()).item.unwrap();
    assert_eq!(changed["spec"]["selector"], json!({"matchLabels": {"a": "b"}}));
    assert_eq!(changed["metadata"]["labels"], json!({"velero.io/backup-name": "today"}));
}

#[test]
fn a_claim_that_is_not_bound_is_left_alone() {
    for (phase, volume) in [("Pending", "pv-1"), ("Bound", "")] {
        let claim = json!({"metadata": {"name": "data"}, "status": {"phase": phase},
            "spec": {"volumeName": volume, "dataSource": {"name": "x"}}});
        let output = run(&ClaimAction, &claim, &Known::default());
        assert_eq!((output.item, output.additional.len()), (None, 0), "{phase} {volume:?}");
    }
}

#[test]
fn a_pod_takes_its_claims_and_priority_class_along() {
    let pod = json!({"metadata": {"name": "p", "namespace": "web"}, "spec": {"priorityClassName": "high", "volumes": [
        {"name": "a", "persistentVolumeClaim": {"claimName": "one"}},
        {"name": "b", "emptyDir": {}},
        {"name": "c", "persistentVolumeClaim": {"claimName": "two"}}]}});
    let output = run(&PodAction, &pod, &Known::default());
    assert_eq!(output.item, None);
    assert_eq!(
        names(&output),
        ["priorityclasses.scheduling.k8s.io high", "persistentvolumeclaims web/one", "persistentvolumeclaims web/two"]
    );
}

#[test]
fn a_service_account_takes_only_its_own_cluster_roles_along() {
    let subject = |kind, namespace, name| json!({"kind": kind, "namespace": namespace, "name": name});
    let binding = |name, role, subjects: Vec<Value>| json!({"metadata": {"name": name}, "roleRef": {"kind": "ClusterRole", "name": role}, "subjects": subjects});
    let mut known = Known::default();
    known.insert(
        GroupResource::parse("clusterrolebindings.rbac.authorization.k8s.io"),
        vec![
            binding("mine", "reader", vec![subject("User", "", "x"), subject("ServiceAccount", "web", "sa")]),
            binding("namesake", "writer", vec![subject("ServiceAccount", "other", "sa")]),
            binding("user", "admin", vec![subject("User", "web", "sa")]),
            json!({"metadata": {"name": "nobody"}, "roleRef": {"name": "none"}}),
        ],
    );
    let account = json!({"metadata": {"name": "sa", "namespace": "web"}});
    let output = run(&ServiceAccountAction, &account, &known);
    assert_eq!(
        names(&output),
        ["clusterrolebindings.rbac.authorization.k8s.io mine", "clusterroles.rbac.authorization.k8s.io reader"]
    );
}
