//! Documents of snapshots and policies, ignore rules, and what is decided by them.

use crate::fuzz::{Random, Target, mutate};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use velero_repo::repository::directory::Mode;
use velero_repo::repository::gojson::{self, Time};
use velero_repo::repository::manifest::{ManifestId, Record, TYPE, labels};
use velero_repo::repository::policy::{Policy, merge};
use velero_repo::repository::rules::Rules;
use velero_repo::repository::snapshot::{SNAPSHOT, Snapshot, Source, previous, retain};

const WORDS: [&str; 30] = [
    "source",
    "host",
    "userName",
    "path",
    "rootEntry",
    "tags",
    "tag:x",
    "hostname",
    "type",
    "pins",
    "stats",
    "startTime",
    "2026-11-21T12:00:00Z",
    "1677-09-21T00:12:43.145224192Z",
    "2262-04-11T23:47:16.854775807Z",
    "incomplete",
    "storageStats",
    "retention",
    "keepLatest",
    "keepAnnual",
    "files",
    "ignore",
    "**/*.log",
    "!/a/[b-d]?",
    "[z-a",
    "\\",
    "a**b**c**d**e**f**",
    "noParent",
    "compression",
    "null",
];

pub struct Snapshots {
    seeds: [Value; 3],
}

impl Snapshots {
    pub fn new() -> Snapshots {
        let object = "k048cfe1c163b716bf2bdfa5777ae356a";
        let root = json!({"name": "data", "type": "d", "mode": "0755", "mtime": "2026-11-21T12:00:00.1Z", "obj": object,
            "summ": {"size": 5, "files": 1, "symlinks": 0, "dirs": 1, "maxTime": "2026-11-21T12:00:00Z", "numFailed": 0}});
        let snapshot = json!({"id": "", "source": {"host": "default", "userName": "default", "path": "/data"}, "description": "<Kopia>",
            "startTime": "2026-11-21T12:00:00Z", "endTime": "2026-11-21T12:00:01.5Z", "stats": {"totalSize": 5, "fileCount": 1},
            "rootEntry": root, "tags": {"tag:a": "b"}, "storageStats": {"x": [1, -1, 0.1]}, "pins": ["velero-pin"], "incomplete": "checkpoint", "later": 1.50});
        let policy = json!({"retention": {"keepLatest": 10, "keepHourly": 48, "keepDaily": 7, "keepWeekly": 4, "keepMonthly": 24, "keepAnnual": 3},
            "files": {"ignore": ["*.log", "/tmp/", "!keep.log"], "ignoreDotFiles": [".kopiaignore"], "maxFileSize": 1000, "oneFileSystem": true},
            "errorHandling": {"ignoreFileErrors": true}, "scheduling": {"intervalSeconds": 60, "timeOfDay": [{"hour": 1, "min": 2}], "cron": ["0 0 * * *"]},
            "compression": {"compressorName": "zstd-fastest", "minSize": 10, "onlyCompress": [".txt"], "neverCompress": [".zip"]},
            "metadataCompression": {"compressorName": "none"}, "splitter": {"algorithm": "FIXED"}, "actions": {"beforeFolder": {"cmd": "x", "args": ["y"]}},
            "logging": {"directories": {"snapshotted": 5}}, "upload": {"maxParallelFileReads": 3}, "noParent": false});
        Snapshots { seeds: [snapshot, policy, json!("*.o\n# c\n!/a/b\n[a-c]*\n**/x/\n a\\ \n?b{1,2}\n")] }
    }
}

impl Target for Snapshots {
    fn name(&self) -> &'static str {
        "snapshots"
    }

    fn memory(&self) -> usize {
        32 << 20
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut value = random.pick(&self.seeds).clone();
        if !random.one_in(4) && !value.is_string() {
            mutate::tree(random, &mut value, &WORDS);
        }
        let mut bytes = value.as_str().map_or_else(|| value.to_string(), str::to_owned).into_bytes();
        if random.one_in(3) || value.is_string() {
            mutate::havoc(random, &mut bytes, &WORDS);
        }
        bytes
    }

    fn run(&self, input: &[u8]) {
        rules(&Policy::default(), input);
        let Ok(document) = serde_json::from_slice::<&RawValue>(input) else { return };
        let snapshot = snapshot(document);
        let Ok(policy) = serde_json::from_str::<Policy>(document.get()) else { return };
        let written = gojson::to_vec(&policy).expect("what was read can be written");
        assert_eq!(serde_json::from_slice::<Policy>(&written).ok().as_ref(), Some(&policy));
        let source = Source::new("h", "u", "/a/b");
        let merged = merge(&source, &[(source.clone(), policy.clone())]);
        rules(&merged, b"");
        let snapshots: Vec<Snapshot> = snapshot.into_iter().flat_map(series).collect();
        for policy in [&policy, &merged] {
            assert_eq!(retain(&policy.retention, &snapshots).len(), snapshots.len());
        }
        assert!(previous(&snapshots, &source).len() <= snapshots.len());
    }
}

/// The snapshot of a document, if it is one; it can be stored, and is the same then.
fn snapshot(document: &RawValue) -> Option<Snapshot> {
    let id = ManifestId::from_random([5; 16]);
    let record =
        Record::new(id.clone(), labels([(TYPE, SNAPSHOT)]), Time::default(), &document).expect("it has a type");
    let snapshot = Snapshot::from_record(&record).ok()?;
    if snapshot.root.is_some() {
        let stored = snapshot.to_record(id, Time::default()).expect("what was read can be stored");
        assert_eq!(Snapshot::from_record(&stored).ok().as_ref(), Some(&snapshot));
        assert!(stored.matches(&snapshot.source.labels()));
    }
    Some(snapshot)
}

/// The same at several times, some of them incomplete.
fn series(snapshot: Snapshot) -> impl Iterator<Item = Snapshot> {
    (0..40_i64).map(move |number| {
        let mut one = snapshot.clone();
        let time = one.start_time.nanos().saturating_sub(number.saturating_mul(number) * 3_600_000_000_000);
        one.start_time = Time::from_nanos(time);
        if number % 3 == 0 {
            one.incomplete = String::new();
        }
        one
    })
}

/// Rules decide about any path; the same below a directory as in it.
fn rules(policy: &Policy, dot_file: &[u8]) {
    let Ok(root) = Rules::root(&policy.files, &[dot_file]) else { return };
    let _ = (root.is_cache(dot_file), root.one_file_system(), root.dot_files().len());
    for path in ["a", "a/b", "tmp", "x.log", "keep.log", "a/ä/\u{10ffff}", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"] {
        assert_eq!(root.decide(path, false, 5), root.decide(path, false, 5));
        let _ = (root.decide(path, true, 0), root.enter(path, Some(&policy.files), &[dot_file]));
    }
    let _ = serde_json::from_slice::<Mode>(dot_file);
}
