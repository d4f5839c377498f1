use super::*;
use proptest::prelude::*;

fn id(text: &str) -> ObjectId {
    ObjectId::parse(text).unwrap()
}

fn entry(start: u64, length: u64, object: &str) -> IndirectEntry {
    IndirectEntry { start, length, object: id(object) }
}

#[test]
fn ids_are_read_and_written_as_kopia_does() {
    assert_eq!(id("Dabcd"), id("abcd"));
    for text in ["abcd", "IIabcd", "Zabcd", "Ix5eaa734e33496a03f02c4a0f681bfcc7", "kb6524bbec15d57d3c8bc24295204e176"] {
        assert_eq!(id(text).to_string(), text);
    }
    assert_eq!(id("IIabcd").list(), Some(id("Iabcd")));
    assert_eq!(id("abcd").list(), None);
    assert!(id("Zabcd").compressed());
    assert_eq!(ObjectId::indirect(id("Ixabcd")).unwrap(), id("IIxabcd"));
}

#[test]
fn ids_that_mean_nothing_are_refused() {
    for text in
        ["", "I", "Z", "D", "IZabcd", "ZIabcd", "ZZabcd", "DIabcd", "x", "x1", "xx", "A00", "@abcd", "IIIIIIIIIabcd"]
    {
        assert!(ObjectId::parse(text).is_err(), "{text}");
    }
    assert!(ObjectId::parse(&"I".repeat(100_000)).is_err());
    assert!(ObjectId::indirect(id("IIIIIIIIabcd")).is_err());
}

#[test]
fn lists_have_the_bytes_that_kopia_writes() {
    let json = concat!(
        r#"{"stream":"kopia:indirect","entries":[{"l":2811414,"o":"048cfe1c163b716bf2bdfa5777ae356a"},"#,
        r#"{"s":2811414,"l":8388608,"o":"b67f8899d6b854c8865ca7a6e5bdc799"},"#,
        r#"{"s":11200022,"l":799978,"o":"7765c6c1ff9b3334dff6e51ba1ee2a46"}]}"#,
        "\n"
    );
    let entries = [
        entry(0, 2_811_414, "048cfe1c163b716bf2bdfa5777ae356a"),
        entry(2_811_414, 8_388_608, "b67f8899d6b854c8865ca7a6e5bdc799"),
        entry(11_200_022, 799_978, "7765c6c1ff9b3334dff6e51ba1ee2a46"),
    ];
    assert_eq!(String::from_utf8(encode_list(&entries).unwrap()).unwrap(), json);
    assert_eq!(parse_list(&id("Ixdb01bec0aa3f5b80301be581dbce8f6b"), json.as_bytes()).unwrap(), entries);
}

#[test]
fn lists_with_gaps_overlaps_or_impossible_numbers_are_refused() {
    for entries in [
        r#"[{"s":1,"l":1,"o":"ab"}]"#,
        r#"[{"l":5,"o":"ab"},{"s":4,"l":5,"o":"ab"}]"#,
        r#"[{"l":5,"o":"ab"},{"s":6,"l":5,"o":"ab"}]"#,
        r#"[{"l":-5,"o":"ab"}]"#,
        r#"[{"l":9223372036854775807,"o":"ab"},{"s":9223372036854775807,"l":1,"o":"ab"}]"#,
        r#"[{"l":18446744073709551615,"o":"ab"}]"#,
        r#"[{"l":5}]"#,
        r#"[{"l":5,"o":""}]"#,
        r#"[{"l":5.5,"o":"ab"}]"#,
        "{}",
    ] {
        let json = format!(r#"{{"stream":"kopia:indirect","entries":{entries}}}"#);
        assert!(parse_list(&id("Ixab"), json.as_bytes()).is_err(), "{entries}");
    }
}

#[test]
fn parts_become_one_list_and_an_empty_last_part_stays() {
    let parts = vec![
        FilePart::List(vec![entry(0, 3, "aa"), entry(3, 2, "bb")]),
        FilePart::Single { length: 5, object: id("cc") },
        FilePart::Single { length: 0, object: id("dd") },
    ];
    let joined = concatenate(parts).unwrap();
    assert_eq!(joined, [entry(0, 3, "aa"), entry(3, 2, "bb"), entry(5, 5, "cc"), entry(10, 0, "dd")]);
    let text = String::from_utf8(encode_list(&joined).unwrap()).unwrap();
    assert!(text.ends_with("{\"s\":10,\"o\":\"dd\"}]}\n"));
    let long = || FilePart::Single { length: LONGEST, object: id("aa") };
    assert!(concatenate(vec![long(), long()]).is_err());
    assert!(concatenate(vec![FilePart::List(vec![entry(1, 1, "aa")])]).is_err());
}

#[test]
fn the_longest_list_that_may_be_written_may_be_read() {
    let without = encode_list(&[]).unwrap().len() as u64;
    let one = encode_list(&[entry(0, LONGEST, &"f".repeat(64))]).unwrap().len() as u64;
    let start = format!("\"s\":{LONGEST},").len() as u64; // left away where it is 0
    let comma = 1;
    assert!(without + (one - without + start + comma) * MOST_PARTS as u64 <= LONGEST_LIST);
}

proptest! {
    #[test]
    fn any_list_is_read_as_it_was_written(lengths in prop::collection::vec(0_u64..1 << 40, 0..50), hash in "[0-9a-f]{32}") {
        let mut start = 0;
        let entries: Vec<_> = lengths.iter().map(|length| {
            start += length;
            entry(start - length, *length, &hash)
        }).collect();
        prop_assert_eq!(parse_list(&id("Ixab"), &encode_list(&entries).unwrap()).unwrap(), entries);
    }

    #[test]
    fn no_bytes_make_a_reader_panic(text: String, bytes: Vec<u8>, like in "[IZDgkx0-9a-f]{0,80}") {
        let _ = (ObjectId::parse(&text), ObjectId::parse(&like), parse_list(&id("Ixab"), &bytes));
    }
}
