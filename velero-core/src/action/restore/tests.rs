//! Tables per action, and one table that feeds all of them malformed objects.

mod configured;
mod services;
mod workloads;

use crate::action::{ActionError, Known, RestoreInput, RestoreOutput, restore_actions};
use crate::api::{Restore, RestoreSpec};
use crate::resource::GroupResource;
use serde_json::{Value, json};

/// Runs one action on `item`, of which the backup holds `from_backup`.
fn run_with(
    name: &str,
    item: &Value,
    from_backup: &Value,
    spec: RestoreSpec,
    known: &Known,
) -> Result<RestoreOutput, ActionError> {
    let actions = restore_actions();
    let action = actions.iter().find(|action| action.name() == name).expect("there is such an action");
    let mut restore = Restore::new("r", spec);
    restore.metadata.uid = "uid".into();
    let resource = GroupResource::new("", "any");
    action.execute(RestoreInput { item, item_from_backup: from_backup, restore: &restore, resource: &resource, known })
}

fn run(name: &str, item: &Value) -> RestoreOutput {
    run_with(name, item, item, RestoreSpec::default(), &Known::default()).expect("the action takes the object")
}

/// The object that an action makes of `item`.
fn changed(name: &str, item: &Value) -> Value {
    run(name, item).item.unwrap_or_else(|| item.clone())
}

#[test]
fn actions_are_sorted_by_name_and_named_as_in_velero() {
    let names: Vec<String> = restore_actions().iter().map(|action| action.name().to_owned()).collect();
    let expected = [
        "add-pvc-from-pod",
        "admission-webhook-configuration",
        "apiservice",
        "change-image-name",
        "change-storage-class",
        "cluster-role-bindings",
        "crd-preserve-fields",
        "dataupload",
        "init-restore-hook",
        "job",
        "pod",
        "pod-volume-restore",
        "pvc",
        "role-bindings",
        "secret",
        "service",
        "service-account",
    ];
    assert_eq!(names, expected.map(|name| format!("velero.io/{name}")));
}

#[test]
fn malformed_objects_are_refused_or_left_alone_but_never_panic() {
    let annotated = json!({ "metadata": { "annotations": { "init.hook.restore.velero.io/container-image": "i" } } });
    let mut objects = vec![json!(null), json!([]), json!("text"), json!({}), json!({ "spec": null }), annotated];
    let odd_values = [json!(null), json!(1), json!("x"), json!([]), json!([1, null, "x", [], {}]), json!({})];
    for odd in odd_values {
        objects.push(
            json!({ "spec": odd, "metadata": odd, "status": odd, "secrets": odd, "subjects": odd, "webhooks": odd,
            "data": odd, "apiVersion": "apiextensions.k8s.io/v1" }),
        );
        for kind in ["Pod", "CronJob", "StatefulSet", "Service"] {
            objects.push(json!({
                "apiVersion": "admissionregistration.k8s.io/v1", "kind": kind, "type": "kubernetes.io/service-account-token",
                "metadata": { "annotations": odd, "labels": odd, "managedFields": odd, "name": odd, "namespace": odd },
                "webhooks": odd,
                "spec": {
                    "preserveUnknownFields": true, "versions": odd, "containers": odd, "initContainers": odd, "volumes": odd,
                    "ports": odd, "template": { "spec": odd, "metadata": { "labels": odd } }, "selector": odd,
                    "jobTemplate": odd, "storageClassName": odd, "volumeClaimTemplates": odd, "serviceAccountName": odd,
                    "clusterIP": odd, "type": odd,
                },
            }));
            objects.push(
                json!({ "kind": kind, "spec": { "containers": [{ "volumeMounts": odd, "image": odd, "name": odd }] } }),
            );
        }
    }
    let mut known = Known::default();
    for (resource, name) in [("configmaps", "images"), ("serviceaccounts", "sa")] {
        let config = |plugin: &str| {
            json!({ "metadata": { "namespace": "velero", "name": name,
                "labels": { "velero.io/plugin-config": "", format!("velero.io/{plugin}"): "RestoreItemAction" } },
                "data": { "x": "x,y" } })
        };
        known.insert(resource.into(), vec![json!(null), config("change-image-name"), config("change-storage-class")]);
    }
    let spec = RestoreSpec { namespace_mapping: [("x".to_owned(), "y".to_owned())].into(), ..RestoreSpec::default() };
    for object in &objects {
        for action in restore_actions() {
            let _ = run_with(action.name(), object, object, spec.clone(), &known);
        }
    }
}

#[test]
fn parts_of_a_wrong_type_are_named() {
    let pod = json!({ "kind": "Pod", "spec": { "volumes": "many" } });
    let error = run_with("velero.io/pod", &pod, &pod, RestoreSpec::default(), &Known::default()).unwrap_err();
    assert_eq!(error.to_string(), "spec.volumes is not a list");
}
