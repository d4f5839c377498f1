//! Verifying, whole and damaged.

use super::Place;
use serde_json::json;
use std::path::PathBuf;

#[test]
fn every_level_approves_of_a_whole_repository() {
    let place = Place::new();
    let id = place.save()["id"].as_str().unwrap().to_owned();
    for flags in ["", "--level index", "--level metadata", "--sample 50", "--level everything", &id] {
        let report = place.run(&format!("verify {flags} -o json")).expect(0).json();
        assert_eq!((&report["outcome"], &report["damages"]), (&json!("Completed"), &json!([])), "{flags}");
    }
    let outcome = place.run("verify").expect(0);
    assert!(outcome.stdout.contains("Nothing is damaged"), "{}", outcome.stdout);
    assert!(place.run("verify none").expect(1).fault().contains("snapshot none does not exist"));
    assert!(place.run("verify --level index --sample 5").expect(64).fault().contains("--sample"));
}

#[test]
fn a_damaged_pack_is_named_with_the_files_that_it_hurts() {
    let place = Place::new();
    let id = place.save()["id"].clone();
    let pack = packs(&place).into_iter().max_by_key(|pack| pack.metadata().unwrap().len()).unwrap();
    let mut bytes = std::fs::read(&pack).unwrap();
    bytes.iter_mut().for_each(|byte| *byte ^= 1);
    std::fs::write(&pack, bytes).unwrap();
    let report = place.run("verify --level everything -o json").expect(1).json();
    let damage = &report["damages"][0];
    let name = pack.strip_prefix(place.path()).unwrap().to_string_lossy().replace("repo/", "").replace('/', "");
    assert_eq!(damage["what"], json!(name.trim_end_matches(".f")), "{report}");
    assert_eq!(damage["hurts"][0]["snapshot"], id, "{report}");
    let outcome = place.run("verify --level everything").expect(1);
    for part in ["damaged", "large", "1 of 1 snapshot"] {
        assert!(outcome.stdout.contains(part), "{part}: {}", outcome.stdout);
    }
}

#[test]
fn names_of_damaged_files_do_not_act_on_a_terminal() {
    let place = Place::new();
    place.write("tree/bad\n\u{1b}[2Jname", &vec![3; 200_000]);
    place.save();
    for pack in packs(&place) {
        std::fs::remove_file(pack).unwrap();
    }
    let text = place.run("verify").expect(1).stdout;
    assert!(text.contains("bad\\n\\u{1b}[2Jname") && !text.contains('\u{1b}'), "{text:?}");
}

/// The packs with the contents of files.
fn packs(place: &Place) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![place.path().join("repo")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.path().is_dir() {
                folders.push(entry.path());
            } else if entry.path().strip_prefix(place.path().join("repo")).unwrap().to_string_lossy().starts_with('p') {
                found.push(entry.path());
            }
        }
    }
    found
}
