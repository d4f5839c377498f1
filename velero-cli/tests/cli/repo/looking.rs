//! Looking into snapshots.

use super::Place;
use serde_json::json;

#[test]
fn a_snapshot_can_be_looked_into_without_restoring_it() {
    let place = Place::new();
    let id = place.save()["id"].as_str().unwrap()[..8].to_owned();
    let listed = place.run(&format!("ls {id} -o json")).expect(0).json();
    let names: Vec<_> = listed.as_array().unwrap().iter().map(|entry| (&entry["path"], &entry["type"])).collect();
    let expected = [("docs", "directory"), ("large", "file"), ("link", "link")].map(|(a, b)| (json!(a), json!(b)));
    assert_eq!(names, expected.each_ref().map(|(a, b)| (a, b)));
    assert_eq!(listed[1]["size"], 100_000);
    let lines = place.run(&format!("ls {id}/docs")).expect(0).stdout;
    assert!(lines.trim_end().ends_with(" readme") && lines.lines().count() == 1, "{lines}");
    assert_eq!(place.run(&format!("cat {id}/docs/readme")).expect(0).stdout, "read me");
    assert_eq!(place.run(&format!("cat {id}/link")).expect(0).stdout, "docs/readme");
    let object = listed[1]["object"].as_str().unwrap();
    assert_eq!(place.run(&format!("cat {object}")).expect(0).stdout.len(), 100_000);
    assert_eq!(place.run(&format!("find {id} --name r*")).expect(0).stdout, "docs/readme\n");
    assert_eq!(place.run(&format!("find {id}/docs --name *[!a] -o json")).expect(0).json()[0]["path"], "readme");
}

#[test]
fn what_is_not_there_is_named() {
    let place = Place::new();
    let id = place.save()["id"].as_str().unwrap().to_owned();
    for (line, part) in [
        ("ls feedbeef", "feedbeef"),
        (&*format!("ls {id}/nowhere"), "nowhere"),
        (&format!("ls {id}/large/x"), "no directory"),
        (&format!("cat {id}"), "directory"),
        (&format!("snapshot restore {id}/nowhere target"), "nowhere"),
        ("snapshot diff feedbeef feedbeef", "feedbeef"),
    ] {
        let outcome = place.run(line).expect(1);
        assert!(outcome.fault().contains(part), "{line}: {}", outcome.stderr);
    }
    assert!(place.run(&format!("find {id} --name [")).expect(64).fault().contains("bracket"));
}

#[test]
fn the_beginning_of_an_identity_has_four_characters_at_least_and_may_be_in_capitals() {
    let place = Place::new();
    let id = place.save()["id"].as_str().unwrap().to_owned();
    for line in ["ls", "verify", "snapshot delete --confirm"] {
        let outcome = place.run(&format!("{line} {}", &id[..3])).expect(1);
        assert!(outcome.fault().contains("at least 4 characters"), "{line}: {}", outcome.stderr);
    }
    place.run(&format!("ls {}", &id[..4])).expect(0);
    place.run(&format!("ls {}/docs", id.to_uppercase())).expect(0);
    place.run(&format!("verify {}", id[..8].to_uppercase())).expect(0);
}

#[test]
fn files_are_compared_as_one_entry_and_other_kinds_are_a_change() {
    let place = Place::new();
    let before = place.save()["id"].as_str().unwrap().to_owned();
    place.write("tree/docs/readme", b"read me again");
    let after = place.save()["id"].as_str().unwrap().to_owned();
    let diff = |a: &str, b: &str| place.run(&format!("snapshot diff {before}{a} {after}{b}")).expect(0).stdout;
    assert_eq!(diff("/docs/readme", "/docs/readme"), "~ readme\n0 added, 0 removed, 1 changed\n");
    assert_eq!(diff("/large", "/large"), "0 added, 0 removed, 0 changed\n");
    assert_eq!(diff("/large", "/docs"), "~ docs\n+ readme\n1 added, 0 removed, 1 changed\n");
    assert_eq!(diff("/docs", "/large"), "~ large\n- readme\n0 added, 1 removed, 1 changed\n");
    // Of an object nothing is known but its bytes.
    let large = place.run(&format!("ls {after} -o json")).expect(0).json()[1]["object"].as_str().unwrap().to_owned();
    let lines = place.run(&format!("snapshot diff {before}/large {large}")).expect(0).stdout;
    assert_eq!(lines, "0 added, 0 removed, 0 changed\n");
}

#[test]
fn two_snapshots_are_compared() {
    let place = Place::new();
    let before = place.save()["id"].as_str().unwrap().to_owned();
    place.write("tree/new", b"new");
    place.write("tree/docs/readme", b"read me again");
    std::fs::remove_file(place.path().join("tree/large")).unwrap();
    let after = place.save()["id"].as_str().unwrap().to_owned();
    let lines = place.run(&format!("snapshot diff {before} {after}")).expect(0).stdout;
    assert_eq!(lines, "~ docs/readme\n- large\n+ new\n1 added, 1 removed, 1 changed\n");
    let document = place.run(&format!("snapshot diff {before} {after} -o json")).expect(0).json();
    assert_eq!((&document["added"], &document["differences"][2]["path"]), (&json!(1), &json!("new")));
    assert_eq!(
        place.run(&format!("snapshot diff {before} {before} -o json")).expect(0).json()["differences"],
        json!([])
    );
}
