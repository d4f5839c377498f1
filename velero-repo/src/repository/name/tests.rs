#![allow(clippy::unwrap_used)] // a test may panic

use proptest::prelude::*;

use super::*;

fn id(text: &str) -> BlobId {
    BlobId::new(text).unwrap()
}

#[test]
fn names_that_no_store_could_hold_are_refused() {
    for text in ["", "a/b", "a\nb", "\u{7f}", &"x".repeat(256)] {
        assert!(BlobId::new(text).is_err(), "{text:?}");
    }
    assert!(BlobId::new("x".repeat(255)).is_ok());
}

#[test]
fn each_name_belongs_to_its_family() {
    let table = [
        ("kopia.repository", Family::Format),
        ("kopia.repository.backup.7e", Family::FormatBackup),
        ("kopia.blobcfg", Family::BlobSettings),
        ("kopia.maintenance", Family::Maintenance),
        ("udmrepo.Repository", Family::InitMarker),
        ("p53eb", Family::Pack(PackKind::Data)),
        ("q53eb-s00", Family::Pack(PackKind::Meta)),
        ("xn0_cc045c90fa294c43046fdc83049a0826-s128fcbbe3c0907c0147-c1", Family::Uncompacted(0)),
        ("xs12_00-s0-c1", Family::Single(12)),
        ("xr0_7_00-s0-c1", Family::Range(0, 7)),
        ("xr7_0_00-s0-c1", Family::Unknown),
        ("xe3", Family::EpochMarker(3)),
        ("xe99999999999", Family::Unknown),
        ("xw1700000000", Family::Watermark(1_700_000_000)),
        ("n00", Family::Index),
        (POISON, Family::Poison),
        ("m00", Family::CompactionLog),
        ("l00", Family::CleanupLog),
        ("s00-s11", Family::Session),
        ("_log_20261121", Family::Log),
        ("xq", Family::Unknown),
        ("README", Family::Unknown),
    ];
    for (name, family) in table {
        assert_eq!(id(name).family(), family, "{name}");
    }
}

#[test]
fn epoch_numbers_are_read_as_kopia_reads_them() {
    let table = [("pppp9", Some(9)), ("x7", Some(7)), ("x01234_1235", Some(1234)), ("abc1234_xxxx", Some(1234))];
    for (name, epoch) in table.into_iter().chain([("_", None), ("a_", None), ("x123x_", None)]) {
        assert_eq!(epoch_number(name), epoch, "{name}");
    }
    assert_eq!(epoch_range("xr3_10_ab"), Some((3, 10)));
    assert_eq!(epoch_range("xr3_10"), None);
}

#[test]
fn names_tell_session_set_and_initialisation_vector() {
    let index = id("xn0_cc045c90fa294c43046fdc83049a0826-s128fcbbe3c0907c0147-c1");
    assert_eq!(index.session(), Some("s128fcbbe3c0907c0147"));
    assert_eq!(index.set(), Some(("s128fcbbe3c0907c0147", 1)));
    assert_eq!(hex(&index.iv().unwrap()), "cc045c90fa294c43046fdc83049a0826");
    assert_eq!(id("s0011-s2233").session(), Some("s2233"));
    assert_eq!(id("p0011").session(), None);
    for alone in ["malformed", "a-s0", "a-t0-c1", "a-s0-d1", "a-s0-cx"] {
        assert_eq!(id(alone).set(), None, "{alone}");
    }
    let long = format!("xn0_{}{}-s0-c1", "1".repeat(32), "2".repeat(32));
    assert_eq!(id(&long).iv(), Some([0x22; 16]));
    assert_eq!(id("n0011").iv(), None);
}

#[test]
fn made_names_follow_the_grammar() {
    let now: Timestamp = "2026-11-21T04:42:16Z".parse().unwrap();
    let session = SessionId::new([0x76, 0x4a, 0x33, 0xe6, 0x3c, 0x3d, 0x65, 0x91], now);
    assert_eq!(session.as_str(), "s764a33e63c3d6591147");
    assert_eq!(
        BlobId::pack(PackKind::Data, [0xab; 16], &session).as_str(),
        format!("p{}-s764a33e63c3d6591147", "ab".repeat(16))
    );
    let compaction = SessionId::of_compaction([1; 8]);
    assert_eq!(set_suffix(&compaction, 3), "s0101010101010101-c3");
    let index = BlobId::sealed(&range_prefix(0, 7), &[0xcd; 16], &set_suffix(&compaction, 3)).unwrap();
    assert_eq!(index.as_str(), format!("xr0_7_{}-s0101010101010101-c3", "cd".repeat(16)));
    assert_eq!(BlobId::sealed("n", &[0; 2], "").unwrap().as_str(), "n0000");
    assert_eq!(BlobId::epoch_marker(4).family(), Family::EpochMarker(4));
    assert_eq!(BlobId::watermark(12).family(), Family::Watermark(12));
    assert_eq!((uncompacted_prefix(4), single_prefix(5)), ("xn4_".into(), "xs5_".into()));
}

#[test]
fn contents_are_sharded_by_the_text_of_their_id() {
    let key = crate::repository::content::ContentId::parse("k00112233445566778899aabbccddeeff").unwrap();
    assert_eq!(shard_of(key.key(), usize::MAX), 0x4dbe_c3ca);
    assert_eq!(shard_of(key.key(), 7), 0x4dbe_c3ca % 7);
    assert_eq!([0, 1, SHARD_ROWS, SHARD_ROWS + 1].map(shard_count), [1, 1, 1, 2]);
}

proptest! {
    #[test]
    fn any_text_is_a_name_or_refused(text in ".{0,300}") {
        if let Ok(id) = BlobId::new(text) {
            let _ = (id.family(), id.session(), id.set(), id.iv());
        }
    }
}
