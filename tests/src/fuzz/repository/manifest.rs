//! Batches of manifests: compressed lists of records.

use crate::fuzz::{Random, Target, mutate, tape};
use serde_json::{Value, json};
use velero_repo::repository::manifest::{Labels, Merge, Record, decode, encode};

/// Bytes that a batch may expand to.
const LIMIT: u64 = 64 << 10;

const WORDS: [&str; 16] = [
    "entries",
    "id",
    "labels",
    "type",
    "snapshot",
    "policy",
    "modified",
    "deleted",
    "data",
    "2026-11-21T12:00:00Z",
    "2026-11-21T12:00:00.000000001Z",
    "0123456789abcdef0123456789abcdef",
    "true",
    "null",
    "../x",
    "\\ud800",
];

pub struct Manifests {
    seed: Value,
}

impl Manifests {
    pub fn new() -> Manifests {
        let record = |id: &str, kind: &str| json!({"id": id, "labels": {"type": kind, "hostname": "h"}, "modified": "2026-11-21T12:00:00Z", "data": {"a": [1, {"b": null}]}});
        let gone =
            json!({"id": "a1", "labels": null, "modified": "2026-11-21T13:00:00+01:00", "deleted": true, "data": null});
        Manifests { seed: json!({"entries": [record("a1", "snapshot"), record("b-2", "policy"), gone]}) }
    }
}

impl Target for Manifests {
    fn name(&self) -> &'static str {
        "manifests"
    }

    fn memory(&self) -> usize {
        24 << 20 // a record takes a few hundred bytes and its shortest text a dozen; they are collected here, twice
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut bytes = mutate::document(random, &self.seed, &WORDS);
        if random.one_in(50) {
            bytes.splice(0..0, std::iter::repeat_n(b' ', 1 + LIMIT as usize));
        }
        if random.one_in(50) {
            bytes = [br#"{"entries":["#, r#"{"id":"a"},"#.repeat(5_000).as_bytes(), br#"{"id":"b"}]}"#].concat();
        }
        let mut packed = tape::gzip(&bytes);
        if random.one_in(6) {
            mutate::havoc(random, &mut packed, &WORDS);
        }
        packed
    }

    fn run(&self, input: &[u8]) {
        let (records, whole) = read(input);
        assert_eq!((&records, whole), (&read(input).0, whole), "a second reading differs");
        let mut merge = Merge::new(Labels::new());
        let size: usize = records.iter().map(|record| record.data.get().len() + record.id.as_str().len()).sum();
        assert!(size as u64 <= LIMIT, "{size} bytes out of {LIMIT}");
        records.iter().cloned().for_each(|record| merge.add(record));
        let living = merge.finish();
        for record in living.iter() {
            assert!(!record.deleted);
            let latest = records.iter().filter(|other| other.id == record.id).map(|other| other.modified).max();
            assert_eq!(Some(record.modified), latest);
        }
        if whole {
            let written = encode(&records).expect("what was read can be written");
            let mut again = Vec::new();
            decode("fuzz", &written, 16 * LIMIT, |record| again.push(record)).expect("what was written can be read");
            assert_eq!(again, records, "what was written reads differently");
        }
    }
}

/// The records of a batch, and whether it was read to its end.
fn read(input: &[u8]) -> (Vec<Record>, bool) {
    let mut records = Vec::new();
    let end = decode("fuzz", input, LIMIT, |record| records.push(record));
    (records, end.is_ok())
}
