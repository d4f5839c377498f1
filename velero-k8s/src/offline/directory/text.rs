//! Manifests as text: YAML and JSON, one document or many, lists taken apart.

use super::Found;
use crate::{Error, Result};
use serde_json::{Value, json};
use std::path::Path;

/// Whether a file is read by its name.
pub fn is_manifest(path: &Path) -> bool {
    matches!(path.extension().and_then(|end| end.to_str()), Some("yaml" | "yml" | "json"))
}

fn is_json(path: &Path) -> bool {
    path.extension().is_some_and(|end| end == "json")
}

/// The objects in a file.
pub fn read(path: &Path, bytes: &[u8]) -> Result<Vec<Found>> {
    let documents = if is_json(path) { read_json(path, bytes)? } else { read_yaml(path, bytes)? };
    let many = documents.len() > 1;
    let mut found = Vec::new();
    for (at, document) in documents.into_iter().enumerate() {
        let place = if many { format!(" (document {})", at + 1) } else { String::new() };
        take_apart(path, &place, document, &mut found)?;
    }
    Ok(found)
}

fn read_json(path: &Path, bytes: &[u8]) -> Result<Vec<Value>> {
    let documents = serde_json::Deserializer::from_slice(bytes).into_iter::<Value>();
    documents.collect::<Result<_, _>>().map_err(|e| malformed(path, &format!(":{}:{}", e.line(), e.column()), e))
}

fn read_yaml(path: &Path, bytes: &[u8]) -> Result<Vec<Value>> {
    let text = std::str::from_utf8(bytes).map_err(|e| malformed(path, "", e))?;
    parse_yaml(text).map_err(|e| {
        let place = e.location().map(|place| format!(":{}:{}", place.line(), place.column()));
        malformed(path, &place.unwrap_or_default(), e)
    })
}

/// The budget guards against hostile documents; these are the user's own, and may be large.
fn parse_yaml(text: &str) -> Result<Vec<Value>, serde_saphyr::Error> {
    let options = serde_saphyr::options! { budget: None, with_snippet: false };
    serde_saphyr::from_multiple_with_options(text, options)
}

fn malformed(path: &Path, place: &str, source: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::Offline { operation: "read", path: format!("{}{place}", path.display()), source: source.into() }
}

/// Takes lists apart, whose items may omit what the list says already.
fn take_apart(path: &Path, place: &str, mut document: Value, found: &mut Vec<Found>) -> Result<()> {
    let here = |object: Value| Found { path: path.to_owned(), place: place.to_owned(), object };
    if !document.is_object() {
        return Err(here(Value::Null).error("is no Kubernetes object but another kind of value"));
    }
    let kind = document["kind"].as_str().and_then(|kind| kind.strip_suffix("List")).map(str::to_owned);
    let Some(kind) = kind.filter(|_| document["items"].is_array()) else {
        found.push(here(document));
        return Ok(());
    };
    let version = document["apiVersion"].clone();
    let items = document["items"].as_array_mut().map(std::mem::take).unwrap_or_default();
    for (at, mut item) in items.into_iter().enumerate() {
        if !kind.is_empty() && item.is_object() {
            crate::offline::default::or(&mut item, "apiVersion", version.clone());
            crate::offline::default::or(&mut item, "kind", json!(kind));
        }
        take_apart(path, &format!("{place} (item {})", at + 1), item, found)?;
    }
    Ok(())
}

/// The text of a file that holds `objects`.
pub fn print(path: &Path, objects: &[Value]) -> String {
    match objects {
        [one] if is_json(path) => print_json(one),
        many if is_json(path) => print_json(&json!({ "apiVersion": "v1", "kind": "List", "items": many })),
        many => many.iter().map(print_yaml).collect::<Vec<_>>().join("---\n"),
    }
}

fn print_json(value: &Value) -> String {
    format!("{value:#}\n")
}

/// YAML if it reads back as the same value, else JSON, which is YAML too.
fn print_yaml(value: &Value) -> String {
    let text = serde_saphyr::to_string(value).unwrap_or_default();
    let same = parse_yaml(&text).is_ok_and(|read| read.len() == 1 && read[0] == *value);
    if !same {
        return print_json(value);
    }
    if text.ends_with('\n') { text } else { text + "\n" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            ".{0,12}".prop_map(Value::from),
            "(yes|no|on|0x1f|1e3|007|~|null|[-?:,#&*!|>'\"%@` \n]{1,3}a?)".prop_map(Value::from),
        ];
        leaf.prop_recursive(3, 20, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z~ #:.\\-]{0,5}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(200))]
        #[test]
        fn what_is_written_reads_back(values in prop::collection::vec(values(), 1..4)) {
            let objects: Vec<_> = values.into_iter().map(|v| json!({ "apiVersion": "v1", "kind": "A", "v": v })).collect();
            for name in ["a.yaml", "a.json"] {
                let path = Path::new(name);
                let read = read(path, print(path, &objects).as_bytes()).expect("readable");
                prop_assert_eq!(read.into_iter().map(|found| found.object).collect::<Vec<_>>(), objects.clone());
            }
        }
    }

    #[test]
    fn lists_are_taken_apart() {
        let text = "apiVersion: v1\nkind: ConfigMapList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n---\n---\n\
                    apiVersion: v1\nkind: Secret\nmetadata: {name: c}\n";
        let found = read(Path::new("x.yml"), text.as_bytes()).expect("readable");
        let shown: Vec<_> = found.iter().map(|f| (f.place.as_str(), f.object["kind"].clone())).collect();
        let expected = [
            (" (document 1) (item 1)", json!("ConfigMap")),
            (" (document 1) (item 2)", json!("ConfigMap")),
            (" (document 2)", json!("Secret")),
        ];
        assert_eq!(shown, expected);
    }

    #[test]
    fn a_malformed_file_is_named_with_the_place() {
        for (name, text, place) in [
            ("b.yaml", "a: b\nc: [\n", "b.yaml:"),
            ("b.json", "{\n  \"a\": }", "b.json:2:8"),
            ("b.yaml", "- a", "b.yaml"),
        ] {
            let error = read(Path::new(name), text.as_bytes()).expect_err("malformed");
            assert!(error.to_string().contains(place), "{error}");
        }
    }
}
