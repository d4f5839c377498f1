//! Lists of which long objects consist.

use crate::fuzz::{Random, Target, mutate};
use serde_json::{Value, json};
use velero_repo::repository::object::{FilePart, ObjectId, concatenate, encode_list, parse_list};

const WORDS: [&str; 14] = [
    "stream",
    "kopia:indirect",
    "entries",
    "s",
    "l",
    "o",
    "Ix048cfe1c163b716bf2bdfa5777ae356a",
    "IIIIIIIIIxabcd",
    "ZIabcd",
    "Zabcd",
    "Dabcd",
    "kabc",
    "null",
    "-9223372036854775808",
];

pub struct Objects {
    seed: Value,
}

impl Objects {
    pub fn new() -> Objects {
        let entries = json!([
            {"l": 2811414, "o": "048cfe1c163b716bf2bdfa5777ae356a"},
            {"s": 2811414, "l": 8388608, "o": "Ixb67f8899d6b854c8865ca7a6e5bdc799"},
            {"s": 11200022, "l": 799978, "o": "Z7765c6c1ff9b3334dff6e51ba1ee2a46"},
            {"s": 12000000, "o": "7765c6c1ff9b3334dff6e51ba1ee2a46"}]);
        Objects { seed: json!({"stream": "kopia:indirect", "entries": entries}) }
    }
}

impl Target for Objects {
    fn name(&self) -> &'static str {
        "objects"
    }

    fn memory(&self) -> usize {
        8 << 20
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        mutate::document(random, &self.seed, &WORDS)
    }

    fn run(&self, input: &[u8]) {
        let id = ObjectId::parse("Ixabcd").expect("an object id");
        let Ok(entries) = parse_list(&id, input) else { return };
        assert_eq!(parse_list(&id, input).ok().as_ref(), Some(&entries), "a second reading differs");
        let written = encode_list(&entries).expect("what was read can be written");
        assert_eq!(parse_list(&id, &written).ok().as_ref(), Some(&entries));
        let mut end = 0;
        for entry in &entries {
            assert_eq!(entry.start, end, "a gap");
            end += entry.length;
            assert_eq!(ObjectId::parse(&entry.object.to_string()).ok(), Some(entry.object));
        }
        if let Ok(twice) = concatenate(vec![FilePart::List(entries.clone()), FilePart::List(entries.clone())]) {
            assert_eq!(twice.len(), 2 * entries.len());
            assert!(encode_list(&twice).is_ok());
        }
    }
}
