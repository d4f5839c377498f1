//! A cache on this machine.

use super::Place;
use serde_json::json;

/// All files below the cache's directory.
fn files(place: &Place) -> Vec<std::path::PathBuf> {
    let inside = |path: &std::path::Path| std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    inside(&place.path().join("cache")).flat_map(|path| inside(&path).collect::<Vec<_>>()).collect()
}

#[test]
fn a_cache_is_only_where_it_is_asked_for_and_the_status_shows_it() {
    let place = Place::new();
    let id = place.save()["id"].as_str().unwrap().to_owned();
    let status = place.run("status -o json").expect(0).json();
    assert_eq!(status["cache"], json!(null));
    place.run(&format!("ls {id}/docs --cache-dir cache --cache-limit 1MiB")).expect(0);
    let kept = files(&place);
    assert!(!kept.is_empty());
    let status = place.run("status --cache-dir cache --cache-limit 1MiB -o json").expect(0).json();
    let cache = &status["cache"];
    assert_eq!((&cache["files"], &cache["limit"]), (&json!(files(&place).len()), &json!(1 << 20)));
    assert!(cache["directory"].as_str().unwrap().starts_with("cache/") && cache["bytes"].as_u64().unwrap() > 0);
    let page = place.run("status --cache-dir cache").expect(0).stdout;
    assert!(page.contains("Cache:") && page.contains(" of 1.0 GiB"), "{page}");
    std::fs::remove_dir_all(place.path().join("cache")).unwrap();
    let listed = place.run(&format!("ls {id}/docs --cache-dir cache")).expect(0).stdout;
    assert!(listed.contains("readme"), "{listed}");
}

#[test]
fn a_limit_without_a_directory_and_a_cache_for_who_looks_for_damage_are_refused() {
    let place = Place::new();
    place.run("status --cache-limit 1MiB").expect(64);
    place.run("verify --cache-dir cache").expect(64);
    place.run("maintain --plan --cache-dir cache").expect(64);
    place.write("file", b"in the way");
    let outcome = place.run("status --cache-dir file").expect(1);
    assert!(outcome.fault().contains("opening the cache"), "{}", outcome.stderr);
}
