use super::*;
use jiff::Timestamp;
use proptest::prelude::*;

fn text<T: Serialize + ?Sized>(value: &T) -> String {
    String::from_utf8(to_vec(value).unwrap()).unwrap()
}

#[test]
fn strings_are_escaped_as_go_does() {
    for (plain, json) in [
        ("a\"b\\c/d", r#""a\"b\\c/d""#),
        ("\n\r\t\u{8}\u{c}\u{1}\u{1f}", r#""\n\r\t\b\f\u0001\u001f""#),
        ("<a>&", r#""\u003ca\u003e\u0026""#),
        ("\u{2028}\u{2029}\u{2027}", "\"\\u2028\\u2029\u{2027}\""),
        ("é\u{7f}漢", "\"é\u{7f}漢\""),
    ] {
        assert_eq!(text(plain), json);
    }
    assert_eq!(text(&Base64(b"ab".to_vec())), r#""YWI=""#);
    assert_eq!(text(&Base64::default()), "null");
}

#[test]
fn times_are_written_in_utc_without_trailing_zeros() {
    for (nanos, written) in [
        (0, "1970-01-01T00:00:00Z"),
        (-3_599_500_000_000, "1969-12-31T23:00:00.5Z"),
        (Time::GO_ZERO.nanos(), "1754-08-30T22:43:41.128654848Z"),
        (951_782_400_120_000_000, "2000-02-29T00:00:00.12Z"),
        (i64::MAX, "2262-04-11T23:47:16.854775807Z"),
        (i64::MIN, "1677-09-21T00:12:43.145224192Z"),
    ] {
        assert_eq!(Time::from_nanos(nanos).to_string(), written);
        assert_eq!(Time::parse(written).unwrap().nanos(), nanos);
    }
}

#[test]
fn times_are_read_with_any_offset_and_refused_in_any_other_shape() {
    let noon = Time::parse("2026-11-21T12:00:00Z").unwrap();
    for same in ["2026-11-21T14:30:00+02:30", "2026-11-21T04:00:00.000-08:00", "2026-11-21T12:00:00.0000000009Z"] {
        assert_eq!(Time::parse(same).unwrap(), noon, "{same}");
    }
    assert_eq!(Time::parse("0001-01-01T00:00:00Z").unwrap(), Time::GO_ZERO);
    for bad in [
        "",
        "2026",
        "2026-11-21",
        "2026-11-21T12:00:00",
        "2026-11-21 12:00:00Z",
        "2026-11-21t12:00:00z",
        "2026-13-01T00:00:00Z",
        "2026-02-29T00:00:00Z",
        "2026-00-10T00:00:00Z",
        "2026-11-21T24:00:00Z",
        "2026-11-21T12:60:00Z",
        "2026-11-21T12:00:60Z",
        "2026-11-21T12:00:00.Z",
        "2026-11-21T12:00:00,5Z",
        "2026-11-21T12:00:00+24:00",
        "2026-11-21T12:00:00+0200",
        "2026-11-21T12:00:00+1:00",
        "2026-11-21T12:00:00ZZ",
        "1677-01-01T00:00:00Z",
        "2263-01-01T00:00:00Z",
        "+026-11-21T12:00:00Z",
    ] {
        assert!(Time::parse(bad).is_err(), "{bad}");
    }
}

document! {
    /// A document of this test.
    pub struct Sample {
        /// Always written.
        pub always: u64 = "always",
        /// Written when set.
        pub some: String = "some" omit,
        /// Written when not 1970.
        pub when: Time = "when" omit,
    }
}

#[test]
fn unknown_fields_survive_and_null_is_absence() {
    let json = r#"{"when":null,"new":{"b" : 1.50},"always":7,"other":[]}"#;
    let sample: Sample = serde_json::from_str(json).unwrap();
    assert_eq!(sample.extra.names().collect::<Vec<_>>(), ["new", "other"]);
    assert_eq!(text(&sample), r#"{"always":7,"new":{"b" : 1.50},"other":[]}"#);
    assert_eq!(text(&Sample::default()), r#"{"always":0}"#);
    assert!(serde_json::from_str::<Sample>(r#"{"always":"7"}"#).is_err());
}

proptest! {
    #[test]
    fn every_time_is_read_as_it_was_written_and_as_another_library_reads_it(nanos: i64) {
        let written = Time::from_nanos(nanos).to_string();
        prop_assert_eq!(Time::parse(&written).unwrap().nanos(), nanos);
        prop_assert_eq!(written.parse::<Timestamp>().unwrap(), Time::from_nanos(nanos).timestamp());
    }

    #[test]
    fn any_string_is_read_as_it_was_written(plain: String) {
        prop_assert_eq!(serde_json::from_str::<String>(&text(&plain)).unwrap(), plain);
    }

    #[test]
    fn no_text_makes_the_reader_of_times_panic(noise: String, digits in "[0-9T:.Z+-]{0,40}") {
        let _ = (Time::parse(&noise), Time::parse(&digits));
    }
}
