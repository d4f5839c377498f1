//! What is done about index blobs, and when.

use super::*;

fn listed(blobs: &[(&str, i64)]) -> State {
    let listing: Vec<_> = blobs.iter().map(|(name, at)| blob(name, hours(*at))).collect();
    State::of(&listing, START, &EpochParameters::default())
}

fn names(blobs: &[BlobInfo]) -> Vec<&str> {
    blobs.iter().map(|blob| blob.id.as_str()).collect()
}

#[test]
fn an_epoch_ends_when_it_is_old_and_full() {
    let written = |count: usize, last: i64, length: u64| {
        let mut listing: Vec<_> = (0..count).map(|n| blob(&format!("xn3_{n:02}-s0-c1"), START)).collect();
        listing.push(BlobInfo { length, ..blob("xn3_last-s0-c1", hours(last)) });
        listing.push(blob("xe3", START));
        State::of(&listing, START, &EpochParameters::default()).advance().map(|id| id.to_string())
    };
    assert_eq!(written(19, 24, 0), Some("xe4".into()));
    assert_eq!(written(1, 24, 10 << 20), Some("xe4".into()));
    assert_eq!(written(19, 23, 10 << 20), None, "too young");
    assert_eq!(written(18, 24, 0), None, "too few");
    assert_eq!(listed(&[("xe3", 0)]).advance(), None);
}

#[test]
fn the_oldest_settled_epoch_is_compacted() {
    let all = [
        ("xe4", 0),
        ("xn0_a-s0-c1", 0),
        ("xs0_b-s1-c1", 0),
        ("xn2_c-s2-c1", 0),
        ("xn2_d-s2-c1", 0),
        ("xn3_e-s2-c1", 0),
    ];
    let compaction = listed(&all).single_compaction().unwrap();
    assert_eq!((compaction.first, compaction.last, compaction.prefix.as_str()), (2, 2, "xs2_"));
    assert_eq!(names(&compaction.inputs), ["xn2_c-s2-c1", "xn2_d-s2-c1"]);
    assert_eq!(listed(&[&all[1..], &[("xe3", 0)]].concat()).single_compaction(), None, "epoch 2 is not settled");
    // What remains of an incomplete replacement is merged, too.
    let remains = listed(&[("xe2", 0), ("xn0_a-s0-c1", 0), ("xs0_b-s1-c2", 0)]).single_compaction().unwrap();
    assert_eq!(names(&remains.inputs), ["xs0_b-s1-c2", "xn0_a-s0-c1"]);
    assert_eq!(listed(&[("xe9", 0), ("xn0_a-s0-c1", 0), ("xr0_3_b-s1-c1", 0)]).single_compaction(), None);
}

#[test]
fn enough_settled_epochs_become_a_range() {
    let blobs = [("xr0_2_a-s0-c1", 0), ("xn2_b-s1-c1", 0), ("xs3_c-s2-c1", 0), ("xn3_d-s1-c1", 0), ("xn10_e-s1-c1", 0)];
    let range = listed(&[&blobs[..], &[("xe12", 0), ("xn11_f-s1-c1", 0)]].concat()).range_compaction().unwrap();
    assert_eq!((range.first, range.last, range.prefix.as_str()), (3, 10, "xr3_10_"));
    assert_eq!(names(&range.inputs), ["xs3_c-s2-c1", "xn10_e-s1-c1"]);
    assert_eq!(listed(&[&blobs[..], &[("xe11", 0)]].concat()).range_compaction(), None);
    assert_eq!(listed(&[("xe1", 0), ("xn0_a-s0-c1", 0)]).range_compaction(), None);
}

#[test]
fn only_what_has_long_been_replaced_is_cleaned_up() {
    let blobs = [
        ("xe1", 0),
        ("xe4", 0),
        ("xe5", 0),
        ("xw1", 0),
        ("xw2", 7),
        ("xw3", 0),
        ("xn1_early-s0-c1", 0),
        ("xn1_late-s0-c1", 2),
        ("xs1_a-s1-c1", 1),
        ("xn2_b-s0-c1", 0),
        ("xs2_c-s1-c1", 7),
        ("xn3_d-s0-c1", 0),
        ("xs3_e-s1-c2", 0),
    ];
    let gone = |blobs: &[(&str, i64)]| listed(blobs).cleanup().iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(gone(&blobs), ["xe1"], "nothing tells the store's time");
    let told = [&blobs[..], &[("xn5_now-s0-c1", 10)]].concat();
    assert_eq!(gone(&told), ["xe1", "xw1", "xn1_early-s0-c1"]);
}

#[test]
fn the_watermark_never_moves_back() {
    let raised = |names: &[&str]| state(names).raise_watermark(START).map(|id| id.to_string());
    assert_eq!(raised(&["xw1699999999"]), Some("xw1700000000".into()));
    assert_eq!(raised(&["xw1700000000"]), None);
    assert_eq!(raised(&[]), Some("xw1700000000".into()));
}

#[test]
fn deletions_are_final_two_collections_later() {
    let run = |start, end| GcRun { start: hours(start), end: hours(end) };
    assert_eq!(safe_drop_time(&[]), None);
    assert_eq!(safe_drop_time(&[run(0, 1)]), None);
    assert_eq!(safe_drop_time(&[run(5, 6), run(0, 1)]), None, "exactly four hours are too few");
    assert_eq!(safe_drop_time(&[run(6, 7), run(0, 1)]), Some(START - SignedDuration::from_hours(1)));
    assert_eq!(safe_drop_time(&[run(48, 49), run(46, 47), run(24, 25), run(0, 1)]), Some(hours(23)));
}

#[test]
fn a_collection_that_ended_before_it_began_makes_no_deletion_final() {
    let run = |start, end| GcRun { start: hours(start), end: hours(end) };
    assert_eq!(safe_drop_time(&[run(24, 0)]), None, "it is not its own predecessor");
    assert_eq!(safe_drop_time(&[run(24, 25), run(23, 0)]), None);
    assert_eq!(safe_drop_time(&[run(24, 25), run(23, 0), run(10, 11)]), Some(hours(9)));
    assert_eq!(safe_drop_time(&[run(99, 2), run(0, 1)]), None);
}

#[test]
fn parameters_of_the_repository_count() {
    let parameters = EpochParameters {
        min_epoch_duration: Duration::from_secs(600),
        epoch_advance_on_count_threshold: 2,
        ..EpochParameters::default()
    };
    let listing = [blob("xn0_a-s0-c1", START), blob("xn0_b-s0-c1", hours(1))];
    assert!(State::of(&listing, START, &parameters).advance().is_some());
}
