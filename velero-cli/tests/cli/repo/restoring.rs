//! Restoring snapshots and parts of them.

use super::Place;
use serde_json::json;
use std::fs;
use std::os::unix::fs::MetadataExt;

#[test]
fn a_snapshot_is_restored_as_it_was() {
    let place = Place::new();
    let id = place.save()["id"].as_str().unwrap().to_owned();
    let report = place.run(&format!("snapshot restore {id} target -o json")).expect(0).json();
    assert_eq!(
        (&report["outcome"], &report["files"], &report["failed"]["count"]),
        (&json!("Completed"), &json!(2), &json!(0))
    );
    for file in ["docs/readme", "large", "docs"] {
        let [old, new] = ["tree", "target"].map(|root| fs::metadata(place.path().join(root).join(file)).unwrap());
        assert_eq!((old.mode(), old.mtime(), old.mtime_nsec()), (new.mode(), new.mtime(), new.mtime_nsec()), "{file}");
    }
    assert_eq!(fs::read(place.path().join("target/large")).unwrap(), vec![7; 100_000]);
    assert_eq!(fs::read_link(place.path().join("target/link")).unwrap().to_str(), Some("docs/readme"));
    place.run(&format!("snapshot restore {}/docs part", &id[..8])).expect(0);
    assert_eq!(fs::read(place.path().join("part/readme")).unwrap(), b"read me");
}

#[test]
fn what_is_there_is_overwritten_only_as_it_was_said() {
    let place = Place::new();
    let id = place.save()["id"].as_str().unwrap().to_owned();
    place.write("target/large", b"mine");
    let large = || fs::read(place.path().join("target/large")).unwrap();
    place.run(&format!("snapshot restore {id} target --overwrite=never")).expect(1);
    assert_eq!(large(), b"mine");
    place.run(&format!("snapshot restore {id} target --overwrite=keep")).expect(0);
    assert_eq!(large(), b"mine");
    place.run(&format!("snapshot restore {id} target")).expect(0);
    assert_eq!(large().len(), 100_000);
}

#[test]
fn a_restore_in_place_deletes_nothing_without_a_yes() {
    let place = Place::new();
    let id = place.save()["id"].as_str().unwrap().to_owned();
    place.write("target/extra", b"mine");
    let extra = place.path().join("target/extra");
    let plan = place.run(&format!("snapshot restore {id} target --delete-extra --plan -o json")).expect(0).json();
    assert_eq!(plan["deleted"][0]["path"], "extra");
    let plan = place.run(&format!("snapshot restore {id} target --plan")).expect(0).stdout;
    assert!(plan.contains("+ large") && !plan.contains("extra"), "{plan}");
    place.run(&format!("snapshot restore {id} nowhere --plan")).expect(0);
    assert!(!place.path().join("nowhere").exists());
    let outcome = place.run(&format!("snapshot restore {id} target --delete-extra")).expect(64);
    assert!(outcome.stdout.contains("extra") && outcome.fault().contains("--confirm"), "{}", outcome.stderr);
    assert!(extra.exists() && !place.path().join("target/large").exists());
    let report = place.run(&format!("snapshot restore {id} target --delete-extra --confirm -o json")).expect(0).json();
    assert_eq!(report["deleted"], 1);
    assert!(!extra.exists() && place.path().join("target/large").exists());
}

#[test]
fn an_entry_that_can_not_be_restored_is_a_partial_failure_when_errors_are_ignored() {
    let place = Place::new();
    let id = place.save()["id"].as_str().unwrap().to_owned();
    place.write("target/large/in-the-way", b"mine");
    let line = format!("snapshot restore {id} target");
    place.run(&line).expect(1);
    let report = place.run(&format!("{line} --ignore-errors -o json")).expect(2).json();
    assert_eq!(report["failed"]["named"][0]["path"], "large");
    assert_eq!(fs::read(place.path().join("target/docs/readme")).unwrap(), b"read me");
    let outcome = place.run(&format!("{line} --ignore-errors")).expect(2);
    assert!(outcome.stdout.contains("1 error:") && outcome.stdout.contains("large"), "{}", outcome.stdout);
}

#[test]
fn what_a_snapshot_lacks_itself_is_a_warning_of_its_restore() {
    let place = Place::new();
    let name = <std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(b"latin-\xe9");
    fs::write(place.path().join("tree/docs").join(name), b"x").unwrap();
    let id = place.run("snapshot create tree -o json").expect(2).json()["id"].as_str().unwrap().to_owned();
    let report = place.run(&format!("snapshot restore {id} target -o json")).expect(0).json();
    assert_eq!((&report["outcome"], &report["warnings"]["count"]), (&json!("Completed"), &json!(1)));
    let outcome = place.run(&format!("snapshot restore {id} target")).expect(0);
    assert!(outcome.stdout.contains("1 warning:\n  1 entry could not be read"), "{}", outcome.stdout);
    let outcome = place.run(&format!("snapshot restore {id}/large other")).expect(0);
    assert!(!outcome.stdout.contains("warning"), "what is restored lacks nothing: {}", outcome.stdout);
}

#[test]
fn restored_links_are_counted() {
    let place = Place::new();
    let id = place.save()["id"].as_str().unwrap().to_owned();
    let outcome = place.run(&format!("snapshot restore {id}/link target")).expect(0);
    assert!(outcome.stdout.contains("0 files, 0 directories, 1 link, "), "{}", outcome.stdout);
}

#[test]
fn neither_repository_nor_cache_is_a_target() {
    let place = Place::new();
    let id = place.save()["id"].as_str().unwrap().to_owned();
    let before = place.run("verify --level everything -o json").expect(0).json();
    fs::create_dir_all(place.path().join("repo/below")).unwrap();
    fs::create_dir_all(place.path().join("cache")).unwrap();
    for line in
        ["repo", "repo/below", "repo/../repo", "cache", ". --delete-extra --confirm", "repo --delete-extra --plan"]
    {
        let outcome = place.run(&format!("snapshot restore {id} {line} --cache-dir cache")).expect(1);
        assert!(outcome.stderr.contains("is no target"), "{line}: {}", outcome.stderr);
    }
    fs::remove_dir(place.path().join("repo/below")).unwrap();
    assert_eq!(place.run("verify --level everything -o json").expect(0).json()["packs"], before["packs"]);
    place.run(&format!("snapshot restore {id} .")).expect(0);
}
