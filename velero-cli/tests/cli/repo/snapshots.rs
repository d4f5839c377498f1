//! Taking and listing snapshots, and what the repository says of itself.

use super::Place;
use serde_json::json;

#[test]
fn a_new_repository_says_how_it_is_made() {
    let place = Place::empty();
    let line = "create --hash BLAKE3-256 --encryption CHACHA20-POLY1305-HMAC-SHA256 --splitter FIXED-1M \
                --format-version 2 --key-derivation pbkdf2-sha256-600000 --identity me@here -o json";
    let made = place.run(line).expect(0).json();
    assert_eq!((&made["owner"], &made["velero"]), (&json!("me@here"), &json!(false)));
    let status = place.run("status -o json").expect(0).json();
    assert_eq!(status["format"], made["format"]);
    for (key, value) in [
        ("hash", json!("BLAKE3-256")),
        ("encryption", json!("CHACHA20-POLY1305-HMAC-SHA256")),
        ("splitter", json!("FIXED-1M")),
        ("version", json!(2)),
        ("keyDerivation", json!("pbkdf2-sha256-600000")),
    ] {
        assert_eq!(status["format"][key], value, "{key}");
    }
    let page = place.run("status").expect(0).stdout;
    assert!(page.contains("BLAKE3-256") && page.contains("0 of 0 sources"), "{page}");
}

#[test]
fn veleros_repository_lies_below_its_namespace_and_carries_its_marker() {
    let place = Place::empty();
    place.run("create --store bucket --volume-namespace web").expect(0);
    let status = place.run("status --store bucket --volume-namespace web -o json").expect(0).json();
    assert_eq!((&status["velero"], &status["identity"]), (&json!(true), &json!("default@default")));
    assert!(place.path().join("bucket/kopia/web").is_dir());
}

#[test]
fn a_snapshot_is_listed_as_it_was_taken() {
    let place = Place::new();
    let line = "snapshot create tree --identity me@here --tag a=b,c=d --pin keep --description first -o json";
    let made = place.run(line).expect(0).json();
    let list = place.run("snapshot list -o json").expect(0).json();
    let [listed] = list.as_array().unwrap().as_slice() else { panic!("{list}") };
    for key in [
        "id",
        "source",
        "startTime",
        "endTime",
        "rootObject",
        "totalSize",
        "fileCount",
        "dirCount",
        "errorCount",
        "incomplete",
        "tags",
        "pins",
        "description",
    ] {
        assert!(!listed[key].is_null(), "{key}: {list}");
        assert_eq!(listed[key], made[key], "{key}");
    }
    let path = place.path().canonicalize().unwrap().join("tree");
    assert_eq!(listed["source"], json!({"host": "here", "userName": "me", "path": path}));
    assert_eq!((&listed["totalSize"], &listed["fileCount"]), (&json!(100_007), &json!(2)));
    assert_eq!(listed["tags"], json!({"tag:a": "b", "tag:c": "d"}));
    assert_eq!((&made["outcome"], &made["failed"]["count"]), (&json!("Completed"), &json!(0)));
    let table = place.run("snapshot list").expect(0).stdout;
    assert!(table.contains(listed["id"].as_str().unwrap()) && table.contains("a=b, c=d, pin:keep"), "{table}");
}

#[test]
fn what_has_not_changed_is_read_only_when_that_is_asked_for() {
    let place = Place::new();
    let first = place.save();
    let second = place.save();
    assert_eq!(first["rootObject"], second["rootObject"]);
    assert_eq!((&second["readFiles"], &second["cachedBytes"]), (&json!(0), &first["readBytes"]));
    let third = place.run("snapshot create tree --identity me@here --force-hash -o json").expect(0).json();
    assert_eq!((&third["cachedFiles"], &third["rootObject"]), (&json!(0), &first["rootObject"]));
    assert_eq!(place.run("status -o json").expect(0).json()["snapshots"], 3);
}

#[test]
fn a_list_can_be_of_one_source() {
    let place = Place::new();
    place.save();
    place.run("snapshot create tree --source you@there:/volume").expect(0);
    let count = |line: &str| place.run(line).expect(0).json().as_array().unwrap().len();
    assert_eq!(count("snapshot list -o json"), 2);
    assert_eq!(count("snapshot list --source you@there:/volume -o json"), 1);
    assert_eq!(count("snapshot list --source you@there -o json"), 1);
    assert_eq!(count("snapshot list --source you@there:/volume/ -o json"), 1);
    assert_eq!(count("snapshot list --source you@there:/other -o json"), 0);
}

#[test]
fn rules_leave_files_out() {
    let place = Place::new();
    let made = place.run("snapshot create tree --ignore large --ignore *.tmp -o json").expect(0).json();
    assert_eq!((&made["fileCount"], &made["excludedFiles"]), (&json!(1), &json!(1)));
    let text = place.run("snapshot create tree --ignore large --ignore *.tmp").expect(0).stdout;
    assert!(text.contains("1 file (97.7 KiB) left out by rules."), "{text}");
    let text = place.run("snapshot create tree").expect(0).stdout;
    assert!(!text.contains("rules"), "{text}");
}

#[test]
fn tags_and_sources_do_not_act_on_a_terminal() {
    let place = Place::new();
    let line = "snapshot create tree --tag a=\u{1b}[2J --source me@here:/\u{7}volume";
    let lines = [place.run(line).expect(0).stdout, place.run("snapshot list").expect(0).stdout];
    for text in lines {
        assert!(text.contains("\\u{7}volume") && !text.contains(['\u{1b}', '\u{7}']), "{text:?}");
    }
}

#[test]
fn the_report_of_a_snapshot_has_the_runs_outcome() {
    let place = Place::new();
    let report = place.run("snapshot create tree --report json").expect(0).json();
    assert_eq!((&report["command"], &report["outcome"]), (&json!("repo snapshot create"), &json!("Completed")));
}

#[test]
fn the_clock_of_tests_is_the_time_of_snapshots() {
    let place = Place::new();
    let run = |line: &str| {
        let variables = [("VELERO_REPO_PASSWORD", super::PASSWORD), ("VELERO_REPO_CLOCK", "@clock")];
        place.run_with(line, &variables)
    };
    std::fs::write(place.path().join("clock"), "2031-02-03T04:05:06Z\n").unwrap();
    run("create --repo timed").expect(0);
    let made = run("snapshot create tree --repo timed -o json").expect(0).json();
    assert_eq!(made["startTime"], "2031-02-03T04:05:06Z");
}

#[test]
fn snapshots_are_deleted_by_the_beginning_of_their_identity_and_never_without_a_yes() {
    let place = Place::new();
    let (first, second) = (place.save(), place.save());
    let id = first["id"].as_str().unwrap();
    let outcome = place.run(&format!("snapshot delete {id}")).expect(64);
    assert!(outcome.stdout.contains(id) && outcome.fault().contains("--confirm"), "{}", outcome.stderr);
    assert!(place.run("snapshot delete none --confirm").expect(1).fault().contains("snapshot none does not exist"));
    let deleted = place.run(&format!("snapshot delete {} --confirm -o json", &id[..12])).expect(0).json();
    assert_eq!(deleted["deleted"][0]["id"], first["id"]);
    let left = place.run("snapshot list -o json").expect(0).json();
    assert_eq!((left.as_array().unwrap().len(), &left[0]["id"]), (1, &second["id"]));
}
