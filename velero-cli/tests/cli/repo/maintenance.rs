//! Maintenance: planned, asked for, by the owner, over days.

use super::{PASSWORD, Place};
use crate::Outcome;
use serde_json::json;

/// Runs the command as if it were this day of January at noon.
fn on(place: &Place, day: u32, line: &str) -> Outcome {
    let clock = format!("2031-01-{day:02}T12:00:00Z");
    place.run_with(line, &[("VELERO_REPO_PASSWORD", PASSWORD), ("VELERO_REPO_CLOCK", &clock)])
}

/// As [`deleted`]; what only the deleted snapshot used is marked, and can go from the second day on.
fn marked() -> Place {
    let place = deleted();
    on(&place, 1, "maintain --identity me@here --mode full --safety none --confirm").expect(0);
    place
}

/// A repository of which one of two snapshots was deleted on the first day.
fn deleted() -> Place {
    let place = Place::empty();
    on(&place, 1, "create --identity me@here").expect(0);
    place.write("tree/kept", b"kept");
    on(&place, 1, "snapshot create tree --identity me@here").expect(0);
    place.write("other/gone", &vec![9; 3_000_000]);
    let made = on(&place, 1, "snapshot create other --identity me@here -o json").expect(0).json();
    on(&place, 1, &format!("snapshot delete {} --confirm", made["id"].as_str().unwrap())).expect(0);
    place
}

#[test]
fn a_plan_says_what_would_be_freed_and_changes_nothing() {
    let place = marked();
    let plan = "maintain --identity me@here --mode full --safety none --plan";
    let document = on(&place, 2, &format!("{plan} -o json")).expect(0).json();
    assert!(document["freed"]["bytes"].as_u64().unwrap() > 2_000_000, "{document}");
    assert_eq!(on(&place, 2, &format!("{plan} -o json")).expect(0).json()["steps"], document["steps"]);
    let text = on(&place, 2, plan).expect(0).stdout;
    assert!(text.contains("full maintenance of repo") && text.contains("frees now"), "{text}");
    // Anybody may look, and nobody but the owner may do it.
    on(&place, 2, "maintain --identity you@there --mode full --plan").expect(0);
    let outcome = on(&place, 2, "maintain --identity you@there --mode full --confirm").expect(1);
    assert!(outcome.fault().contains("me@here") && outcome.fault().contains("--take-ownership"), "{}", outcome.stderr);
}

#[test]
fn nothing_is_freed_without_a_yes() {
    let place = marked();
    let outcome = on(&place, 2, "maintain --identity me@here --mode full --safety none").expect(64);
    assert!(outcome.stdout.contains("delete packs") && outcome.fault().contains("--confirm"), "{}", outcome.stderr);
    let packs = |place: &Place| on(place, 2, "status -o json").expect(0).json()["dataPacks"]["count"].clone();
    assert_eq!(packs(&place), 2);
    let line = "maintain --identity me@here --mode full --safety none --confirm -o json";
    let report = on(&place, 2, line).expect(0).json();
    assert_eq!(report["outcome"], "Completed");
    assert!(report["freed"]["bytes"].as_u64().unwrap() > 2_000_000, "{report}");
    assert_eq!(packs(&place), 1);
    on(&place, 2, "verify --level everything").expect(0);
}

#[test]
fn memory_that_is_too_little_is_refused_before_anything_is_done() {
    let place = marked();
    let line = "maintain --identity me@here --mode full --safety none --confirm --parallel 8 --memory";
    let outcome = on(&place, 2, &format!("{line} 64MiB")).expect(1);
    assert!(outcome.fault().contains("MiB are needed"), "{}", outcome.stderr);
    let status = on(&place, 2, "status -o json").expect(0).json();
    assert_eq!(status["dataPacks"]["count"], 2);
    on(&place, 2, &format!("{line} 192MiB")).expect(0);
    assert_eq!(on(&place, 2, "status -o json").expect(0).json()["dataPacks"]["count"], 1);
}

#[test]
fn with_full_safety_the_space_is_freed_over_some_days() {
    let place = deleted();
    for day in [3, 5, 7, 9] {
        on(&place, day, "maintain --identity me@here --mode full --confirm").expect(0);
    }
    let status = on(&place, 9, "status --identity me@here -o json").expect(0).json();
    assert_eq!((&status["dataPacks"]["count"], &status["snapshots"]), (&json!(1), &json!(1)));
    on(&place, 9, "verify --level everything").expect(0);
}

#[test]
fn the_status_tells_whose_maintenance_is_due() {
    let place = deleted();
    let status = on(&place, 5, "status --identity you@there -o json").expect(0).json();
    let maintenance = &status["maintenance"];
    assert_eq!((&maintenance["owner"], &maintenance["isOwner"]), (&json!("me@here"), &json!(false)));
    assert_eq!(maintenance["due"], "full");
    let page = on(&place, 5, "status --identity you@there").expect(0).stdout;
    assert!(page.contains("me@here (somebody else)") && page.contains("full, the owner's"), "{page}");
    on(&place, 5, "maintain --identity you@there --take-ownership --confirm").expect(0);
    let status = on(&place, 5, "status --identity you@there -o json").expect(0).json();
    assert_eq!((&status["maintenance"]["isOwner"], &status["maintenance"]["due"]), (&json!(true), &json!(null)));
}
