use super::*;
use crate::repository::directory::Summary;
use crate::repository::gojson;
use proptest::prelude::*;

fn through_serde(entry: &Entry) -> String {
    String::from_utf8(gojson::to_vec(entry).unwrap()).unwrap()
}

fn written(entry: &Entry) -> Option<String> {
    let mut out = b"before".to_vec();
    let is_plain = write(&mut out, entry);
    assert!(is_plain || out == b"before");
    is_plain.then(|| String::from_utf8(out[6..].to_vec()).unwrap())
}

/// What serde reads, in the same shape; none where it refuses, or finds more than this form can hold.
fn read_by_serde(text: &[u8]) -> Option<(Entry, usize)> {
    let mut values = serde_json::Deserializer::from_slice(text).into_iter::<Entry>();
    let entry = values.next()?.ok()?;
    Some((entry, values.byte_offset()))
}

fn as_entry(plain: Plain<'_>) -> Entry {
    let Plain { name, kind, mode, size, mtime, uid, gid, object } = plain;
    Entry { name: name.into(), kind, mode, size, mtime, uid, gid, object: Some(object), ..Entry::default() }
}

fn entries() -> impl Strategy<Value = Entry> {
    let name = prop_oneof!["[a-z0-9._-]{1,20}", "\\PC{1,8}", "[ -~]{1,12}", ".{0,6}"];
    let kind = prop_oneof![Just(Kind::File), Just(Kind::Directory), Just(Kind::Symlink)];
    let object = prop_oneof![
        Just("4b1a65d972a34e45151a940787a8fccf"),
        Just("k0d01b6c2c66803eac7d98d1e02baf7c0"),
        Just("IIx8d11a5e79dc84f1c8a1dd4e05e0c0ea0c0c6c1c3c2d4e5f60718293a4b5c6d7e"),
        Just("Zab"),
    ];
    let numbers = (any::<u32>(), prop_oneof![Just(0), any::<u64>()], prop_oneof![Just(0), any::<i64>()]);
    let owners = prop_oneof![Just((0, 0)), any::<(u32, u32)>()];
    (name, kind, object, numbers, owners).prop_map(|(name, kind, object, (mode, size, time), (uid, gid))| Entry {
        name,
        kind,
        mode: Mode::from_posix(mode),
        size,
        mtime: Time::from_nanos(time),
        uid,
        gid,
        object: Some(ObjectId::parse(object).unwrap()),
        ..Entry::default()
    })
}

#[test]
fn the_usual_entry_is_in_this_form_and_others_are_not() {
    let text = concat!(
        r#"{"name":"b.txt","type":"f","mode":"040000755","size":6,"mtime":"1969-12-31T23:00:00.5Z","#,
        r#""uid":1000,"gid":2000,"obj":"4b1a65d972a34e45151a940787a8fccf"}"#
    );
    let followed = format!("{text},");
    let (plain, length) = read(followed.as_bytes()).unwrap();
    assert_eq!(length, text.len());
    let entry = as_entry(plain);
    assert_eq!((written(&entry).as_deref(), through_serde(&entry).as_str()), (Some(text), text));
    for other in [
        Entry { name: String::new(), ..entry.clone() },
        Entry { name: "a\"b".into(), ..entry.clone() },
        Entry { name: "a<b".into(), ..entry.clone() },
        Entry { name: "a\u{2028}b".into(), ..entry.clone() },
        Entry { kind: Kind::Other("pipe".into()), ..entry.clone() },
        Entry { object: None, ..entry.clone() },
        Entry { summary: Some(Box::new(Summary::default())), ..entry.clone() },
    ] {
        assert_eq!(written(&other), None, "{other:?}");
        assert!(read(through_serde(&other).as_bytes()).is_none_or(|(plain, _)| as_entry(plain) == other), "{other:?}");
    }
    for (from, to) in [
        ("\"size\":6", "\"size\":06"),
        ("\"size\":6", "\"size\":6.0"),
        ("\"size\":6", "\"size\":-6"),
        ("\"size\":6", "\"size\":99999999999999999999"),
        ("\"uid\":1000", "\"uid\":4294967296"),
        ("\"mode\":\"040000755\"", "\"mode\":\"0x1ed\""),
        ("\"mode\":\"040000755\"", "\"mode\":493"),
        ("\"mode\":\"040000755\"", "\"mode\":null"),
        ("T23:00:00.5Z", "T24:00:00.5Z"),
        ("b.txt", "b\n.txt"),
        ("\"type\"", "\"kind\""),
        ("{\"name\"", "{ \"name\""),
        ("fccf\"}", "fccf\",\"acl\":1}"),
    ] {
        assert!(text.contains(from) && read(text.replace(from, to).as_bytes()).is_none(), "{to}");
    }
    assert!((0..text.len()).all(|end| read(&text.as_bytes()[..end]).is_none()), "its end has not come yet");
}

proptest! {
    #[test]
    fn what_is_written_is_what_serde_writes(entry in entries()) {
        let expected = through_serde(&entry);
        if let Some(text) = written(&entry) {
            prop_assert_eq!(&text, &expected);
        }
        if let Some((plain, length)) = read(expected.as_bytes()) {
            prop_assert_eq!(length, expected.len());
            prop_assert_eq!(as_entry(plain), entry);
        }
    }

    #[test]
    fn simple_names_need_no_detour(entry in entries(), name in "[A-Za-z0-9 ._+,äöü-]{1,30}") {
        let entry = Entry { name, size: entry.size >> 8, uid: entry.uid >> 4, gid: entry.gid >> 4, ..entry };
        let text = written(&entry).unwrap();
        prop_assert_eq!(&text, &through_serde(&entry));
        prop_assert!(read(text.as_bytes()).is_some());
    }

    #[test]
    fn what_is_read_is_what_serde_reads(entry in entries(), changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..3u8), 0..3)) {
        let mut text = through_serde(&entry).into_bytes();
        for (at, byte, change) in changes {
            let at = at.index(text.len());
            match change {
                0 => text[at] = byte,
                1 => text.insert(at, b"0123456789\":,.{}-eabcdef \\"[usize::from(byte) % 26]),
                _ => drop(text.remove(at)),
            }
        }
        if let Some((plain, length)) = read(&text) {
            prop_assert_eq!(Some((as_entry(plain), length)), read_by_serde(&text));
        }
    }
}
