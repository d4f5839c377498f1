use super::*;

fn labelled(mut object: Value, backup: &str, restore: &str) -> Value {
    object["metadata"]["labels"][BACKUP_LABEL] = backup.into();
    object["metadata"]["labels"][RESTORE_LABEL] = restore.into();
    object
}

fn account(extra: Value) -> Value {
    let mut object =
        json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "sa", "namespace": "ns" } });
    json_patch::merge(&mut object, &extra);
    object
}

fn pod() -> Value {
    json!({ "apiVersion": "v1", "kind": "Pod", "metadata": { "name": "p", "namespace": "ns" }, "spec": { "nodeName": "n" } })
}

fn labels(backup: &str, restore: &str) -> Value {
    json!({ "metadata": { "labels": { BACKUP_LABEL: backup, RESTORE_LABEL: restore } } })
}

#[test]
fn e1_identical_service_account_is_left_without_labels() {
    let desired = labelled(account(json!({})), "b", "r");
    let live =
        account(json!({ "metadata": { "uid": "u", "resourceVersion": "7", "managedFields": [{ "manager": "m" }] } }));
    assert_eq!(compare(&desired, &live, false), Verdict::Equal);
}

#[test]
fn e2_update_replaces_the_data_of_a_secret() {
    let secret =
        |data: Value| json!({ "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "s" }, "data": data });
    let desired = labelled(secret(json!({ "new": "bmV3" })), "b", "r");
    let live = secret(json!({ "old": "b2xk" }));
    let Verdict::Patch { patch, fallback } = compare(&desired, &live, true) else { panic!("no patch") };
    assert_eq!(patch["data"], json!({ "new": "bmV3", "old": null }));
    assert_eq!(fallback, Some(labels("b", "r")));
    let mut patched = live;
    json_patch::merge(&mut patched, &patch);
    assert_eq!(patched, desired);
}

#[test]
fn e3_e4_update_brings_the_labels_of_equal_objects_up_to_date() {
    for object in [account(json!({})), pod()] {
        let (desired, live) = (labelled(object.clone(), "b2", "r2"), labelled(object, "b1", "r1"));
        assert_eq!(compare(&desired, &live, true), Verdict::PatchLabels(labels("b2", "r2")));
        assert_eq!(compare(&desired, &desired, true), Verdict::Equal, "nothing is written twice");
    }
}

#[test]
fn e5_without_update_other_labels_are_no_difference() {
    assert_eq!(compare(&labelled(pod(), "b2", "r2"), &labelled(pod(), "b1", "r1"), false), Verdict::Equal);
}

#[test]
fn e6_a_service_account_gets_the_secrets_it_lacks_and_no_labels() {
    let refs = |names: &[&str]| Value::Array(names.iter().map(|n| json!({ "name": n })).collect());
    let desired = account(json!({
        "secrets": refs(&["secret-1"]), "imagePullSecrets": refs(&["pull-secret-1"]),
        "metadata": { "annotations": { "a": "backup", "b": "backup" } },
    }));
    let live = account(json!({
        "secrets": refs(&["secret-2"]), "imagePullSecrets": refs(&["pull-secret-2"]),
        "metadata": { "annotations": { "a": "live" } },
    }));
    let expected = json!({
        "secrets": refs(&["secret-2", "secret-1"]), "imagePullSecrets": refs(&["pull-secret-2", "pull-secret-1"]),
        "metadata": { "annotations": { "b": "backup" } },
    });
    let verdict = compare(&labelled(desired.clone(), "b", "r"), &live, false);
    assert_eq!(verdict, Verdict::Patch { patch: expected.clone(), fallback: None });
    let verdict = compare(&labelled(desired, "b", "r"), &live, true);
    assert_eq!(verdict, Verdict::Patch { patch: expected, fallback: Some(labels("b", "r")) });
}

#[test]
fn e6_a_service_account_with_more_than_the_backup_is_left_alone() {
    let live = account(json!({ "secrets": [{ "name": "more" }] }));
    assert_eq!(compare(&labelled(account(json!({})), "b", "r"), &live, true), Verdict::Equal);
}

#[test]
fn e7_any_other_difference_is_reported_and_left() {
    let mut live = pod();
    live["spec"]["nodeName"] = "other".into();
    assert_eq!(compare(&labelled(pod(), "b", "r"), &live, false), Verdict::Differs);
}

#[test]
fn equality_is_semantic_and_ignores_status_and_managed_fields() {
    let cases = [
        (json!({ "spec": { "a": null } }), json!({ "spec": { "a": [] } }), true),
        (json!({ "spec": { "a": {} } }), json!({ "spec": { "a": null } }), true),
        (json!({ "spec": { "a": null } }), json!({ "spec": {} }), false),
        (json!({ "spec": { "a": [] } }), json!({ "spec": { "a": {} } }), false),
        (json!({ "spec": { "a": 1 } }), json!({ "spec": { "a": "1" } }), false),
        (json!({ "spec": {} }), json!({ "spec": {}, "status": { "phase": "x" } }), true),
        (json!({ "metadata": { "finalizers": ["a"] } }), json!({ "metadata": {} }), false),
        (json!({ "metadata": { "managedFields": [1] } }), json!({ "metadata": { "generation": 3 } }), true),
        (json!({ "metadata": "odd" }), json!({ "metadata": "odd" }), true),
        (json!({ "metadata": { "labels": "odd" } }), json!({ "metadata": { "labels": {} } }), false),
        (json!([]), json!("text"), false),
    ];
    for (desired, live, same) in cases {
        let verdict = compare(&desired, &live, false);
        assert_eq!(verdict == Verdict::Equal, same, "{desired} and {live} gave {verdict:?}");
    }
}

#[test]
fn a_merge_patch_turns_one_object_into_the_other() {
    let cases = [
        (json!({}), json!({}), json!({})),
        (json!({ "a": 1 }), json!({ "a": 1 }), json!({})),
        (
            json!({ "a": 1, "b": { "c": [1] } }),
            json!({ "b": { "c": [2], "d": 1 } }),
            json!({ "a": null, "b": { "c": [2], "d": 1 } }),
        ),
        (json!({ "a": { "b": 1 } }), json!({ "a": {} }), json!({ "a": { "b": null } })),
        (json!({ "a": 1 }), json!({ "a": { "b": 1 } }), json!({ "a": { "b": 1 } })),
        (json!({}), json!({ "a": {} }), json!({ "a": {} })),
        (
            json!({ "a": 9007199254740993_i64 }),
            json!({ "a": 9007199254740992_i64 }),
            json!({ "a": 9007199254740992_i64 }),
        ),
    ];
    for (from, to, expected) in cases {
        let patch = merge_patch(&from, &to);
        assert_eq!(patch, expected);
        let mut patched = from;
        json_patch::merge(&mut patched, &patch);
        assert_eq!(patched, to);
    }
}

#[test]
fn r21_reset_keeps_what_the_user_wrote() {
    let mut object = json!({
        "kind": "Pod", "spec": { "a": 1 }, "status": { "phase": "Running" },
        "metadata": {
            "name": "p", "namespace": "n", "labels": { "a": "b" }, "annotations": { "c": "d" }, "finalizers": ["f"],
            "managedFields": [{}], "generateName": "p-", "selfLink": "/x", "uid": "u", "resourceVersion": "1", "generation": 2,
            "creationTimestamp": "t", "deletionTimestamp": "t", "deletionGracePeriodSeconds": 30, "ownerReferences": [{}],
        },
    });
    reset(&mut object);
    let expected = json!({
        "kind": "Pod", "spec": { "a": 1 },
        "metadata": {
            "name": "p", "namespace": "n", "labels": { "a": "b" }, "annotations": { "c": "d" }, "finalizers": ["f"],
            "managedFields": [{}],
        },
    });
    assert_eq!(object, expected);
    for mut odd in [json!(null), json!([1]), json!({ "metadata": 3 }), json!("x")] {
        reset(&mut odd);
    }
}
