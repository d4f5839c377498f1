//! Whether a custom resource fits its schema.
//!
//! Checked: `type`, `nullable`, `x-kubernetes-int-or-string`, `required`, `enum`, `pattern`, lengths, ranges, `multipleOf`,
//! counts of items and properties, `uniqueItems`, `allOf`, `anyOf`, `oneOf`, `not`, and the type of embedded
//! resources. Not checked: `format`, list and map types, validation expressions.

use super::EMBEDDED;
use crate::offline::failure::Cause;
use regex::Regex;
use serde_json::{Map, Value, json};

/// What is wrong with `object`; its envelope is not the schema's business.
pub fn check(schema: &Value, object: &Value) -> Vec<Cause> {
    let mut causes = Vec::new();
    check_value(schema, object, "", &mut causes);
    causes
}

fn check_value(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    if value.is_null() && schema["nullable"] == true {
        return;
    }
    if let Some(wanted) = wrong_type(schema, value) {
        let (found, at) = (json!(type_name(value)), place(path));
        causes.push(Cause::invalid(path, &found, &format!("{at} must be of type {wanted}: {found}")));
        return;
    }
    match value {
        Value::Object(fields) => check_fields(schema, fields, path, causes),
        Value::Array(items) => check_items(schema, items, path, causes),
        Value::String(text) => check_text(schema, text, path, causes),
        Value::Number(_) => check_number(schema, value, path, causes),
        _ => {}
    }
    check_enum(schema, value, path, causes);
    check_junctors(schema, value, path, causes);
}

fn place(path: &str) -> String {
    format!("{path} in body")
}

fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

/// The type that the schema wants, if the value has another.
fn wrong_type<'a>(schema: &'a Value, value: &Value) -> Option<&'a str> {
    if schema["x-kubernetes-int-or-string"] == true {
        let fits = value.is_string() || value.is_i64() || value.is_u64();
        return (!fits).then_some("integer,string");
    }
    let wanted = schema["type"].as_str()?;
    let whole = || value.as_f64().is_some_and(|number| number.fract() == 0.0);
    let fits = match wanted {
        "number" => value.is_number(),
        "integer" => value.is_number() && whole(),
        other => other == type_name(value),
    };
    (!fits).then_some(wanted)
}

fn check_fields(schema: &Value, fields: &Map<String, Value>, path: &str, causes: &mut Vec<Cause>) {
    let join = |field: &str| if path.is_empty() { field.to_owned() } else { format!("{path}.{field}") };
    let (properties, more) = (&schema["properties"], &schema["additionalProperties"]);
    for (field, value) in fields {
        let envelope = path.is_empty() && super::is_envelope(field);
        let schema = properties.get(field).or(more.is_object().then_some(more));
        if let (Some(schema), false) = (schema, envelope) {
            check_value(schema, value, &join(field), causes);
        }
    }
    let embedded: &[&str] = if schema[EMBEDDED] == true { &["apiVersion", "kind"] } else { &[] };
    let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
    for field in required.chain(embedded.iter().copied()) {
        if !fields.contains_key(field) {
            causes.push(Cause::required(join(field), ""));
        }
    }
    let count = fields.len() as u64;
    if let Some(most) = schema["maxProperties"].as_u64().filter(|most| count > *most) {
        let detail = format!("Too many: {count}: must have at most {most} items");
        causes.push(Cause::other(path, detail));
    }
    if let Some(least) = schema["minProperties"].as_u64().filter(|least| count < *least) {
        let why = format!("{} should have at least {least} properties", place(path));
        causes.push(Cause::invalid(path, &Value::Object(fields.clone()), &why));
    }
}

fn check_items(schema: &Value, items: &[Value], path: &str, causes: &mut Vec<Cause>) {
    for (at, item) in items.iter().enumerate() {
        if schema["items"].is_object() {
            check_value(&schema["items"], item, &format!("{path}[{at}]"), causes);
        }
    }
    let count = items.len() as u64;
    if let Some(most) = schema["maxItems"].as_u64().filter(|most| count > *most) {
        causes.push(Cause::other(path, format!("Too many: {count}: must have at most {most} items")));
    }
    if let Some(least) = schema["minItems"].as_u64().filter(|least| count < *least) {
        let why = format!("{} should have at least {least} items", place(path));
        causes.push(Cause::invalid(path, &json!(count), &why));
    }
    let twice = |at: usize| items[..at].contains(&items[at]);
    if schema["uniqueItems"] == true && (1..items.len()).any(twice) {
        causes.push(Cause::other(path, format!("Duplicate value: {}", json!(items))));
    }
}

fn check_text(schema: &Value, text: &str, path: &str, causes: &mut Vec<Cause>) {
    let count = text.chars().count() as u64;
    if let Some(most) = schema["maxLength"].as_u64().filter(|most| count > *most) {
        causes.push(Cause::other(path, format!("Too long: may not be more than {most} bytes")));
    }
    if let Some(least) = schema["minLength"].as_u64().filter(|least| count < *least) {
        let why = format!("{} should be at least {least} chars long", place(path));
        causes.push(Cause::invalid(path, &json!(text), &why));
    }
    let Some(pattern) = schema["pattern"].as_str() else { return };
    // A pattern that this engine can not read was accepted by the server that made the CRD: it is not checked.
    if Regex::new(pattern).is_ok_and(|pattern| !pattern.is_match(text)) {
        let why = format!("{} should match '{pattern}'", place(path));
        causes.push(Cause::invalid(path, &json!(text), &why));
    }
}

fn check_number(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let number = value.as_f64().unwrap_or_default();
    let mut refuse =
        |why: String| causes.push(Cause::invalid(path, value, &format!("{} should be {why}", place(path))));
    if let Some(least) = schema["minimum"].as_f64() {
        let exclusive = schema["exclusiveMinimum"] == true;
        if number < least || (exclusive && number <= least) {
            let relation = if exclusive { "greater than" } else { "greater than or equal to" };
            refuse(format!("{relation} {}", schema["minimum"]));
        }
    }
    if let Some(most) = schema["maximum"].as_f64() {
        let exclusive = schema["exclusiveMaximum"] == true;
        if number > most || (exclusive && number >= most) {
            let relation = if exclusive { "less than" } else { "less than or equal to" };
            refuse(format!("{relation} {}", schema["maximum"]));
        }
    }
    if let Some(factor) = schema["multipleOf"].as_f64().filter(|factor| (number / factor).fract() != 0.0) {
        refuse(format!("a multiple of {factor}"));
    }
}

fn check_enum(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let Some(choices) = schema["enum"].as_array().filter(|choices| !choices.contains(value)) else { return };
    let choices = choices.iter().map(Value::to_string).collect::<Vec<_>>().join(", ");
    causes.push(Cause::other(path, format!("Unsupported value: {value}: supported values: {choices}")));
}

fn check_junctors(schema: &Value, value: &Value, path: &str, causes: &mut Vec<Cause>) {
    let branches = |junctor: &str| schema[junctor].as_array();
    let fits = |branch: &&Value| {
        let mut wrong = Vec::new();
        check_value(branch, value, path, &mut wrong);
        wrong.is_empty()
    };
    for branch in branches("allOf").into_iter().flatten() {
        check_value(branch, value, path, causes);
    }
    let mut refuse = |why: &str| causes.push(Cause::invalid(path, &json!(""), &format!("{path} {why}")));
    if branches("anyOf").is_some_and(|any| !any.iter().any(|branch| fits(&branch))) {
        refuse("must validate at least one schema (anyOf)");
    }
    if branches("oneOf").is_some_and(|one| one.iter().filter(fits).count() != 1) {
        refuse("must validate one and only one schema (oneOf)");
    }
    if schema["not"].is_object() && fits(&&schema["not"]) {
        refuse("must not validate the schema (not)");
    }
}
