//! What needs no repository.

use crate::repository::blob::BlobInfo;
use crate::repository::gojson::Time;
use crate::repository::index::{Format, Row};
use crate::repository::maintenance::collect::{Fate, fate};
use crate::repository::maintenance::logs::excess;
use crate::repository::maintenance::status::due;
use crate::repository::maintenance::{Cycle, LogRetention, Parameters, Safety, Schedule, TaskRun};
use crate::repository::name::BlobId;
use jiff::{SignedDuration, Timestamp, ToSpan};

const NOW: Timestamp = Timestamp::constant(1_700_000_000, 0);

fn row(key: &'static [u8], timestamp: i64, deleted: bool) -> Row<'static> {
    Row {
        key,
        pack: "p",
        offset: 0,
        packed_length: 1,
        original_length: 1,
        timestamp,
        deleted,
        format: Format::default(),
    }
}

#[test]
fn contents_are_marked_when_nothing_uses_them_for_a_day() {
    let (now, day) = (NOW.as_second(), 24 * 3600);
    let margins = Safety::Full.margins();
    for (key, age, deleted, used, expected) in [
        (&b"\0a"[..], day, false, false, Fate::Marked),
        (b"ka", day, false, false, Fate::Marked),
        (b"\0a", day - 1, false, false, Fate::TooYoung),
        (b"\0a", -5, false, false, Fate::TooYoung),
        (b"\0a", day, false, true, Fate::Stays),
        (b"\0a", day, true, false, Fate::Stays),
        (b"\0a", 0, true, true, Fate::Revived),
        (b"ma", day, false, false, Fate::Stays),
        (b"ma", day, true, true, Fate::Stays),
    ] {
        let row = row(key, now - age, deleted);
        assert_eq!(fate(&row, used, NOW, &margins), expected, "{key:?} {age} {deleted} {used}");
    }
    assert_eq!(fate(&row(b"\0a", now, false), false, NOW, &Safety::None.margins()), Fate::Marked);
}

fn run(start: Timestamp, minutes: i64, success: bool) -> TaskRun {
    let time = |at: Timestamp| Time::try_from(at).unwrap();
    TaskRun { start: time(start), end: time(start + minutes.minutes()), success, ..TaskRun::default() }
}

#[test]
fn packs_are_rewritten_and_deleted_in_turns() {
    let mut schedule = Schedule::default();
    let hour = SignedDuration::from_hours(1);
    assert!(schedule.may_rewrite() && schedule.may_delete_from(hour).is_none());
    schedule.report("full-rewrite-contents", run(NOW, 10, true));
    assert!(!schedule.may_rewrite());
    assert_eq!(schedule.may_delete_from(hour), Some(NOW + 70.minutes()));
    schedule.report("full-delete-blobs", run(NOW + 2.hours(), 1, false));
    assert!(!schedule.may_rewrite(), "it failed");
    schedule.report("quick-delete-blobs", run(NOW + 3.hours(), 1, true));
    assert!(schedule.may_rewrite());
}

#[test]
fn the_schedule_is_kopias_json() {
    let json = r#"{"nextFullMaintenance":"2026-11-22T04:42:17.5Z","nextQuickMaintenance":"2026-11-21T05:42:17.5Z","runs":{"future-task":[{"start":"2026-11-21T04:42:17Z","end":"2026-11-21T04:42:18Z","success":true,"extra":[{"kind":"k","data":{"n":1}}],"more":[1]}],"snapshot-gc":[{"start":"2026-11-21T04:42:17Z","end":"2026-11-21T04:42:18Z","error":"no"}]}}"#;
    let mut schedule = Schedule::parse(json.as_bytes()).unwrap();
    assert_eq!(String::from_utf8(schedule.json().unwrap()).unwrap(), json);
    assert!(schedule.collections().is_empty());
    assert_eq!(due(&schedule, &Parameters::kopia_default(), NOW), None);
    assert_eq!(due(&Schedule::default(), &Parameters::kopia_default(), NOW), Some(Cycle::Full));
    (0..60).for_each(|minutes| schedule.report("snapshot-gc", run(NOW + minutes.minutes(), 1, true)));
    assert_eq!(schedule.runs_of("snapshot-gc").len(), 50);
    assert_eq!(schedule.runs_of("snapshot-gc")[0].start.timestamp(), NOW + 59.minutes());
    assert!(Schedule::parse(b"[]").is_err());
}

#[test]
fn logs_are_kept_up_to_a_number_a_size_and_an_age() {
    let logs = |n: i64| -> Vec<BlobInfo> {
        let log = |at: i64| BlobInfo {
            id: BlobId::new(format!("_log_{at}")).unwrap(),
            length: 10,
            modified: NOW - at.hours(),
        };
        (0..n).map(log).collect()
    };
    let kept = |max_count, max_total_size, hours: i64| LogRetention {
        max_count,
        max_total_size,
        max_age: hours * 3_600_000_000_000,
        ..LogRetention::default()
    };
    assert_eq!(excess(logs(5), &kept(3, 1000, 1000), NOW).len(), 2);
    assert_eq!(excess(logs(5), &kept(100, 40, 1000), NOW).len(), 1);
    assert_eq!(excess(logs(5), &kept(100, 1000, 1), NOW).len(), 3);
    assert_eq!(excess(logs(5), &kept(100, 1000, 100), NOW).len(), 0);
}
