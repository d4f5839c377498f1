use super::*;
use proptest::prelude::*;
use std::io::{Read, Write};

const LIMIT: u64 = 1 << 20;

fn gunzip(content: &[u8]) -> String {
    let mut plain = String::new();
    flate2::read::GzDecoder::new(content).read_to_string(&mut plain).unwrap();
    plain
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    out.write_all(plain).unwrap();
    out.finish().unwrap()
}

fn read(content: &[u8]) -> Result<Vec<Record>> {
    let mut records = Vec::new();
    decode("mtest", content, LIMIT, |record| records.push(record))?;
    Ok(records)
}

fn id(text: &str) -> ManifestId {
    ManifestId::parse(text).unwrap()
}

fn record(name: &str, kind: &str, nanos: i64) -> Record {
    Record::new(id(name), labels([("type", kind)]), Time::from_nanos(nanos), &nanos).unwrap()
}

const UPSTREAM: &str = concat!(
    r#"{"entries":[{"id":"2cc01eec96f14cda0ecd002a9e3095f5","labels":{"type":"maintenance"},"#,
    r#""modified":"2026-11-21T04:42:16.711517811Z","data":{"owner":"default@default","quick":{"enabled":true,"#,
    r#""interval":3600000000000},"full":{"enabled":true,"interval":86400000000000},"logRetention":"#,
    r#"{"maxTotalSize":1073741824,"maxCount":10000,"maxAge":2592000000000000},"extendObjectLocks":false,"#,
    r#""listParallelism":0}}]}"#,
    "\n"
);

#[test]
fn a_batch_of_kopia_is_written_again_in_the_same_bytes() {
    let records = read(&gzip(UPSTREAM.as_bytes())).unwrap();
    assert_eq!(records[0].id.as_str(), "2cc01eec96f14cda0ecd002a9e3095f5");
    assert_eq!(gunzip(&encode(&records).unwrap()), UPSTREAM);
}

#[test]
fn a_deletion_has_no_labels_and_no_data() {
    let batch = encode(&[Record::deletion(id("ab"), Time::from_nanos(1))]).unwrap();
    let json = r#"{"entries":[{"id":"ab","labels":null,"modified":"1970-01-01T00:00:00.000000001Z","deleted":true,"data":null}]}"#;
    assert_eq!(gunzip(&batch).trim_end(), json);
}

#[test]
fn the_latest_record_counts_and_deletions_hide_older_ones_whatever_the_order() {
    let mut records = [
        record("a", "policy", 1),
        record("a", "policy", 3),
        record("b", "policy", 5),
        Record::deletion(id("b"), Time::from_nanos(6)),
        Record::deletion(id("c"), Time::from_nanos(6)),
        record("c", "policy", 7),
        record("d", "snapshot", 9),
    ];
    for _ in 0..records.len() {
        records.rotate_left(1);
        let mut merge = Merge::default();
        records.iter().cloned().for_each(|record| merge.add(record));
        let merged = merge.finish();
        let found: Vec<_> = merged.iter().map(|r| (r.id.as_str(), r.modified.nanos())).collect();
        assert_eq!(found, [("a", 3), ("c", 7), ("d", 9)]);
        assert_eq!(merged.latest(&labels([("type", "policy")])).unwrap().id.as_str(), "c");
        assert_eq!(merged.find(&labels([("type", "snapshot")])).count(), 1);
        assert_eq!(merged.get("a").unwrap().document::<i64>().unwrap(), 3);

        let mut merge = Merge::new(labels([("type", "snapshot")]));
        records.iter().cloned().for_each(|record| merge.add(record));
        assert_eq!(merge.finish().len(), 1);
    }
}

#[test]
fn of_equally_late_singletons_the_larger_id_counts() {
    let mut merge = Merge::default();
    ["b", "a"].into_iter().for_each(|name| merge.add(record(name, "maintenance", 1)));
    assert_eq!(merge.finish().latest(&labels([("type", "maintenance")])).unwrap().id.as_str(), "b");
}

#[test]
fn manifests_without_type_are_not_written() {
    assert!(Record::new(id("a"), labels([("path", "/")]), Time::default(), &1).is_err());
    assert_eq!(ManifestId::from_random([0x0a; 16]).as_str(), "0a".repeat(16));
}

#[test]
fn unknown_fields_of_a_record_are_kept_and_damage_is_an_error() {
    let json =
        r#"{"entries":[{"id":"a","labels":{"type":"x"},"modified":"1970-01-01T00:00:00Z","data":{},"new":[1]}]}"#;
    let records = read(&gzip(json.as_bytes())).unwrap();
    assert_eq!(gunzip(&encode(&records).unwrap()).trim_end(), json);
    for bad in [
        "",
        "[]",
        "{",
        r#"{"entries":[{}]}"#,
        r#"{"entries":[{"id":"../x"}]}"#,
        r#"{"entries":[{"id":"a","modified":"now"}]}"#,
        r#"{"entries":null} x"#,
        r#"{"entries":[{"id":"a"}"#,
    ] {
        assert!(read(&gzip(bad.as_bytes())).is_err(), "{bad}");
    }
    assert!(read(&gzip(br#"{"entries":null,"later":{"a":[]}}"#)).unwrap().is_empty());
    assert!(read(&gzip(&vec![b' '; LIMIT as usize + 1])).unwrap_err().to_string().contains("expands"));
    let whole = encode(&[record("a", "x", 1)]).unwrap();
    assert!(read(&whole[..whole.len() - 9]).is_err());
}

proptest! {
    #[test]
    fn any_batch_is_read_as_it_was_written(names in prop::collection::vec(("[0-9a-f]{32}", ".{1,20}", any::<i64>(), ".{0,40}"), 0..20)) {
        let records: Vec<_> = names.iter().map(|(name, kind, nanos, data)| {
            Record::new(id(name), labels([("type", &**kind)]), Time::from_nanos(*nanos), data).unwrap()
        }).collect();
        prop_assert_eq!(read(&encode(&records).unwrap()).unwrap(), records);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, text: String) {
        let _ = (read(&bytes), read(&gzip(&bytes)), read(&gzip(format!("{{\"entries\":[{text}]}}").as_bytes())), ManifestId::parse(&text));
    }
}
