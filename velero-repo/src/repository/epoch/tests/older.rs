//! Repositories without epochs.

use super::*;
use v0::{CleanupLog, CompactionLog};

/// A log that says: these were merged into those.
fn log(name: &str, written: Timestamp, inputs: &[&str], outputs: &[&str]) -> (BlobInfo, CompactionLog) {
    let blobs = |names: &[&str]| names.iter().map(|name| blob(name, START)).collect::<Vec<_>>();
    (blob(name, written), CompactionLog::new(&blobs(inputs), &blobs(outputs)).unwrap())
}

fn older(names: &[&str], logs: &[(BlobInfo, CompactionLog)]) -> v0::State {
    let listing: Vec<_> = names.iter().map(|name| blob(name, START)).collect();
    v0::State::of(&listing, logs.to_vec())
}

fn steps(state: &v0::State, until: Timestamp) -> Vec<Vec<String>> {
    let names = |step: Vec<BlobInfo>| step.into_iter().map(|blob| blob.id.to_string()).collect();
    state.superseded(until).into_iter().map(names).collect()
}

#[test]
fn what_was_merged_goes_after_all_that_was_merged_into_it() {
    let all = ["n1", "n2", "n3", "n4", "n5", "n6"];
    // Both at the same time: the order is that of what is made of what.
    let logs = [log("m2", START, &["n3", "n4"], &["n5"]), log("m1", START, &["n1", "n2"], &["n3"])];
    let state = older(&all, &logs);
    let expected: [&[&str]; 2] = [&["n1", "n2", "n4"], &["n3"]];
    assert_eq!(steps(&state, START), expected, "n3 is made of n1 and n2");
}

#[test]
fn nothing_goes_that_is_young_or_whose_result_is_lost() {
    let young = [log("m1", hours(2), &["n1", "n2"], &["n3"])];
    let state = older(&["n1", "n2", "n3"], &young);
    assert_eq!(steps(&state, hours(1)), Vec::<Vec<String>>::new());
    assert_eq!(steps(&state, hours(2)).concat(), ["n1", "n2"]);
    assert_eq!(state.over(hours(2)).count(), 0, "its inputs are still there");
    let lost = older(&["n1", "n2"], &young);
    assert_eq!(steps(&lost, hours(9)), Vec::<Vec<String>>::new());
    assert_eq!(lost.active().len(), 2);
    let itself = older(&["n1", "n2"], &[log("m1", START, &["n1", "n2"], &["n1"])]);
    assert!(!steps(&itself, START).concat().contains(&"n1".to_owned()));
    let done = older(&["n3"], &young);
    assert_eq!((done.over(hours(1)).count(), done.over(hours(2)).count()), (0, 1));
}

#[test]
fn an_interruption_leaves_nothing_that_was_merged_twice_active() {
    let logs = [log("m1", START, &["n1", "n2"], &["n3"]), log("m2", hours(1), &["n3", "n4"], &["n5"])];
    let mut names = vec!["n1", "n2", "n3", "n4", "n5"];
    for step in steps(&older(&names, &logs), hours(1)) {
        for gone in step {
            names.retain(|name| *name != gone);
            let active: Vec<_> = older(&names, &logs).active().iter().map(|blob| blob.id.to_string()).collect();
            assert_eq!(active, ["n5"], "after {gone}");
        }
    }
    assert_eq!(names, ["n5"]);
}

#[test]
fn as_many_small_index_blobs_are_merged_as_with_kopia() {
    let sized = |lengths: &[(usize, u64)]| {
        let lengths = lengths.iter().flat_map(|(count, length)| std::iter::repeat_n(*length, *count));
        let blobs =
            lengths.enumerate().map(|(number, length)| BlobInfo { length, ..blob(&format!("n{number}"), START) });
        let listing: Vec<_> = blobs.collect();
        let chosen = v0::State::of(&listing, Vec::new()).compaction(1000);
        (chosen.len(), chosen.iter().map(|blob| blob.length).max())
    };
    assert_eq!(sized(&[(7, 10)]), (0, None));
    assert_eq!(sized(&[(7, 10), (5, 1001)]), (0, None), "those larger than a pack do not count");
    assert_eq!(sized(&[(8, 10)]), (8, Some(10)));
    assert_eq!(sized(&[(8, 49), (6, 50)]), (8, Some(49)), "very small ones alone while few are larger");
    assert_eq!(sized(&[(8, 49), (7, 50)]), (15, Some(50)));
    assert_eq!(sized(&[(4, 10), (4, 1000)]), (8, Some(1000)), "very small ones are not most");
}

#[test]
fn logs_are_kopias_json() {
    let (_, made) = log("m1", START, &["n1"], &["n2"]);
    let blob = |name: &str| format!(r#"[{{"id":"{name}","length":100,"timestamp":"2023-11-14T22:13:20Z"}}]"#);
    let json = format!(r#"{{"inputMetadata":{},"outputMetadata":{}}}"#, blob("n1"), blob("n2"));
    assert_eq!(String::from_utf8(made.json().unwrap()).unwrap(), json);
    let id = BlobId::new("l1").unwrap();
    let made = CleanupLog::new(&[BlobId::new("m1").unwrap()], hours(1)).unwrap();
    let json = r#"{"blobIDs":["m1"],"cleanupScheduleTime":"2023-11-14T23:13:20Z"}"#;
    assert_eq!(String::from_utf8(made.json().unwrap()).unwrap(), json);
    let read = CleanupLog::parse(&id, json.as_bytes()).unwrap();
    assert!(read.names(&BlobId::new("m1").unwrap()) && !read.names(&id) && read.scheduled() == hours(1));
    assert!(CleanupLog::parse(&id, br#"{"blobIDs":null,"cleanupScheduleTime":"2023-11-14T23:13:20Z"}"#).is_ok());
    assert!(CleanupLog::parse(&id, b"{}").is_err() && CleanupLog::parse(&id, b"[").is_err());
}
