use super::*;
use serde_json::json;

fn modifiers(rules: Value) -> Modifiers {
    Modifiers::parse(&json!({ "version": "v1", "resourceModifierRules": rules }).to_string()).expect("valid modifiers")
}

fn claim(class: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "PersistentVolumeClaim",
        "metadata": { "name": "claim-1", "namespace": "foo", "labels": { "app": "web" }, "finalizers": ["f"] },
        "spec": { "storageClassName": class },
    })
}

fn on_claims(mut conditions: Value, patches: Value) -> Value {
    conditions["groupResource"] = "persistentvolumeclaims".into();
    json!({ "conditions": conditions, "patches": patches })
}

fn replace_class(class: &str) -> Value {
    json!([{ "operation": "replace", "path": "/spec/storageClassName", "value": class }])
}

/// Applies `rules` to a claim of class `standard` and tells its class and the errors.
fn class_after(rules: Value) -> (String, Vec<String>) {
    let mut object = claim("standard");
    let errors = modifiers(rules).apply(&"persistentvolumeclaims".into(), "foo", &mut object);
    (object["spec"]["storageClassName"].as_str().unwrap_or("").to_owned(), errors)
}

#[test]
fn m1_a_test_that_holds_lets_the_patch_through() {
    let test = |class: &str| {
        json!([
            { "operation": "test", "path": "/spec/storageClassName", "value": class },
            { "operation": "replace", "path": "/spec/storageClassName", "value": "premium" },
        ])
    };
    assert_eq!(class_after(json!([on_claims(json!({}), test("standard"))])), ("premium".into(), vec![]));
    assert_eq!(class_after(json!([on_claims(json!({}), test("other"))])), ("standard".into(), vec![]));
}

#[test]
fn m2_m3_conditions_see_the_object_before_the_first_rule() {
    let rule = |from: &str, to: &str| {
        on_claims(json!({ "matches": [{ "path": "/spec/storageClassName", "value": from }] }), replace_class(to))
    };
    let after = |rules: [Value; 2]| class_after(json!(rules)).0;
    assert_eq!(after([rule("standard", "premium"), rule("premium", "gold")]), "premium");
    assert_eq!(after([rule("standard", "premium"), rule("standard", "gold")]), "gold");
}

#[test]
fn m4_a_failing_test_undoes_the_whole_rule_without_error() {
    let patches = json!([
        { "operation": "replace", "path": "/spec/storageClassName", "value": "premium" },
        { "operation": "test", "path": "/spec/replicas", "value": "5" },
    ]);
    assert_eq!(class_after(json!([on_claims(json!({}), patches)])), ("standard".into(), vec![]));
}

#[test]
fn m5_m6_m9_conditions_select_objects() {
    let cases = [
        ("M5", json!({ "namespaces": ["bar"] }), false, 0),
        ("M5, glob", json!({ "namespaces": ["bar", "f*"] }), true, 0),
        ("M6", json!({ "resourceNameRegex": "[a-z" }), false, 1),
        ("unanchored", json!({ "resourceNameRegex": "aim-[0-9]" }), true, 0),
        ("anchored", json!({ "resourceNameRegex": "^aim" }), false, 0),
        ("labels", json!({ "labelSelector": { "matchLabels": { "app": "web" } } }), true, 0),
        (
            "other labels",
            json!({ "labelSelector": { "matchExpressions": [{ "key": "app", "operator": "DoesNotExist" }] } }),
            false,
            0,
        ),
        (
            "bad selector",
            json!({ "labelSelector": { "matchExpressions": [{ "key": "app", "operator": "Odd" }] } }),
            false,
            1,
        ),
        ("bad namespace glob", json!({ "namespaces": ["[b"] }), false, 1),
        ("M9", json!({ "matches": [{ "path": "/spec/none", "value": "x" }] }), false, 0),
        ("M9, deep", json!({ "matches": [{ "path": "/spec/none/none", "value": "x" }] }), false, 0),
        ("M9, in a list", json!({ "matches": [{ "path": "/spec/0/none", "value": "x" }] }), false, 0),
        ("a list without number", json!({ "matches": [{ "path": "/metadata/finalizers/x", "value": "x" }] }), false, 1),
        ("M9, behind the end", json!({ "matches": [{ "path": "/metadata/finalizers/7", "value": "x" }] }), false, 0),
        ("no path", json!({ "matches": [{ "value": "x" }] }), false, 1),
        (
            "all must hold",
            json!({ "matches": [{ "path": "/kind", "value": "PersistentVolumeClaim" }, { "path": "/apiVersion", "value": "v2" }] }),
            false,
            0,
        ),
        (
            "all hold",
            json!({ "matches": [{ "path": "/kind", "value": "PersistentVolumeClaim" }, { "path": "/apiVersion", "value": "v1" }] }),
            true,
            0,
        ),
    ];
    for (vector, conditions, applies, errors) in cases {
        let (class, found) = class_after(json!([on_claims(conditions, replace_class("premium"))]));
        assert_eq!((class == "premium", found.len()), (applies, errors), "{vector}: {found:?}");
    }
}

#[test]
fn namespaces_are_no_condition_of_cluster_scoped_objects() {
    let rule = json!({ "conditions": { "groupResource": "*", "namespaces": ["bar"] }, "mergePatches": [{ "patchData": "{\"x\": 1}" }] });
    let mut volume = json!({ "kind": "PersistentVolume", "metadata": { "name": "v" } });
    assert!(modifiers(json!([rule])).apply(&"persistentvolumes".into(), "", &mut volume).is_empty());
    assert_eq!(volume["x"], 1);
}

#[test]
fn m7_values_are_typed_by_their_look() {
    let cases = [
        ("\"false\"", json!("false")),
        ("false", json!(false)),
        ("\"5\"", json!("5")),
        ("5", json!(5)),
        ("-1.5", json!(-1.5)),
        ("9007199254740993", json!(9007199254740993_i64)),
        ("null", json!(null)),
        ("\"null\"", json!("null")),
        ("", json!("")),
        ("\"\"", json!("")),
        ("text", json!("text")),
        ("{\"a\": [1]}", json!({ "a": [1] })),
        ("[1, \"b\"]", json!([1, "b"])),
        ("say \\\"hi\\\"", json!("say \"hi\"")),
    ];
    for (text, expected) in cases {
        let rule = json!({ "conditions": { "groupResource": "configmaps" }, "patches": [{ "operation": "add", "path": "/data/k", "value": text }] });
        let mut object = json!({ "kind": "ConfigMap", "data": {} });
        let errors = modifiers(json!([rule])).apply(&"configmaps".into(), "foo", &mut object);
        assert_eq!((errors, &object["data"]["k"]), (vec![], &expected), "{text}");
    }
    for malformed in ["True", "a\"b", "{a", "[", "1.", "inf", "back\\slash", "\""] {
        let rule = json!({ "conditions": { "groupResource": "configmaps" }, "patches": [{ "operation": "add", "path": "/data/k", "value": malformed }] });
        let mut object = json!({ "kind": "ConfigMap", "data": {} });
        let errors = modifiers(json!([rule])).apply(&"configmaps".into(), "foo", &mut object);
        let is_fault = errors.len() == 1 && object["data"] == json!({});
        assert!(is_fault || malformed == "\"", "{malformed}: {object}");
    }
}

#[test]
fn m8_group_resources_are_globs_with_a_separator() {
    let cases = [
        ("*.apps", "deployments.apps", true),
        ("*.*", "deployments.apps", true),
        ("*", "deployments.apps", false),
        ("*", "pods", true),
        ("deployments.apps", "deployments.apps", true),
        ("deployments", "deployments.apps", false),
        ("*.*", "crontabs.stable.example.com", false),
    ];
    for (glob, resource, applies) in cases {
        let rule = json!({ "conditions": { "groupResource": glob }, "mergePatches": [{ "patchData": "x: 1" }] });
        let mut object = json!({ "kind": "Any" });
        modifiers(json!([rule])).apply(&resource.into(), "foo", &mut object);
        assert_eq!(object.get("x").is_some(), applies, "{glob} on {resource}");
    }
}

#[test]
fn m11_merge_patches_apply_one_after_the_other() {
    let rule = json!({ "conditions": { "groupResource": "pods" }, "mergePatches": [
        { "patchData": "metadata:\n  labels:\n    gone: null\n    missing: null\n    new: one\n" },
        { "patchData": "{\"metadata\": {\"labels\": {\"new\": \"two\"}}, \"spec\": {\"list\": [3]}}" },
    ] });
    let mut pod =
        json!({ "kind": "Pod", "metadata": { "labels": { "gone": "x", "kept": "y" } }, "spec": { "list": [1, 2] } });
    assert!(modifiers(json!([rule])).apply(&"pods".into(), "foo", &mut pod).is_empty());
    assert_eq!(
        pod,
        json!({ "kind": "Pod", "metadata": { "labels": { "kept": "y", "new": "two" } }, "spec": { "list": [3] } })
    );
}

#[test]
fn a_rule_that_fails_leaves_the_object_to_the_next_rule() {
    let bad = [
        json!([{ "operation": "remove", "path": "/spec/none" }]),
        json!([{ "operation": "replace", "path": "/spec/none", "value": "x" }]),
        json!([{ "operation": "add", "path": "/none/none", "value": "x" }]),
        json!([{ "operation": "Replace", "path": "/spec/storageClassName", "value": "x" }]),
        json!([{ "operation": "remove", "path": "/kind" }]),
        json!([{ "operation": "test", "path": "/kind", "value": "Other" }, { "operation": "Add", "path": "/x" }]),
        json!([{ "operation": "add", "path": "/spec/new", "value": "x" }, { "operation": "move", "from": "/none", "path": "/y" }]),
    ];
    for patches in bad {
        let mut object = claim("standard");
        let rules = json!([on_claims(json!({}), patches.clone()), on_claims(json!({}), replace_class("gold"))]);
        let errors = modifiers(rules).apply(&"persistentvolumeclaims".into(), "foo", &mut object);
        assert_eq!((errors.len(), object), (1, claim("gold")), "{patches}");
        assert!(errors[0].starts_with("resource modifier rule 1: "), "{}", errors[0]);
    }
    for data in ["[1]", "- a", "a: [", "text"] {
        let rule = json!({ "conditions": { "groupResource": "*" }, "mergePatches": [{ "patchData": data }] });
        let mut object = claim("standard");
        let errors = modifiers(json!([rule])).apply(&"persistentvolumeclaims".into(), "foo", &mut object);
        assert_eq!((errors.len(), object), (1, claim("standard")), "{data}");
    }
}

#[test]
fn json_patch_operations_reach_lists_and_escaped_keys() {
    let object = || json!({ "kind": "K", "l": [1, 2, 3], "a/b": { "c~d": 1 }, "n": null });
    let op = |operation: &str, from: &str, path: &str, value: &str| json!({ "operation": operation, "from": from, "path": path, "value": value });
    let cases = [
        (op("add", "", "/l/-", "4"), json!({ "l": [1, 2, 3, 4] })),
        (op("add", "", "/l/0", "0"), json!({ "l": [0, 1, 2, 3] })),
        (op("add", "", "/l/3", "4"), json!({ "l": [1, 2, 3, 4] })),
        (op("remove", "", "/l/-1", ""), json!({ "l": [1, 2] })),
        (op("replace", "", "/l/1", "x"), json!({ "l": [1, "x", 3] })),
        (op("replace", "", "/a~1b/c~0d", "2"), json!({ "a/b": { "c~d": 2 } })),
        (op("copy", "/l/0", "/m", ""), json!({ "m": 1 })),
        (op("move", "/l", "/m", ""), json!({ "l": null, "m": [1, 2, 3] })),
        (op("test", "", "/n", "null"), json!({})),
        (op("test", "", "/absent", "null"), json!({})),
        (op("test", "", "/l", "[1,2,3]"), json!({})),
    ];
    for (patch, change) in cases {
        let mut patched = object();
        let rule = json!({ "conditions": { "groupResource": "*" }, "patches": [patch] });
        let errors = modifiers(json!([rule])).apply(&"things".into(), "", &mut patched);
        let mut expected = object();
        // A merge would drop the null that the object holds.
        for (key, value) in change.as_object().unwrap() {
            match value {
                Value::Null => expected.as_object_mut().unwrap().remove(key),
                value => expected.as_object_mut().unwrap().insert(key.clone(), value.clone()),
            };
        }
        assert_eq!((errors, patched), (vec![], expected), "{patch}");
    }
    for (operation, path) in [
        ("add", "/l/5"),
        ("add", "/l/x"),
        ("remove", "/l/3"),
        ("remove", "/l/-4"),
        ("add", "/n/x"),
        ("test", "/z/z"),
        ("add", "l"),
    ] {
        let mut patched = object();
        let rule = json!({ "conditions": { "groupResource": "*" }, "patches": [op(operation, "", path, "1")] });
        assert_eq!(modifiers(json!([rule])).apply(&"things".into(), "", &mut patched).len(), 1, "{operation} {path}");
        assert_eq!(patched, object());
    }
}

#[test]
fn m12_documents_that_are_not_valid_are_refused_with_every_fault() {
    let rule = "- conditions: {groupResource: pods}\n  mergePatches: [{patchData: 'a: 1'}]\n";
    let with = |version: &str, rules: &str| format!("version: {version}\nresourceModifierRules:\n{rules}");
    assert!(Modifiers::parse(&with("v1", rule)).is_ok());
    assert!(Modifiers::parse(&with("V1", rule)).is_ok());
    let patch =
        |fields: &str| with("v1", &format!("- conditions: {{groupResource: pods}}\n  patches: [{{{fields}}}]\n"));
    let cases = [
        (with("v2", rule), "v2"),
        ("version: v1\n".to_owned(), "no rules"),
        ("version: v1\nresourceModifierRules: []\n".to_owned(), "no rules"),
        (with("v1", "- conditions: {groupResource: pods, odd: 1}\n  mergePatches: [{patchData: 'a: 1'}]\n"), "odd"),
        (with("v1", rule) + "odd: 1\n", "odd"),
        (
            with(
                "v1",
                "- conditions: {groupResource: pods}\n  mergePatches: [{patchData: 'a: 1'}]\n  strategicPatches: [{patchData: 'a: 1'}]\n",
            ),
            "only one",
        ),
        (with("v1", "- conditions: {groupResource: pods}\n"), "no patches"),
        (with("v1", "- conditions: {}\n  mergePatches: [{patchData: 'a: 1'}]\n"), "groupResource"),
        (patch("operation: change, path: /a"), "change"),
        (patch("path: /a"), "operation"),
        (patch("operation: add, value: x"), "no path"),
        (patch("operation: add, path: /a, value: [1]"), "string"),
        (": [".to_owned(), "resource modifiers"),
        ("[]".to_owned(), "resource modifiers"),
    ];
    for (text, part) in cases {
        let error = Modifiers::parse(&text).expect_err(&text).to_string();
        assert!(error.contains(part), "{text} gave {error}");
    }
}

#[test]
fn m12_a_config_map_has_exactly_one_key() {
    let text = "version: v1\nresourceModifierRules: [{conditions: {groupResource: pods}, mergePatches: [{patchData: 'a: 1'}]}]\n";
    assert!(Modifiers::from_config_map(&json!({ "data": { "any": text } })).is_ok());
    for config_map in
        [json!({ "data": { "a": text, "b": text } }), json!({ "data": {} }), json!({}), json!({ "data": { "a": 1 } })]
    {
        assert!(Modifiers::from_config_map(&config_map).is_err(), "{config_map}");
    }
}

#[test]
fn yaml_scalars_are_values_too() {
    for (yaml, expected) in [
        ("2", json!(2)),
        ("\"2\"", json!(2)),
        ("'\"2\"'", json!("2")),
        ("true", json!(true)),
        ("premium", json!("premium")),
    ] {
        let text = format!(
            "version: v1\nresourceModifierRules:\n- conditions:\n    groupResource: '*'\n  patches:\n  - operation: add\n    path: /v\n    value: {yaml}\n"
        );
        let mut object = json!({ "kind": "K" });
        assert!(Modifiers::parse(&text).unwrap().apply(&"things".into(), "", &mut object).is_empty());
        assert_eq!(object["v"], expected, "{yaml}");
    }
}
