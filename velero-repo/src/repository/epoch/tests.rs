#![allow(clippy::unwrap_used)] // a test may panic

use std::time::Duration;

use jiff::{SignedDuration, ToSpan};
use proptest::prelude::*;

use super::*;
use crate::repository::name::BlobId;

mod maintenance;
mod older;

const START: Timestamp = Timestamp::constant(1_700_000_000, 0);

fn hours(hours: i64) -> Timestamp {
    START + hours.hours()
}

fn blob(name: &str, modified: Timestamp) -> BlobInfo {
    BlobInfo { id: BlobId::new(name).unwrap(), length: 100, modified }
}

fn state(names: &[&str]) -> State {
    let listing: Vec<_> = names.iter().map(|name| blob(name, START)).collect();
    State::of(&listing, START, &EpochParameters::default())
}

fn active(names: &[&str]) -> Vec<String> {
    let mut active: Vec<_> = state(names).active().into_iter().map(|blob| blob.id.to_string()).collect();
    active.sort();
    active
}

type Ranges = &'static [(u64, u64)];

#[test]
fn the_longest_chain_is_kopias() {
    let table: [(Ranges, Ranges); 9] = [
        (&[(0, 9), (10, 19), (20, 29), (50, 59)], &[(0, 9), (10, 19), (20, 29)]),
        (&[(0, 9), (20, 29)], &[(0, 9)]),
        (&[(0, 29), (20, 29), (30, 39)], &[(0, 29), (30, 39)]),
        (&[(0, 9), (0, 29), (10, 59), (30, 39)], &[(0, 9), (10, 59)]),
        (&[(0, 9), (10, 19), (0, 19)], &[(0, 19)]),
        (&[(0, 9), (10, 10), (11, 12)], &[(0, 9), (10, 10), (11, 12)]),
        (&[(5, 3), (1, 9)], &[]),
        (&[(0, 0)], &[]),
        (&[], &[]),
    ];
    for (ranges, chain) in table {
        assert_eq!(longest_chain(ranges.iter().copied()), chain, "{ranges:?}");
    }
}

#[test]
fn an_empty_listing_is_epoch_zero() {
    let state = state(&[]);
    assert_eq!((state.epoch(), state.watermark(), state.active()), (0, None, vec![]));
}

#[test]
fn the_largest_marker_and_watermark_count() {
    let state = state(&["xe1", "xe12", "xe3", "xw5", "xw30", "p00", "kopia.repository"]);
    assert_eq!((state.epoch(), state.watermark()), (12, Some(30)));
    assert!(state.is_settled(10) && !state.is_settled(11));
}

#[test]
fn all_that_was_written_and_not_replaced_is_active() {
    assert_eq!(active(&["xn0_a-s0-c1", "xn1_b-s0-c1"]), ["xn0_a-s0-c1", "xn1_b-s0-c1"]);
    // An incomplete set of what was written is active, too.
    assert_eq!(active(&["xn0_a-s0-c2"]), ["xn0_a-s0-c2"]);
}

#[test]
fn a_settled_epoch_is_read_from_its_complete_replacement() {
    let names = ["xe2", "xn0_a-s0-c1", "xs0_b-s1-c1", "xn1_c-s2-c1", "xs1_d-s3-c1", "xn3_e-s4-c1"];
    // Epoch 1 is not settled: its replacement does not hide what it replaces. Epoch 3 was begun while we listed.
    assert_eq!(active(&names), ["xn1_c-s2-c1", "xn3_e-s4-c1", "xs0_b-s1-c1", "xs1_d-s3-c1"]);
}

#[test]
fn an_incomplete_replacement_hides_nothing() {
    assert_eq!(active(&["xe2", "xn0_a-s0-c1", "xs0_b-s1-c2"]), ["xn0_a-s0-c1", "xs0_b-s1-c2"]);
    let both = ["xe2", "xn0_a-s0-c1", "xs0_b-s1-c2", "xs0_c-s1-c2"];
    assert_eq!(active(&both), ["xs0_b-s1-c2", "xs0_c-s1-c2"]);
    // Two replacements, one of them incomplete: all of it is read.
    let three = ["xe2", "xn0_a-s0-c1", "xs0_b-s1-c2", "xs0_d-s9-c1"];
    assert_eq!(active(&three), ["xs0_b-s1-c2", "xs0_d-s9-c1"]);
}

#[test]
fn a_chain_of_ranges_replaces_its_epochs() {
    let names = ["xe9", "xr0_3_a-s0-c1", "xn2_b-s1-c1", "xs3_c-s2-c1", "xr4_5_d-s3-c2", "xs4_e-s4-c1", "xn8_f-s5-c1"];
    assert_eq!(active(&names), ["xn8_f-s5-c1", "xr0_3_a-s0-c1", "xs4_e-s4-c1"]);
}

#[test]
fn a_range_of_one_epoch_hides_nothing() {
    let names = ["xe9", "xr0_3_a-s0-c1", "xr4_4_b-s0-c1", "xn4_c-s1-c1", "xr5_6_d-s2-c1"];
    assert_eq!(active(&names), ["xn4_c-s1-c1", "xr0_3_a-s0-c1", "xr4_4_b-s0-c1", "xr5_6_d-s2-c1"]);
}

#[test]
fn what_a_range_of_the_current_epoch_leaves_in_place_is_read_once() {
    let names = ["xe6", "xr0_5_a-s0-c1", "xr6_6_b-s0-c1", "xs6_c-s1-c1", "xn6_d-s1-c1", "xn5_e-s1-c1"];
    assert_eq!(active(&names), ["xn5_e-s1-c1", "xn6_d-s1-c1", "xr0_5_a-s0-c1", "xr6_6_b-s0-c1", "xs6_c-s1-c1"]);
}

#[test]
fn no_range_hides_what_can_still_be_written() {
    let names = ["xe9", "xr0_4000000000_a-s0-c1", "xn7_b-s1-c1", "xn8_c-s1-c1", "xn9_d-s1-c1", "xn10_e-s1-c1"];
    assert_eq!(active(&names), ["xn10_e-s1-c1", "xn8_c-s1-c1", "xn9_d-s1-c1", "xr0_4000000000_a-s0-c1"]);
}

#[test]
fn writing_needs_three_quarters_of_the_states_time() {
    let state = state(&["xe3"]);
    let minutes = |minutes: i64| START + minutes.minutes();
    assert_eq!(IndexWrite::begin(&state, minutes(5)).unwrap().epoch(), 3);
    assert_eq!(IndexWrite::begin(&state, minutes(6)), None);
    assert_eq!(IndexWrite::begin(&state, minutes(-1)), None);
    assert!(state.is_valid(minutes(19)) && !state.is_valid(minutes(20)) && !state.is_valid(minutes(-1)));
}

#[test]
fn a_new_epoch_makes_a_writer_start_over_and_two_make_it_fail() {
    let write = IndexWrite::begin(&state(&["xe3"]), START).unwrap();
    assert_eq!(write.before_put(&state(&["xe3"]), START), WriteStep::Put);
    assert_eq!(write.before_put(&state(&["xe3"]), START + 20.minutes()), WriteStep::Refresh);
    assert_eq!(write.before_put(&state(&["xe4"]), START), WriteStep::StartOver);
    assert!(write.after_last_put(&state(&["xe4"])).is_ok());
    assert!(write.after_last_put(&state(&["xe5"])).is_err());
}

#[test]
fn without_epochs_the_inputs_of_finished_compactions_are_passed_over() {
    let poison = "n00000000000000000000000000000000-repository_unreadable_by_this_kopia_version_upgrade_required";
    let listing: Vec<_> = ["n1", "n2", "n3", "n4", "m1", "m2", "l1", poison].map(|name| blob(name, START)).into();
    let logs: Vec<_> = v0::compaction_logs(&listing).map(|blob| blob.id.as_str()).collect();
    assert_eq!(logs, ["m1", "m2"]);
    let log = |text: &str| v0::CompactionLog::parse(&BlobId::new("m1").unwrap(), text.as_bytes());
    let active = |logs: &[v0::CompactionLog]| -> Vec<String> {
        let logs = logs.iter().map(|log| (blob("m1", START), log.clone())).collect();
        v0::State::of(&listing, logs).active().iter().map(|blob| blob.id.to_string()).collect()
    };
    let done = log(r#"{"inputMetadata":[{"id":"n1","length":5},{"id":"n2"}],"outputMetadata":[{"id":"n3"}]}"#).unwrap();
    let open = log(r#"{"inputMetadata":[{"id":"n4"}],"outputMetadata":[{"id":"n3"},{"id":"n9"}]}"#).unwrap();
    let void = log(r#"{"inputMetadata":[{"id":"n4"}],"outputMetadata":null}"#).unwrap();
    assert_eq!(active(&[]), ["n1", "n2", "n3", "n4"]);
    assert_eq!(active(&[done, open, void]), ["n3", "n4"]);
    assert!(log("[").is_err());
}

proptest! {
    #[test]
    fn chains_have_no_gaps(ranges in proptest::collection::vec((0..20u64, 0..20u64), 0..30)) {
        let mut next = 0;
        for (first, last) in longest_chain(ranges) {
            prop_assert_eq!(first, next);
            next = last + 1;
        }
    }

    #[test]
    fn any_listing_is_understood(names in proptest::collection::vec("x[nsrew][0-9]{1,11}(_[0-9]{1,2})?(_a-s0-c[0-3])?", 0..20)) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let state = state(&names);
        let _ = (state.active(), state.advance(), state.single_compaction(), state.range_compaction(), state.cleanup());
    }
}
