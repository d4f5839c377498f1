//! List responses of an API server, cut into objects while they arrive, and the objects themselves.

use super::{Random, Target, mutate};
use bytes::Bytes;
use serde_json::{Value, json};
use std::sync::Arc;
use velero_core::{Item, Resource, Scope};
use velero_k8s::live::splitter::ItemSplitter;

const WORDS: [&str; 20] = [
    "\"items\":[",
    "\"items\" : [",
    "items",
    "\"metadata\":{\"name\":\"a\"}",
    "\"kind\":\"Pod\"",
    "\"kind\":null",
    "apiVersion",
    "metadata",
    "\"apiVersion\":\"v1\"",
    "continue",
    "\\\"",
    "\\",
    "\"",
    "[",
    "]",
    "{",
    "}",
    ",",
    "null",
    "\\u0069tems",
];

pub struct List;

fn seed() -> Value {
    let pod = json!({"kind": "Pod", "apiVersion": "v1", "metadata": {"name": "a", "namespace": "n", "uid": "u", "labels": {"x": "y\"}{"}}, "spec": {}});
    let bare = json!({"metadata": {"name": "b\\", "deletionTimestamp": null}, "data": {"t": "]},{[\\\"\\\\"}});
    json!({"kind": "PodList", "apiVersion": "v1", "metadata": {"continue": "t", "resourceVersion": "1"}, "items": [pod, bare, {"metadata": {"name": "c"}}]})
}

impl Target for List {
    fn name(&self) -> &'static str {
        "list"
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut value = seed();
        mutate::tree(random, &mut value, &WORDS);
        let mut bytes = value.to_string().into_bytes();
        if random.one_in(2) {
            mutate::havoc(random, &mut bytes, &WORDS);
        }
        bytes
    }

    fn run(&self, input: &[u8]) {
        let whole = split(input, |_| input.len().max(1));
        let mut random = Random::new(input.len() as u64, 0);
        let largest = 1 + random.below(40);
        let framed = split(input, |_| 1 + random.below(largest));
        assert_eq!(whole, framed, "the size of frames makes a difference");
        let Ok((items, _)) = whole else { return };
        agree(input, &items);
        let resource = Arc::new(pods());
        for raw in items {
            read(&resource, raw);
        }
    }
}

type Split = Result<(Vec<Bytes>, Vec<u8>), &'static str>;

fn split(input: &[u8], mut size: impl FnMut(usize) -> usize) -> Split {
    let (mut splitter, mut items) = (ItemSplitter::default(), Vec::new());
    let mut rest = input;
    while !rest.is_empty() {
        let (frame, behind) = rest.split_at(size(rest.len()).min(rest.len()));
        splitter.feed(Bytes::copy_from_slice(frame), &mut items)?;
        rest = behind;
    }
    Ok((items, splitter.finish()?))
}

/// A list that is good JSON has as many items as a whole parser finds.
fn agree(input: &[u8], items: &[Bytes]) {
    let Ok(list) = serde_json::from_slice::<Value>(input) else { return };
    let text = String::from_utf8_lossy(input);
    let (Some(expected), 1, false) =
        (list["items"].as_array(), text.matches("\"items\"").count(), text.contains("\\u"))
    else {
        return;
    };
    let found: Vec<Value> = items.iter().map(|item| serde_json::from_slice(item).expect("an item is JSON")).collect();
    assert_eq!(&found, expected);
}

fn read(resource: &Arc<Resource>, raw: Bytes) {
    let Ok(item) = Item::read(resource, raw) else { return };
    // The header does not look into what it skips; whoever needs the whole finds out.
    let Ok(value) = item.value() else { return };
    assert!(value["kind"].is_string() && value["apiVersion"].is_string(), "without type: {value}");
    assert_eq!(value["metadata"]["name"], item.name.as_str(), "{value}");
    let again = item.with_value(&value).expect("a whole item stays one");
    assert_eq!((again.id(), again.labels), (item.id(), item.labels));
}

fn pods() -> Resource {
    Resource {
        group: String::new(),
        version: "v1".into(),
        plural: "pods".into(),
        singular: "pod".into(),
        kind: "Pod".into(),
        scope: Scope::Namespaced,
        verbs: vec!["list".into()],
        short_names: Vec::new(),
        has_status: true,
    }
}
