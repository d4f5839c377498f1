//! Hostile archives: each is refused with one line that names what is wrong, fast and with little memory.

use crate::{Outcome, velero_in};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tar::{EntryType, Header};

const MAP: &str = "resources/configmaps/namespaces/web/a.json";
const GOOD: &[u8] =
    br#"{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"a","namespace":"web"},"data":{"a":"b"}}"#;
const BACKUP: &[u8] = br#"{"apiVersion":"velero.io/v1","kind":"Backup","metadata":{"name":"web"},"spec":{},"status":{"phase":"Completed"}}"#;

/// A directory with a bucket that holds one backup, and an empty cluster.
struct Place(tempfile::TempDir);

impl Place {
    /// The backup has these files.
    fn new(document: &[u8], tarball: Option<&[u8]>) -> Place {
        let place = Place(tempfile::tempdir().unwrap());
        std::fs::create_dir_all(place.backup()).unwrap();
        std::fs::create_dir(place.0.path().join("target")).unwrap();
        std::fs::write(place.backup().join("velero-backup.json"), document).unwrap();
        if let Some(tarball) = tarball {
            std::fs::write(place.backup().join("web.tar.gz"), tarball).unwrap();
        }
        place
    }

    fn of(entries: &[Vec<u8>]) -> Place {
        Place::new(BACKUP, Some(&gzip(&tar(entries))))
    }

    fn backup(&self) -> PathBuf {
        self.0.path().join("bucket/backups/web")
    }

    fn run(&self, line: &str) -> Outcome {
        velero_in(self.0.path(), &format!("{line} --store bucket --offline target"))
    }

    /// Planning and restoring are refused with one line that has all `parts`; nothing is written.
    #[track_caller]
    fn refused(&self, parts: &[&str]) {
        for line in ["restore plan --from-backup web", "restore create back --from-backup web"] {
            let outcome = self.run(line).expect(1);
            let fault = outcome.fault();
            assert!(parts.iter().all(|part| fault.contains(part)), "{parts:?}: {fault}");
            assert!(fault.len() < 500, "{fault}");
        }
        assert_eq!(std::fs::read_dir(self.0.path().join("target")).unwrap().count(), 0);
        assert!(!self.backup().join("restores").exists());
    }
}

/// One entry of whatever name and type.
fn entry(path: &str, kind: EntryType, body: &[u8]) -> Vec<u8> {
    let mut header = Header::new_gnu();
    header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_size(body.len() as u64);
    header.set_cksum();
    let mut bytes = header.as_bytes().to_vec();
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(512), 0);
    bytes
}

fn file(path: &str, body: &[u8]) -> Vec<u8> {
    entry(path, EntryType::Regular, body)
}

fn tar(entries: &[Vec<u8>]) -> Vec<u8> {
    [entries.concat(), vec![0; 1024]].concat()
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn entries_that_lead_astray_are_refused_by_name() {
    for (path, reason) in [
        ("resources/configmaps/../../../etc/passwd", "leaves the archive"),
        ("/etc/passwd", "absolute"),
        ("resources//configmaps/a.json", "empty segment"),
    ] {
        Place::of(&[file(MAP, GOOD), file(path, b"{}")]).refused(&["backup web", path, reason]);
    }
    for kind in [EntryType::Symlink, EntryType::Link, EntryType::Fifo, EntryType::Char] {
        let path = "resources/configmaps/namespaces/web/b.json";
        Place::of(&[file(MAP, GOOD), entry(path, kind, b"")]).refused(&["backup web", path, "neither a file nor"]);
    }
}

#[test]
fn two_objects_of_one_name_are_refused_unless_they_are_the_same() {
    Place::of(&[file(MAP, GOOD), file(MAP, b"{}")]).refused(&["backup web", MAP, "twice with different content"]);
    Place::of(&[file(MAP, GOOD), file(MAP, GOOD)]).run("restore create back --from-backup web").expect(0);
}

#[test]
fn damaged_tarballs_are_refused() {
    let whole = gzip(&tar(&[file(MAP, GOOD)]));
    let with = |tarball: &[u8]| Place::new(BACKUP, Some(tarball));
    with(&whole[..whole.len() / 2]).refused(&["backup web", "gzip stream is cut off"]);
    with(&[&whole[..], b"garbage"].concat()).refused(&["backup web", "gzip"]);
    with(&gzip(&file(MAP, GOOD))).refused(&["backup web", MAP, "cut off"]);
    with(b"").refused(&["backup web", "cut off"]);
    with(b"{}").refused(&["backup web", "gzip stream"]);
    with(&gzip(b"")).refused(&["backup web", "cut off"]);
}

#[test]
fn a_missing_tarball_is_named() {
    Place::new(BACKUP, None).refused(&["web", "web.tar.gz", "does not exist"]);
}

#[test]
fn a_wrong_backup_document_is_named() {
    for document in [&b""[..], b"{", b"[]", b"null", br#"{"metadata":7}"#] {
        Place::new(document, Some(&gzip(&tar(&[])))).refused(&["velero-backup.json of backup web"]);
    }
    let other = String::from_utf8(BACKUP.to_vec()).unwrap().replace("Completed", "InProgress");
    Place::new(other.as_bytes(), Some(&gzip(&tar(&[])))).refused(&["backup web", "InProgress"]);
}

/// The whole command may take this much virtual memory; the runtime's own stacks and arenas are inside.
#[cfg(target_os = "linux")]
const MEMORY: u64 = 1 << 30;

#[test]
#[cfg(target_os = "linux")]
fn a_bomb_is_refused_fast_and_with_little_memory() {
    let bomb =
        gzip(&tar(&[file(MAP, GOOD), file("resources/configmaps/namespaces/web/b.json", &vec![b' '; 100 << 20])]));
    assert!(bomb.len() < 1 << 20, "{} bytes", bomb.len());
    let place = Place::new(BACKUP, Some(&bomb));
    let begin = Instant::now();
    place.refused(&["backup web", "web/b.json", "104857600 bytes, more than 67108864"]);
    assert!(begin.elapsed() < Duration::from_secs(10), "{:?}", begin.elapsed());
    let line = "restore plan --from-backup web --store bucket --offline target";
    let limited = format!("ulimit -v {}; exec \"$@\"", MEMORY >> 10);
    let mut command = std::process::Command::new("sh");
    command.args(["-c", &limited, "sh", env!("CARGO_BIN_EXE_velero")]).args(line.split_whitespace());
    let outcome: Outcome = command.current_dir(place.0.path()).output().unwrap().into();
    assert!(outcome.expect(1).fault().contains("web/b.json"));
}

#[test]
fn one_wrong_object_is_a_problem_and_the_others_are_restored() {
    let path = |name: &str| format!("resources/configmaps/namespaces/web/{name}.json");
    for wrong in
        ["", "{", "[]", "7", r#"{"kind":"ConfigMap"}"#, r#"{"apiVersion":"v1","kind":"ConfigMap","metadata":7}"#]
    {
        let place = Place::of(&[file(MAP, GOOD), file(&path("b"), wrong.as_bytes())]);
        let plan = place.run("restore plan --from-backup web").expect(0).stdout;
        assert!(plan.contains("1 error") && plan.contains("configmaps web/b: "), "{wrong}: {plan}");
        let report = place.run("restore create back --from-backup web --report json").expect(2).json();
        assert_eq!(
            (&report["outcome"], &report["errors"]),
            (&"PartiallyFailed".into(), &1.into()),
            "{wrong}: {report}"
        );
        let page = place.run("restore describe back --details").expect(0).stdout;
        assert!(page.contains("configmaps web/b") && page.contains("web/a(created)"), "{wrong}: {page}");
    }
}

#[test]
fn parts_of_the_wrong_type_are_a_problem_of_their_object() {
    let wrong = |kind: &str, rest: &str| {
        format!(r#"{{"apiVersion":"v1","kind":"{kind}","metadata":{{"name":"b","namespace":"web"}},{rest}}}"#)
    };
    for (resource, body) in [
        ("pods", wrong("Pod", r#""spec":"x""#)),
        ("services", wrong("Service", r#""spec":{"ports":[7]}"#)),
        ("secrets", wrong("Secret", r#""data":{"a":7}"#)),
        ("persistentvolumeclaims", wrong("PersistentVolumeClaim", r#""spec":[]"#)),
        (
            "serviceaccounts",
            wrong("ServiceAccount", r#""secrets":"x","metadata":{"name":"b","namespace":"web","labels":[]}"#),
        ),
    ] {
        let path = format!("resources/{resource}/namespaces/web/b.json");
        let place = Place::of(&[file(MAP, GOOD), file(&path, body.as_bytes())]);
        let outcome = place.run("restore create back --from-backup web --report json");
        assert!(!outcome.stderr.contains("panicked"), "{resource}: {}", outcome.stderr);
        let report = outcome.expect(2).json();
        assert_eq!(report["errors"], 1, "{resource}: {report}");
    }
}
