use super::*;
use serde_json::json;

fn patched(object: &Value, patch: Value) -> Result<Value, String> {
    apply(&[patch.to_string()], object)
}

fn pod(spec: Value) -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "spec": spec })
}

fn check(before: Value, patch: Value, after: Value) {
    assert_eq!(patched(&pod(before), json!({ "spec": patch })), Ok(pod(after)), "{patch}");
}

#[test]
fn m10_containers_merge_by_name_wherever_pods_are_made() {
    let before = json!({ "containers": [{ "name": "a", "image": "1", "env": [{ "name": "X", "value": "1" }] }, { "name": "b", "image": "1" }] });
    let patch = json!({ "containers": [{ "name": "b", "image": "2" }, { "name": "a", "env": [{ "name": "Y", "value": "2" }] }, { "name": "c", "image": "3" }] });
    let after = json!({ "containers": [
        { "name": "b", "image": "2" },
        { "name": "a", "image": "1", "env": [{ "name": "Y", "value": "2" }, { "name": "X", "value": "1" }] },
        { "name": "c", "image": "3" },
    ] });
    let kinds =
        [("v1", "Pod", ""), ("apps/v1", "Deployment", "/template"), ("batch/v1", "CronJob", "/jobTemplate/template")];
    for (api_version, kind, depth) in kinds {
        let wrap = |spec: &Value| match depth {
            "" => json!({ "spec": spec }),
            "/template" => json!({ "spec": { "template": { "spec": spec } } }),
            _ => json!({ "spec": { "jobTemplate": { "spec": { "template": { "spec": spec } } } } }),
        };
        let typed = |spec: &Value| {
            let mut object = wrap(spec);
            (object["apiVersion"], object["kind"]) = (api_version.into(), kind.into());
            object
        };
        assert_eq!(patched(&typed(&before), wrap(&patch)), Ok(typed(&after)), "{kind}");
    }
}

#[test]
fn lists_merge_by_the_key_of_their_field() {
    let container = |part: Value| json!({ "containers": [merged(json!({ "name": "a" }), part)] });
    check(
        container(json!({ "ports": [{ "containerPort": 80, "name": "x" }] })),
        container(json!({ "ports": [{ "containerPort": 80, "protocol": "TCP" }] })),
        container(json!({ "ports": [{ "containerPort": 80, "name": "x", "protocol": "TCP" }] })),
    );
    check(
        container(json!({ "volumeMounts": [{ "mountPath": "/a", "name": "v" }], "args": ["1"] })),
        container(json!({ "volumeMounts": [{ "mountPath": "/b", "name": "v" }], "args": ["2"] })),
        container(
            json!({ "volumeMounts": [{ "mountPath": "/b", "name": "v" }, { "mountPath": "/a", "name": "v" }], "args": ["2"] }),
        ),
    );
    check(
        json!({ "tolerations": [{ "key": "a" }] }),
        json!({ "tolerations": [{ "key": "b" }] }),
        json!({ "tolerations": [{ "key": "b" }] }),
    );
    let service = |ports: Value| json!({ "apiVersion": "v1", "kind": "Service", "spec": { "ports": ports } });
    let before = service(json!([{ "port": 80, "name": "http" }, { "port": 90 }]));
    let after = service(json!([{ "port": 80, "name": "http", "nodePort": 30000 }, { "port": 90 }]));
    assert_eq!(patched(&before, service(json!([{ "port": 80, "nodePort": 30000 }]))), Ok(after));
    let endpoints = |ports: Value| json!({ "apiVersion": "v1", "kind": "Endpoints", "subsets": [{ "ports": ports }] });
    assert_eq!(
        patched(&endpoints(json!([{ "port": 1 }])), endpoints(json!([{ "port": 2 }]))),
        Ok(endpoints(json!([{ "port": 2 }])))
    );
}

fn merged(mut object: Value, part: Value) -> Value {
    json_patch::merge(&mut object, &part);
    object
}

#[test]
fn plain_values_merge_as_a_set_only_where_the_kind_says_so() {
    let object = |finalizers: Value, order: Value| json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "finalizers": finalizers }, "order": order });
    let after = object(json!(["c", "a", "b"]), json!([2]));
    assert_eq!(patched(&object(json!(["a", "b"]), json!([1])), object(json!(["c", "a"]), json!([2]))), Ok(after));
    let remove = json!({ "metadata": { "$deleteFromPrimitiveList/finalizers": ["a"] } });
    assert_eq!(patched(&object(json!(["a", "b"]), json!([])), remove), Ok(object(json!(["b"]), json!([]))));
}

#[test]
fn nulls_delete_and_leave_no_trace() {
    check(
        json!({ "a": 1, "b": { "c": 1 } }),
        json!({ "a": null, "none": null, "b": { "c": null }, "new": { "x": null, "y": 1 } }),
        json!({ "b": {}, "new": { "y": 1 } }),
    );
    check(json!({ "a": { "b": 1 } }), json!({ "a": "text" }), json!({ "a": "text" }));
    check(json!({ "a": null }), json!({ "a": { "b": 1 } }), json!({ "a": { "b": 1 } }));
}

#[test]
fn patch_directives_replace_and_delete() {
    let two = || json!({ "containers": [{ "name": "a", "image": "1" }, { "name": "b" }] });
    check(
        two(),
        json!({ "containers": [{ "name": "a", "$patch": "delete" }] }),
        json!({ "containers": [{ "name": "b" }] }),
    );
    check(
        two(),
        json!({ "containers": [{ "name": "none", "$patch": "delete" }, { "name": "c" }] }),
        json!({ "containers": [{ "name": "c" }, { "name": "a", "image": "1" }, { "name": "b" }] }),
    );
    check(
        two(),
        json!({ "containers": [{ "name": "c" }, { "$patch": "replace" }] }),
        json!({ "containers": [{ "name": "c" }] }),
    );
    check(
        json!({ "nodeSelector": { "a": "1" } }),
        json!({ "nodeSelector": { "$patch": "replace", "b": "2" } }),
        json!({ "nodeSelector": { "b": "2" } }),
    );
    check(
        json!({ "nodeSelector": { "a": "1" } }),
        json!({ "nodeSelector": { "$patch": "delete" } }),
        json!({ "nodeSelector": {} }),
    );
    check(
        json!({ "nodeSelector": { "a": "1" } }),
        json!({ "nodeSelector": { "$patch": "merge", "b": "2" } }),
        json!({ "nodeSelector": { "a": "1", "b": "2" } }),
    );
    check(
        json!({}),
        json!({ "nodeSelector": { "$patch": "delete" }, "containers": [{ "name": "a", "$patch": "delete" }] }),
        json!({ "containers": [] }),
    );
}

#[test]
fn retain_keys_drops_the_members_of_a_union_that_are_not_named() {
    let volumes = |volume: Value| json!({ "volumes": [volume] });
    check(
        volumes(json!({ "name": "v", "emptyDir": {} })),
        volumes(json!({ "name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": { "path": "/x" } })),
        volumes(json!({ "name": "v", "hostPath": { "path": "/x" } })),
    );
    let stray = json!({ "spec": { "$retainKeys": ["a"], "b": 1 } });
    assert!(patched(&pod(json!({})), stray).unwrap_err().contains("sets b"));
}

#[test]
fn set_element_order_orders_and_keeps_what_only_the_object_has() {
    let named = |names: &[&str]| Value::Array(names.iter().map(|name| json!({ "name": name })).collect());
    let cases: [[&[&str]; 4]; 4] = [
        [&["a", "b", "c"], &[], &["c", "b", "a"], &["c", "b", "a"]],
        [&["a", "b"], &["c"], &["b", "c", "a"], &["b", "c", "a"]],
        [&["x", "a", "b"], &["c"], &["a", "c", "b"], &["x", "a", "c", "b"]],
        [&["a", "x"], &[], &["a"], &["a", "x"]],
    ];
    for [before, patch, order, after] in cases {
        let patch = json!({ "$setElementOrder/containers": named(order), "containers": named(patch) });
        check(json!({ "containers": named(before) }), patch, json!({ "containers": named(after) }));
    }
    let wrong = json!({ "spec": { "$setElementOrder/containers": named(&["a"]), "containers": named(&["b"]) } });
    assert!(patched(&pod(json!({})), wrong).unwrap_err().contains("order"));
}

#[test]
fn a_disruption_budget_replaces_its_selector() {
    let budget = |selector: Value| json!({ "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "spec": { "selector": selector } });
    let after = budget(json!({ "b": "2" }));
    assert_eq!(patched(&budget(json!({ "a": "1" })), budget(json!({ "b": "2" }))), Ok(after));
}

#[test]
fn kinds_that_are_not_built_in_are_refused() {
    for (api_version, kind) in [("example.com/v1", "Thing"), ("gateway.networking.k8s.io/v1", "Gateway"), ("v1", "")] {
        let object = json!({ "apiVersion": api_version, "kind": kind });
        assert!(patched(&object, json!({ "a": 1 })).unwrap_err().contains("not built into"), "{api_version}");
    }
    let lease = json!({ "apiVersion": "coordination.k8s.io/v1", "kind": "Lease" });
    assert_eq!(
        patched(&lease, json!({ "metadata": { "labels": { "a": "b" } } })).unwrap()["metadata"]["labels"]["a"],
        "b"
    );
}

#[test]
fn malformed_patches_are_refused_without_a_trace() {
    let cases = [
        json!({ "spec": { "containers": [{ "image": "x" }] } }),
        json!({ "spec": { "containers": ["a"] } }),
        json!({ "spec": { "containers": [{ "name": "a", "$patch": "odd" }] } }),
        json!({ "spec": { "$patch": "odd" } }),
        json!({ "spec": { "$retainKeys": 1 } }),
        json!({ "spec": { "$setElementOrder/containers": 1 } }),
        json!({ "spec": { "$deleteFromPrimitiveList/x": 1 } }),
        json!({ "spec": { "$setElementOrder/nodeName": [] } }),
    ];
    for patch in cases {
        let before = pod(json!({ "containers": [{ "name": "a" }], "nodeName": "n" }));
        assert!(patched(&before, patch.clone()).is_err(), "{patch}");
    }
    let odd = pod(json!({ "containers": [1, null, "x", { "name": "a" }] }));
    let renamed = patched(&odd, json!({ "spec": { "containers": [{ "name": "a", "image": "i" }] } })).unwrap();
    assert_eq!(renamed["spec"]["containers"].as_array().map(Vec::len), Some(4));
}
