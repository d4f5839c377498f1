use super::*;
use proptest::prelude::*;

mod pieces;

const EMPTY: &str = concat!(
    r#"{"stream":"kopia:directory","entries":null,"summary":{"size":0,"files":0,"symlinks":0,"dirs":1,"#,
    r#""maxTime":"2026-11-21T04:42:16.011325459Z","numFailed":0}}"#,
    "\n"
);
const FILLED: &str = concat!(
    r#"{"stream":"kopia:directory","entries":[{"name":"deep","type":"d","mode":"04000777","#,
    r#""mtime":"2026-11-21T04:42:16.011325459Z","uid":1000,"gid":2000,"obj":"k0d01b6c2c66803eac7d98d1e02baf7c0","#,
    r#""summ":{"size":0,"files":0,"symlinks":0,"dirs":1,"maxTime":"2026-11-21T04:42:16.011325459Z","numFailed":0}},"#,
    r#"{"name":"b.txt","type":"f","mode":"040000755","size":6,"mtime":"1969-12-31T23:00:00.5Z","#,
    r#""obj":"4b1a65d972a34e45151a940787a8fccf"}],"summary":{"size":6,"files":1,"symlinks":0,"dirs":2,"#,
    r#""maxTime":"2026-11-21T04:42:16.011325459Z","numFailed":0}}"#,
    "\n"
);

fn read(text: &str) -> Result<(Vec<Entry>, Tail)> {
    let mut reader = Reader::new("ktest", text.as_bytes(), Shape::Tree)?;
    let entries = reader.by_ref().collect::<Result<_>>()?;
    Ok((entries, reader.finish()?))
}

fn write(entries: &[Entry], tail: impl Into<Tail>) -> Result<String> {
    let mut writer = Writer::new(Vec::new(), Shape::Tree);
    entries.iter().try_for_each(|entry| writer.push(entry))?;
    Ok(String::from_utf8(writer.finish(tail)?).unwrap())
}

fn file(name: &str) -> Entry {
    let object = Some(ObjectId::parse("4b1a65d972a34e45151a940787a8fccf").unwrap());
    Entry { name: name.into(), kind: Kind::File, object, ..Entry::default() }
}

#[test]
fn directories_of_kopia_are_written_again_in_the_same_bytes_and_their_sums_add_up() {
    for text in [EMPTY, FILLED] {
        let (entries, tail) = read(text).unwrap();
        assert_eq!(write(&entries, tail.clone()).unwrap(), text);
        let mut tally = Tally::default();
        entries.iter().for_each(|entry| tally.add(entry));
        let own = Time::parse("2026-11-21T04:42:16.011325459Z").unwrap();
        assert_eq!(Some(Box::new(tally.finish(own, ""))), tail.summary);
    }
    let (entries, _) = read(FILLED).unwrap();
    assert_eq!(entries[0].mode.posix(), 0o1777);
    assert_eq!(entries[1].mode.posix(), 0o4755);
    assert_eq!(entries[1].object().unwrap().to_string(), "4b1a65d972a34e45151a940787a8fccf");
}

#[test]
fn sums_that_kopia_could_not_read_are_refused() {
    assert!(read(&EMPTY.replace("\"files\":0", "\"files\":9223372036854775807")).is_ok());
    for text in [EMPTY, FILLED] {
        let changed = text.replace("\"numFailed\":0}}\n", "\"numFailed\":9223372036854775808}}\n");
        assert!(read(&changed).is_err(), "{changed}");
    }
}

#[test]
fn modes_are_the_bits_of_go() {
    for (posix, text) in
        [(0o4755, "\"040000755\""), (0o2750, "\"020000750\""), (0o1777, "\"04000777\""), (0o755, "\"0755\"")]
    {
        assert_eq!(serde_json::to_string(&Mode::from_posix(posix | 0o100_000)).unwrap(), text);
        assert_eq!(serde_json::from_str::<Mode>(text).unwrap().posix(), posix);
    }
    for (text, posix) in [("\"493\"", 0o755), ("\"0x1ed\"", 0o755), ("\"0o755\"", 0o755), ("\"0\"", 0)] {
        assert_eq!(serde_json::from_str::<Mode>(text).unwrap().posix(), posix);
    }
    for bad in ["\"\"", "\"089\"", "\"-1\"", "\"+7\"", "\"0+7\"", "\"rwx\"", "493", "\"99999999999\""] {
        assert!(serde_json::from_str::<Mode>(bad).is_err(), "{bad}");
    }
}

#[test]
fn a_refused_name_does_not_hide_the_entries_behind_it() {
    let bad = ["", ".", "..", "a/b", "/", "a\\u0000b", "good"];
    let entries: Vec<_> = bad.iter().map(|name| format!(r#"{{"name":"{name}","type":"f","obj":"ab"}}"#)).collect();
    let odd = r#"{"name":"x","obj":"ab","size":-1},{"name":"y"},{"name":"z","obj":"nothing"},7,{"name":"q","mode":"x","obj":"ab"}"#;
    let text = format!(
        r#"{{"stream":"kopia:directory","entries":[{{"name":"good","type":"f","obj":"ab"}},{},{odd},{{"name":"last","type":"f","obj":"ab"}}],"summary":null}}"#,
        entries.join(",")
    );
    let items: Vec<_> = Reader::new("k1", text.as_bytes(), Shape::Tree).unwrap().collect();
    assert_eq!(items.len(), 14);
    let names: Vec<_> = items.iter().flatten().map(|entry| entry.name.as_str()).collect();
    assert_eq!(names, ["good", "last"]);
    assert!(items[7].as_ref().unwrap_err().to_string().contains("occurs twice"));
    let mut writer = Writer::new(Vec::new(), Shape::Tree);
    assert!(["", ".", "..", "a/b", "a\0b"].iter().all(|name| writer.push(&file(name)).is_err()));
}

#[test]
fn a_device_is_one_file_whose_name_may_be_a_path() {
    let mut writer = Writer::new(Vec::new(), Shape::Device);
    writer.push(&file("/dev/xvda")).unwrap();
    assert!(writer.push(&file("/dev/xvdb")).is_err());
    let bytes = writer.finish(Summary::default()).unwrap();
    assert_eq!(Reader::new("k1", &bytes, Shape::Device).unwrap().next().unwrap().unwrap().name, "/dev/xvda");
    assert!(Reader::new("k1", &bytes, Shape::Tree).unwrap().next().unwrap().is_err());
    assert!(Writer::new(Vec::new(), Shape::Device).push(&Entry { kind: Kind::Directory, ..file("/dev") }).is_err());
}

#[test]
fn entries_out_of_order_are_not_written() {
    let directory = |name| Entry { kind: Kind::Directory, ..file(name) };
    assert!(write(&[directory("b"), file("a"), file("a-"), file("a.b")], Summary::default()).is_ok());
    for wrong in [[file("b"), file("a")], [file("a"), file("a")], [file("a"), directory("b")]] {
        assert!(write(&wrong, Summary::default()).is_err());
    }
    assert!(write(&[Entry { object: None, ..file("a") }], Summary::default()).is_err());
    assert!(write(&[Entry { size: u64::MAX, ..file("a") }], Summary::default()).is_err());
}

#[test]
fn unknown_fields_and_types_survive_a_rewrite() {
    let text = concat!(
        r#"{"stream":"kopia:directory","entries":[{"name":"p","type":"pipe","obj":"ab","acl":{"u":[1,2]}}],"#,
        r#""summary":{"size":0,"files":0,"symlinks":0,"dirs":1,"maxTime":"1970-01-01T00:00:00Z","numFailed":0,"new":true},"v":2}"#,
        "\n"
    );
    let (entries, tail) = read(text).unwrap();
    assert_eq!(entries[0].kind, Kind::Other("pipe".into()));
    assert_eq!(write(&entries, tail).unwrap(), text);
}

#[test]
fn objects_that_are_no_directories_or_are_cut_short_are_errors() {
    for bad in [
        "",
        "{",
        "{}",
        "[]",
        "null",
        r#"{"stream":"kopia:indirect","entries":null}"#,
        r#"{"entries":[]}"#,
        r#"{"stream":"kopia:directory","entries":[}"#,
        r#"{"stream":"kopia:directory","entries":[{"name":"a","obj":"ab"},]}"#,
        r#"{"stream":"kopia:directory","entries":{}}"#,
        r#"{"stream":"kopia:directory","entries":[],"entries":[]}"#,
        r#"{"stream":"kopia:directory","entries":[]} x"#,
        r#"{"stream":"kopia:directory","entries":[],}"#,
    ] {
        assert!(read(bad).is_err(), "{bad}");
    }
    assert!((1..FILLED.len() - 1).all(|end| read(&FILLED[..end]).is_err()));
    assert!(read(r#" { "entries" : [ ] , "stream" : "kopia:directory" } "#).is_ok());
}

#[test]
fn a_summary_names_ten_failures_and_counts_all() {
    let mut tally = Tally::default();
    (0..30).rev().for_each(|n| tally.fail(&format!("f{n:02}"), "denied", n % 2 == 0));
    let summary = tally.finish(Time::from_nanos(5), "checkpoint");
    assert_eq!((summary.failed, summary.ignored_errors, summary.errors.len()), (15, 15, 10));
    assert_eq!(summary.errors[9].path, "f09");
    assert_eq!((summary.max_time.nanos(), summary.incomplete.as_str()), (5, "checkpoint"));
}

proptest! {
    #[test]
    fn any_directory_is_read_as_it_was_written(
        rows in prop::collection::btree_map("[^/\0]{1,12}", (any::<u32>(), any::<i64>(), 0_u64..1 << 62, any::<u32>()), 0..40),
    ) {
        let entries: Vec<_> = rows.into_iter().filter(|(name, _)| name != "." && name != "..").map(|(name, (mode, time, size, uid))| {
            Entry { mode: Mode::from_posix(mode), mtime: Time::from_nanos(time), size, uid, ..file(&name) }
        }).collect();
        let text = write(&entries, Summary::default()).unwrap();
        prop_assert_eq!(read(&text).unwrap().0, entries);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes: Vec<u8>, at in 0..FILLED.len(), byte: u8) {
        let _ = Reader::new("k1", &bytes, Shape::Tree).map(Iterator::count);
        let mut damaged = FILLED.as_bytes().to_vec();
        damaged[at] = byte;
        if let Ok(reader) = Reader::new("k1", &damaged, Shape::Tree) {
            prop_assert!(reader.count() <= 4);
        }
    }
}
