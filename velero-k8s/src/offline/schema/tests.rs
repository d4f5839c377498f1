use super::*;
use crate::offline::failure::Cause;
use serde_json::json;

fn schema() -> Value {
    json!({ "type": "object", "properties": { "spec": { "type": "object", "required": ["size"], "properties": {
        "size": { "type": "integer", "minimum": 1, "maximum": 9 },
        "color": { "type": "string", "enum": ["red", "green"], "default": "red" },
        "name": { "type": "string", "pattern": "^[a-z]+$", "maxLength": 5 },
        "list": { "type": "array", "maxItems": 2, "items": { "type": "object", "properties": {
            "k": { "type": "string", "default": "v" } } } },
        "map": { "type": "object", "additionalProperties": { "type": "string" } },
        "any": { "type": "object", "x-kubernetes-preserve-unknown-fields": true },
        "ios": { "x-kubernetes-int-or-string": true },
        "nul": { "type": "string", "nullable": true },
        "obj": { "type": "object", "default": {}, "properties": { "x": { "type": "number", "default": 1.5 } } },
        "emb": { "type": "object", "x-kubernetes-embedded-resource": true, "x-kubernetes-preserve-unknown-fields": true },
    } } } })
}

fn completed(spec: Value) -> Value {
    let mut object = json!({ "apiVersion": "a/v1", "kind": "A", "metadata": { "name": "a", "x": 1 }, "q": 1 });
    object["spec"] = spec;
    complete(&schema(), &mut object);
    assert_eq!(object["metadata"], json!({ "name": "a" }));
    assert_eq!(object.get("q"), None);
    object["spec"].take()
}

#[test]
fn unknown_fields_go_and_defaults_come() {
    for (sent, kept) in [
        (json!({ "size": 1, "bogus": 2 }), json!({ "size": 1, "color": "red", "obj": { "x": 1.5 } })),
        (
            json!({ "list": [{}, { "k": "w", "z": 1 }], "obj": { "x": 2, "q": 1 } }),
            json!({ "list": [{ "k": "v" }, { "k": "w" }], "obj": { "x": 2 }, "color": "red" }),
        ),
        (
            json!({ "map": { "a": "b" }, "any": { "z": { "y": 1 } }, "color": "green" }),
            json!({ "map": { "a": "b" }, "any": { "z": { "y": 1 } }, "color": "green", "obj": { "x": 1.5 } }),
        ),
        (
            json!({ "color": null, "nul": null, "size": null, "obj": {} }),
            json!({ "color": "red", "nul": null, "obj": { "x": 1.5 } }),
        ),
        (
            json!({ "emb": { "apiVersion": "v1", "kind": "X", "a": 1, "metadata": { "name": "q", "bogus": 1 } } }),
            json!({ "emb": { "apiVersion": "v1", "kind": "X", "a": 1, "metadata": { "name": "q" } },
                "color": "red", "obj": { "x": 1.5 } }),
        ),
    ] {
        assert_eq!(completed(sent), kept);
    }
}

#[test]
fn wrong_values_are_named_as_a_server_names_them() {
    let body = |field: &str, why: &str| format!("{field} in body {why}");
    let of_type = |field: &str, wanted: &str, found: &str| {
        Cause::invalid(field, &json!(found), &body(field, &format!("must be of type {wanted}: \"{found}\"")))
    };
    for (spec, cause) in [
        (json!({}), Cause::required("spec.size", "")),
        (json!({ "size": "x" }), of_type("spec.size", "integer", "string")),
        (json!({ "size": 1.5 }), of_type("spec.size", "integer", "number")),
        (json!({ "size": 1, "map": { "a": 1 } }), of_type("spec.map.a", "string", "integer")),
        (json!({ "size": 1, "map": [] }), of_type("spec.map", "object", "array")),
        (json!({ "size": 1, "ios": true }), of_type("spec.ios", "integer,string", "boolean")),
        (
            json!({ "size": 1, "color": "blue" }),
            Cause::other("spec.color", "Unsupported value: \"blue\": supported values: \"red\", \"green\""),
        ),
        (
            json!({ "size": 0 }),
            Cause::invalid("spec.size", &json!(0), &body("spec.size", "should be greater than or equal to 1")),
        ),
        (
            json!({ "size": 10 }),
            Cause::invalid("spec.size", &json!(10), &body("spec.size", "should be less than or equal to 9")),
        ),
        (
            json!({ "size": 1, "name": "A" }),
            Cause::invalid("spec.name", &json!("A"), &body("spec.name", "should match '^[a-z]+$'")),
        ),
        (json!({ "size": 1, "name": "abcdefgh" }), Cause::other("spec.name", "Too long: may not be more than 5 bytes")),
        (
            json!({ "size": 1, "list": [{}, {}, {}] }),
            Cause::other("spec.list", "Too many: 3: must have at most 2 items"),
        ),
    ] {
        assert_eq!(validate::check(&schema(), &json!({ "spec": spec })), [cause]);
    }
    assert_eq!(validate::check(&schema(), &json!({ "spec": { "size": 2, "emb": { "a": 1 } } })).len(), 2);
    assert_eq!(validate::check(&schema(), &json!({ "spec": { "size": 2, "ios": "5%", "nul": null } })), []);
}

#[test]
fn junctors_join_schemas() {
    let either = json!({ "anyOf": [{ "type": "integer" }, { "type": "string" }], "not": { "enum": ["no"] } });
    let holder = json!({ "properties": { "a": either, "b": { "oneOf": [{ "minimum": 3 }, { "maximum": 5 }] } } });
    let wrong = |object: Value| validate::check(&holder, &object).len();
    assert_eq!(wrong(json!({ "a": "x", "b": 7 })), 0);
    assert_eq!(wrong(json!({ "a": true, "b": 4 })), 2);
    assert_eq!(wrong(json!({ "a": "no" })), 1);
}
