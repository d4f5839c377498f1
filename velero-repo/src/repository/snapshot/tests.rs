use super::*;
use crate::repository::gojson;
use crate::repository::manifest::Record;
use crate::repository::policy::Retention;
use proptest::prelude::*;

const VELERO: &str = concat!(
    r#"{"id":"12827a937cf631e6ee6c9817f56931e1","labels":{"hostname":"default","#,
    r#""path":"snapshot-data-upload-download/kopia/ns/pvc","snapshot-requester":"snapshot-data-upload-download","#,
    r#""snapshot-uploader":"kopia","type":"snapshot","username":"default"},"modified":"2026-11-21T04:42:17.139417604Z","#,
    r#""data":{"id":"","source":{"host":"default","userName":"default","path":"snapshot-data-upload-download/kopia/ns/pvc"},"#,
    r#""description":"Kopia Uploader","startTime":"2026-11-21T04:42:17.070361315Z","endTime":"2026-11-21T04:42:17.139325677Z","#,
    r#""stats":{"totalSize":32000015,"excludedTotalSize":0,"fileCount":8,"cachedFiles":0,"nonCachedFiles":8,"dirCount":4,"#,
    r#""excludedFileCount":0,"excludedDirCount":0,"ignoredErrorCount":0,"errorCount":0},"rootEntry":{"name":"src","type":"d","#,
    r#""mode":"0755","mtime":"2026-11-21T04:42:16.199325454Z","obj":"k1c2fa877e1e9e80ff7e1e3b3c5973deb","summ":{"size":32000015,"#,
    r#""files":8,"symlinks":2,"dirs":4,"maxTime":"2026-11-21T04:42:16.19617173Z","numFailed":0}},"#,
    r#""tags":{"snapshot-requester":"snapshot-data-upload-download","snapshot-uploader":"kopia"},"pins":["velero-pin"]}}"#
);

fn golden() -> (Record, Snapshot) {
    let record: Record = serde_json::from_str(VELERO).unwrap();
    let snapshot = Snapshot::from_record(&record).unwrap();
    (record, snapshot)
}

#[test]
fn unknown_fields_of_the_source_come_back_and_do_not_make_it_another_one() {
    let text = VELERO.replace(r#""userName":"default","#, r#""userName":"default","cluster":{"n":1.50},"#);
    let record: Record = serde_json::from_str(&text).unwrap();
    let read = Snapshot::from_record(&record).unwrap();
    let written = read.to_record(record.id.clone(), record.modified).unwrap();
    let written = String::from_utf8(gojson::to_vec(&written).unwrap()).unwrap();
    let known =
        r#""source":{"host":"default","userName":"default","path":"snapshot-data-upload-download/kopia/ns/pvc""#;
    assert!(written.contains(&format!(r#"{known},"cluster":{{"n":1.50}}}}"#)), "{written}");
    assert_eq!(read.source, golden().1.source);
}

#[test]
fn a_snapshot_of_velero_is_written_in_the_same_bytes() {
    let (record, read) = golden();
    let made = Snapshot {
        source: Source::velero(VELERO_DATA_MOVER, "ns/pvc"),
        tags: velero_tags(VELERO_DATA_MOVER),
        description: VELERO_DESCRIPTION.into(),
        pins: vec![VELERO_PIN.into()],
        ..read.clone()
    };
    assert_eq!(made, read);
    let written = made.to_record(record.id.clone(), record.modified).unwrap();
    assert_eq!(String::from_utf8(gojson::to_vec(&written).unwrap()).unwrap(), VELERO);
}

#[test]
fn paths_of_velero_are_cleaned_as_go_does() {
    for (real, path) in [("ns/pvc", "r/kopia/ns/pvc"), ("/ns//pvc/", "r/kopia/ns/pvc"), ("./a/../b", "r/kopia/b")] {
        assert_eq!(Source::velero("r", real).path, path);
    }
    for (path, cleaned) in [("", "."), ("/..", "/"), ("../a/..", ".."), ("/a/./b//", "/a/b")] {
        assert_eq!(clean(path), cleaned);
    }
}

#[test]
fn what_kopia_could_not_read_is_not_stored() {
    type Change = fn(&mut Snapshot);
    let changes: [Change; 10] = [
        |s| s.source.host.clear(),
        |s| s.source.user.clear(),
        |s| s.source.path.clear(),
        |s| s.root = None,
        |s| drop(s.tags.insert("type".into(), "x".into())),
        |s| drop(s.tags.insert("".into(), "x".into())),
        |s| s.stats.file_count = 1 << 31,
        |s| s.stats.total_size = 1 << 63,
        |s| s.root.as_mut().unwrap().object = None,
        |s| s.root.as_mut().unwrap().kind = Kind::Other("x".into()),
    ];
    for (number, change) in changes.into_iter().enumerate() {
        let (record, mut snapshot) = golden();
        change(&mut snapshot);
        assert!(snapshot.to_record(record.id, record.modified).is_err(), "change {number}");
    }
    let broken = VELERO.replace("\"0755\"", "\"rwx\"");
    assert!(Snapshot::from_record(&serde_json::from_str(&broken).unwrap()).is_err());
    let other = VELERO.replace("\"type\":\"snapshot\"", "\"type\":\"policy\"");
    assert!(Snapshot::from_record(&serde_json::from_str(&other).unwrap()).is_err());
}

fn at(time: &str, incomplete: &str) -> Snapshot {
    let start_time = Time::parse(&format!("{time}Z")).unwrap();
    Snapshot {
        start_time,
        end_time: start_time,
        incomplete: incomplete.into(),
        source: Source::velero("r", "s"),
        ..Snapshot::default()
    }
}

#[test]
fn a_new_snapshot_builds_on_the_latest_complete_one_and_later_incomplete_ones() {
    let mut all = vec![
        at("2026-01-01T00:00:00", ""),
        at("2026-01-03T00:00:00", ""),
        at("2026-01-02T00:00:00", CHECKPOINT),
        at("2026-01-04T00:00:00", CANCELED),
        at("2026-01-05T00:00:00", ""),
    ];
    all[4].source.path = "elsewhere".into();
    let found = previous(&all, &Source::velero("r", "s"));
    assert_eq!(found, [&all[1], &all[3]]);
    let tags = velero_tags("r");
    assert_eq!(velero_parent(&all, &Source::velero("r", "s"), &tags), None);
    all[0].tags = tags.clone();
    all[1].tags = velero_tags("other");
    all[3].tags = tags.clone();
    assert_eq!(velero_parent(&all, &Source::velero("r", "s"), &tags), Some(&all[0]));
}

fn kept(policy: &Retention, snapshots: &[Snapshot]) -> Vec<String> {
    let text = |reasons: &Vec<Reason>| reasons.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
    retain(policy, snapshots).iter().map(text).collect()
}

#[test]
fn slots_of_each_period_are_filled_from_the_latest_backwards() {
    let policy = Retention {
        keep_latest: Some(1),
        keep_daily: Some(2),
        keep_monthly: Some(2),
        keep_annual: Some(2),
        ..Retention::default()
    };
    let mut all: Vec<_> =
        ["2024-06-01", "2025-12-31", "2026-02-27", "2026-02-28"].map(|day| at(&format!("{day}T10:00:00"), "")).into();
    all.push(at("2026-02-28T11:00:00", ""));
    all[0].pins.push("mine".into());
    // 2025-12-31 lies before the span of two months, but it is the last of its year.
    assert_eq!(
        kept(&policy, &all),
        ["pin mine", "monthly-2 annual-2", "daily-2", "", "latest-1 daily-1 monthly-1 annual-1"]
    );
    let weekly = Retention { keep_weekly: Some(3), keep_hourly: Some(5), ..Retention::default() };
    assert_eq!(kept(&weekly, &all)[3..], ["hourly-2", "hourly-1 weekly-1"]);
}

#[test]
fn policies_without_numbers_and_those_of_velero_keep_everything() {
    let all = [at("1990-01-01T00:00:00", ""), at("2026-01-01T00:00:00", "")];
    assert_eq!(kept(&Retention::default(), &all), ["latest-2", "latest-1"]);
    let velero = crate::repository::policy::Policy::velero(1).retention;
    assert!(retain(&velero, &all).iter().all(|reasons| reasons.len() == 6));
}

#[test]
fn incomplete_snapshots_are_kept_while_they_are_few_or_young_and_later_than_complete_ones() {
    let days = ["2026-01-01", "2026-01-02", "2026-01-03", "2026-01-04", "2026-01-05", "2026-01-06"];
    let mut all: Vec<_> = days.map(|day| at(&format!("{day}T00:00:00"), CHECKPOINT)).into();
    all[1].incomplete.clear();
    let none = Retention { keep_latest: Some(1), ..Retention::default() };
    assert_eq!(kept(&none, &all), ["", "latest-1", "", "incomplete", "incomplete", "incomplete"]);
    all.push(at("2026-01-06T01:00:00", LIMIT_REACHED));
    assert_eq!(kept(&none, &all)[3..], ["", "incomplete", "incomplete", "incomplete"]);
}

proptest! {
    #[test]
    fn any_text_makes_no_panic_and_any_times_are_judged(text: String, times in prop::collection::vec(any::<i64>(), 0..20), keep: i64) {
        let _ = serde_json::from_str::<Snapshot>(&text);
        let all: Vec<_> = times.iter().map(|nanos| Snapshot { start_time: Time::from_nanos(*nanos), ..Snapshot::default() }).collect();
        let some = Some(keep);
        let policy = Retention { keep_latest: some, keep_hourly: some, keep_weekly: some, keep_monthly: some, keep_annual: some, ..Retention::default() };
        prop_assert_eq!(retain(&policy, &all).len(), all.len());
    }
}
