//! Deleting: what goes is printed first, and nothing goes without a yes.

use crate::{Outcome, velero_in};
use std::path::Path;

fn place() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("cluster")).unwrap();
    let manifest = "apiVersion: v1\nkind: Namespace\nmetadata: {name: web}\n";
    std::fs::write(directory.path().join("cluster/all.yaml"), manifest).unwrap();
    directory
}

fn run(directory: &Path, line: &str) -> Outcome {
    velero_in(directory, &format!("{line} --store bucket --offline cluster"))
}

#[test]
fn nothing_is_deleted_without_a_yes() {
    let place = place();
    run(place.path(), "backup create web").expect(0);
    let outcome = run(place.path(), "backup delete web").expect(64);
    assert!(outcome.stdout.contains("web"), "{}", outcome.stdout);
    assert!(outcome.fault().contains("--confirm"), "{}", outcome.stderr);
    run(place.path(), "backup describe web").expect(0);
}

#[test]
fn a_backup_goes_with_its_restores_and_leaves_nothing() {
    let place = place();
    run(place.path(), "backup create web").expect(0);
    run(place.path(), "restore create back --from-backup web").expect(0);
    let outcome = run(place.path(), "delete backup web --confirm").expect(0);
    assert!(outcome.stdout.contains("back"), "{}", outcome.stdout);
    assert_eq!(run(place.path(), "backup get").expect(0).stdout, "");
    assert_eq!(run(place.path(), "restore get").expect(0).stdout, "");
    let mut left = Vec::new();
    files(&place.path().join("bucket"), &mut left);
    assert_eq!(left, Vec::<String>::new());
}

#[test]
fn only_expired_backups_go_with_expired() {
    let place = place();
    run(place.path(), "backup create old --ttl 1ms").expect(0);
    run(place.path(), "backup create new").expect(0);
    run(place.path(), "backup delete --expired --confirm").expect(0);
    let table = run(place.path(), "backup get").expect(0).stdout;
    assert!(table.contains("new") && !table.contains("old"), "{table}");
}

#[test]
fn what_a_dead_run_left_is_deleted_by_name() {
    let place = place();
    run(place.path(), "backup create web").expect(0);
    let directory = place.path().join("bucket/backups/web");
    std::fs::remove_file(directory.join("velero-backup.json")).unwrap();
    run(place.path(), "backup describe web").expect(1);
    run(place.path(), "backup delete web --confirm").expect(0);
    assert!(!directory.join("web.tar.gz").exists());
}

#[test]
fn a_restore_is_forgotten_and_its_objects_stay() {
    let place = place();
    run(place.path(), "backup create web").expect(0);
    run(place.path(), "restore create back --from-backup web").expect(0);
    run(place.path(), "restore delete back --confirm").expect(0);
    assert_eq!(run(place.path(), "restore get").expect(0).stdout, "");
    run(place.path(), "backup get web").expect(0);
}

fn files(directory: &Path, found: &mut Vec<String>) {
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path.display().to_string()) }
    }
}
