use super::*;
use crate::api::RestoreSpec;

fn pod(annotations: Value) -> Value {
    json!({ "metadata": { "name": "p", "namespace": "ns", "labels": { "app": "web" }, "annotations": annotations } })
}

fn restore(hooks: Value) -> Restore {
    let spec = json!({ "namespaceMapping": { "ns": "target" }, "hooks": { "resources": hooks } });
    let spec: RestoreSpec = serde_json::from_value(spec).unwrap();
    Restore::new("r", spec)
}

fn init_hook(selection: Value) -> Value {
    let mut hook = json!({ "name": "h", "postHooks": [
        { "init": { "initContainers": [{ "name": "i", "image": "x", "command": ["c"], "env": [] }] } },
        { "exec": { "command": ["/bin/psql", "-c", "secret"], "container": "db" } },
    ] });
    json_patch::merge(&mut hook, &selection);
    hook
}

#[test]
fn annotations_describe_an_init_container_with_or_without_command() {
    let key = |key: &str| format!("init.hook.restore.velero.io/{key}");
    let with =
        |command: &str| json!({ key("container-image"): "image", key("container-name"): "n", key("command"): command });
    let cases = [
        (with("[\"sh\",\"-c\",\"x\"]"), json!({ "name": "n", "image": "image", "command": ["sh", "-c", "x"] })),
        (with("run it"), json!({ "name": "n", "image": "image", "command": ["run it"] })),
        (with("[broken"), json!({ "name": "n", "image": "image", "command": ["[broken"] })),
        (with(""), json!({ "name": "n", "image": "image" })),
        (
            json!({ key("container-image"): "image", key("container-name"): "n" }),
            json!({ "name": "n", "image": "image" }),
        ),
    ];
    for (annotations, expected) in cases {
        assert_eq!(init_containers(&pod(annotations), &restore(json!([]))), Ok(vec![expected]));
    }
    let without_image = pod(json!({ key("command"): "c" }));
    assert_eq!(init_containers(&without_image, &restore(json!([]))), Ok(vec![]));
}

#[test]
fn an_unnamed_init_container_gets_the_same_name_each_time() {
    let pod = pod(json!({ "init.hook.restore.velero.io/container-image": "image" }));
    let name = |restore: &Restore| init_containers(&pod, restore).unwrap()[0]["name"].as_str().unwrap().to_owned();
    let (one, mut other) = (restore(json!([])), restore(json!([])));
    other.metadata.uid = "another".into();
    assert_eq!(name(&one), name(&one));
    assert_ne!(name(&one), name(&other));
    assert_eq!(name(&one).len(), "velero-restore-init-".len() + 8);
}

#[test]
fn hooks_of_the_restore_apply_by_target_namespace_and_labels() {
    let cases = [
        (json!({}), true),
        (json!({ "includedNamespaces": ["target"] }), true),
        (json!({ "includedNamespaces": ["tar*"] }), true),
        (json!({ "includedNamespaces": ["ns"] }), false),
        (json!({ "excludedNamespaces": ["target"] }), false),
        (json!({ "excludedNamespaces": ["ns"] }), true),
        (json!({ "labelSelector": { "matchLabels": { "app": "web" } } }), true),
        (json!({ "labelSelector": { "matchLabels": { "app": "db" } } }), false),
        (json!({ "includedResources": ["secrets"] }), true),
    ];
    for (selection, applies) in cases {
        let restore = restore(json!([init_hook(selection.clone())]));
        assert_eq!(init_containers(&pod(json!({})), &restore).unwrap().len(), usize::from(applies), "{selection}");
        assert_eq!(exec_hooks_of(&pod(json!({})), &restore).len(), usize::from(applies), "{selection}");
    }
}

#[test]
fn annotations_replace_the_hooks_of_the_restore() {
    let restore = restore(json!([init_hook(json!({}))]));
    let pod = pod(
        json!({ "init.hook.restore.velero.io/container-image": "own", "post.hook.restore.velero.io/command": "[\"do\",\"it\"]" }),
    );
    let containers = init_containers(&pod, &restore).unwrap();
    assert_eq!(containers.iter().map(|c| c["image"].as_str()).collect::<Vec<_>>(), [Some("own")]);
    assert_eq!(exec_hooks_of(&pod, &restore), ["post hook of the pod's annotations in the first container: do"]);
}

#[test]
fn commands_are_described_without_their_arguments() {
    let restore = restore(json!([init_hook(json!({}))]));
    assert_eq!(exec_hooks_of(&pod(json!({})), &restore), ["post hook \"h\" of the restore in container db: /bin/psql"]);
}

#[test]
fn incomplete_init_containers_are_refused() {
    for missing in ["name", "image", "command"] {
        let mut container = json!({ "name": "i", "image": "x", "command": ["c"] });
        container[missing] = json!(null);
        let hooks = json!([{ "name": "h", "postHooks": [{ "init": { "initContainers": [container] } }] }]);
        assert!(init_containers(&pod(json!({})), &restore(hooks)).unwrap_err().contains("\"h\""), "{missing}");
    }
    for odd in [json!(null), json!({ "metadata": [] })] {
        assert_eq!(exec_hooks_of(&odd, &restore(json!([{ "name": "h", "postHooks": 3 }]))), [""; 0]);
    }
}
