//! The actions that a ConfigMap of the target cluster configures.

use super::run_with;
use crate::action::{ActionError, Known};
use crate::api::RestoreSpec;
use serde_json::{Value, json};

const IMAGES: &str = "velero.io/change-image-name";
const CLASSES: &str = "velero.io/change-storage-class";

fn config_map(name: &str, namespace: &str, plugin: &str, data: Value) -> Value {
    let labels = json!({ "velero.io/plugin-config": "", plugin: "RestoreItemAction" });
    json!({ "metadata": { "name": name, "namespace": namespace, "labels": labels }, "data": data })
}

fn with(config_maps: Vec<Value>) -> Known {
    let mut known = Known::default();
    known.insert("configmaps".into(), config_maps);
    let class = |name: &str| json!({ "metadata": { "name": name } });
    known.insert("storageclasses.storage.k8s.io".into(), vec![class("new"), class("old")]);
    known
}

fn changed(plugin: &str, item: &Value, known: &Known) -> Result<Value, ActionError> {
    let output = run_with(plugin, item, item, RestoreSpec::default(), known)?;
    Ok(output.item.unwrap_or_else(|| item.clone()))
}

#[test]
fn images_are_renamed_in_every_kind_that_runs_pods() {
    let known = with(vec![config_map("c", "velero", IMAGES, json!({ "a": "old.io, new.io/mirror " }))]);
    let spec = |registry: &str| {
        let container = |name: &str| json!({ "name": name, "image": format!("{registry}/{name}:1") });
        json!({ "containers": [container("a"), { "name": "none" }], "initContainers": [container("b")] })
    };
    for kind in
        ["Pod", "CronJob", "Deployment", "StatefulSet", "DaemonSet", "ReplicaSet", "ReplicationController", "Job"]
    {
        let object = |spec: Value| match kind {
            "Pod" => json!({ "kind": kind, "spec": spec }),
            "CronJob" => {
                json!({ "kind": kind, "spec": { "jobTemplate": { "spec": { "template": { "spec": spec } } } } })
            }
            _ => json!({ "kind": kind, "spec": { "template": { "spec": spec } } }),
        };
        assert_eq!(changed(IMAGES, &object(spec("old.io")), &known), Ok(object(spec("new.io/mirror"))), "{kind}");
    }
}

#[test]
fn the_first_image_rule_in_key_order_wins() {
    let pod = |image: &str| json!({ "kind": "Pod", "spec": { "containers": [{ "image": image }] } });
    let cases = [
        (json!({ "b": "one,two", "a": "one,three" }), "one/x", "three/x"),
        (json!({ "a": "1,2" }), "r1/x:1", "r2/x:2"),
        (json!({ "a": "none" }), "none/x", "none/x"),
        (json!({ "a": "none," }), "none/x", "none/x"),
        (json!({ "a": ",some" }), "none/x", "none/x"),
        (json!({ "a": "other,some" }), "none/x", "none/x"),
        (json!({ "a": "none,a,b" }), "none/x", "a,b/x"),
        (json!({}), "none/x", "none/x"),
    ];
    for (data, before, after) in cases {
        let known = with(vec![config_map("c", "velero", IMAGES, data.clone())]);
        assert_eq!(changed(IMAGES, &pod(before), &known), Ok(pod(after)), "{data}");
    }
}

#[test]
fn storage_classes_are_replaced_where_they_are_set() {
    let known = with(vec![config_map("c", "velero", CLASSES, json!({ "old": "new", "gone": "missing" }))]);
    let claim = |class: &str| json!({ "kind": "PersistentVolumeClaim", "spec": { "storageClassName": class } });
    let set = |class: &str| json!({ "kind": "StatefulSet", "spec": { "volumeClaimTemplates": [claim(class), { "spec": {} }] } });
    for (before, after) in [("old", "new"), ("other", "other"), ("", "")] {
        assert_eq!(changed(CLASSES, &claim(before), &known), Ok(claim(after)));
        assert_eq!(changed(CLASSES, &set(before), &known), Ok(set(after)));
    }
    let unset = json!({ "kind": "PersistentVolume", "spec": {} });
    assert_eq!(changed(CLASSES, &unset, &known), Ok(unset));
    for object in [claim("gone"), set("gone")] {
        let error = changed(CLASSES, &object, &known).unwrap_err().to_string();
        assert!(error.contains("missing") && error.contains("gone"), "{error}");
    }
}

#[test]
fn only_one_labelled_config_map_of_the_velero_namespace_counts() {
    let claim = |class: &str| json!({ "kind": "PersistentVolumeClaim", "spec": { "storageClassName": class } });
    let map = |name: &str, namespace: &str, plugin: &str| config_map(name, namespace, plugin, json!({ "old": "new" }));
    let mut unlabelled = map("c", "velero", CLASSES);
    unlabelled["metadata"]["labels"] = json!({ CLASSES: "RestoreItemAction" });
    let mut backup_action = map("c", "velero", CLASSES);
    backup_action["metadata"]["labels"][CLASSES] = "BackupItemAction".into();
    for other in [map("c", "elsewhere", CLASSES), map("c", "velero", IMAGES), unlabelled, backup_action] {
        assert_eq!(changed(CLASSES, &claim("old"), &with(vec![other])), Ok(claim("old")));
    }
    let two = with(vec![map("two", "velero", CLASSES), map("one", "velero", CLASSES)]);
    let error = changed(CLASSES, &claim("old"), &two).unwrap_err().to_string();
    assert_eq!(error, "more than one ConfigMap configures velero.io/change-storage-class: one, two");
}
