//! Directory objects: what comes out of them is used as a path.

use crate::fuzz::{Random, Target, mutate};
use serde_json::{Value, json};
use velero_repo::repository::directory::{Entry, Reader, Shape, Tail, Writer};

const WORDS: [&str; 26] = [
    "stream",
    "kopia:directory",
    "entries",
    "summary",
    "name",
    "type",
    "mode",
    "mtime",
    "obj",
    "summ",
    "size",
    "..",
    ".",
    "a/b",
    "/etc/passwd",
    "f",
    "d",
    "s",
    "0755",
    "0x1ff",
    "2026-11-21T12:00:00.5Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "k0b1c2d",
    "IxZabcd",
    "null",
];

pub struct Directories {
    seeds: [Value; 3],
}

impl Directories {
    pub fn new() -> Directories {
        let object = "048cfe1c163b716bf2bdfa5777ae356a";
        let sum = json!({"size": 5, "files": 1, "symlinks": 1, "dirs": 1, "maxTime": "2026-11-21T12:00:00Z", "numFailed": 1,
            "numIgnoredErrors": 1, "incomplete": "checkpoint", "errors": [{"path": "a", "error": "denied", "more": 1}]});
        let entries = json!([
            {"name": "sub", "type": "d", "mode": "0755", "mtime": "2026-11-21T12:00:00.123456789Z", "uid": 1000, "gid": 7,
                "obj": format!("k{object}"), "summ": sum, "new": {"x": [1.5]}},
            {"name": "a", "type": "f", "mode": "0644", "size": 5, "mtime": "1969-12-31T23:59:59Z", "obj": object},
            {"name": "ä<&>\u{2028}", "type": "s", "mode": "0777", "size": 2, "obj": format!("I{object}")}]);
        let empty = json!({"stream": "kopia:directory", "entries": null, "summary": sum});
        let device = json!({"stream": "kopia:directory", "summary": sum, "entries":
            [{"name": "/dev/xvdb", "type": "f", "size": 1 << 30, "mtime": "0001-01-01T00:00:00Z", "obj": format!("Ix{object}")}]});
        let tree = json!({"stream": "kopia:directory", "entries": entries, "summary": sum, "later": true});
        Directories { seeds: [tree, empty, device] }
    }
}

impl Target for Directories {
    fn name(&self) -> &'static str {
        "directory"
    }

    fn memory(&self) -> usize {
        16 << 20
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let seed = random.pick(&self.seeds);
        mutate::document(random, seed, &WORDS)
    }

    fn run(&self, input: &[u8]) {
        for shape in [Shape::Tree, Shape::Device] {
            let (entries, tail) = read(input, shape);
            assert_eq!((&entries, &tail), (&read(input, shape).0, &read(input, shape).1), "a second reading differs");
            for entry in &entries {
                let name = entry.name.as_str();
                assert!(!name.is_empty() && !name.contains('\0'), "{name:?}");
                assert!(shape == Shape::Device || !name.contains('/') && name != "." && name != "..", "{name:?}");
                assert!(entry.object().is_ok());
            }
            if let Some(tail) = tail {
                written(entries, tail, shape);
            }
        }
    }
}

/// The sound entries, and what follows them if all are sound.
fn read(input: &[u8], shape: Shape) -> (Vec<Entry>, Option<Tail>) {
    let Ok(mut reader) = Reader::new("fuzz", input, shape) else { return (Vec::new(), None) };
    let (mut entries, mut sound) = (Vec::new(), true);
    for item in reader.by_ref() {
        match item {
            Ok(entry) => entries.push(entry),
            Err(_) => sound = false,
        }
    }
    let tail = reader.finish().ok();
    (entries, tail.filter(|_| sound))
}

fn written(mut entries: Vec<Entry>, tail: Tail, shape: Shape) {
    entries.sort_by(|a, b| (!a.is_directory(), &a.name).cmp(&(!b.is_directory(), &b.name)));
    let mut writer = Writer::new(Vec::new(), shape);
    for entry in &entries {
        writer.push(entry).expect("what was read can be written");
    }
    let bytes = writer.finish(tail.clone()).expect("what was read can be written");
    assert_eq!(read(&bytes, shape), (entries, Some(tail)), "what was written reads differently");
}
