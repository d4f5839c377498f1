#![allow(clippy::unwrap_used)] // a test may panic

use proptest::prelude::*;

use super::*;

#[test]
fn ids_that_kopia_refuses_are_refused() {
    for text in ["", "x", "x1", "xx", "A00", "@abcd", "f00", "k", "kzz", "0", "é00"] {
        assert!(ContentId::parse(text).is_err(), "{text}");
    }
    assert!(ContentId::parse(&"0".repeat(66)).is_err());
    assert!(ContentId::new(None, &[]).is_err());
    assert!(ContentId::new(Some(0), &[1]).is_err());
    assert!(ContentId::new(None, &[0; 33]).is_err());
    assert!(ContentId::from_key(&[0]).is_err());
    assert!(ContentId::from_key(&[b'a', 1]).is_err());
}

#[test]
fn ids_without_prefix_come_first() {
    let mut ids = ["m01", "k02", "ff", "k01", "00"].map(|text| ContentId::parse(text).unwrap());
    ids.sort();
    assert_eq!(ids.map(|id| id.to_string()), ["00", "ff", "k01", "k02", "m01"]);
}

#[test]
fn the_initialisation_vector_is_the_end_of_the_hash() {
    let hash: Vec<u8> = (0..32).collect();
    assert_eq!(ContentId::new(Some(b'k'), &hash).unwrap().iv()[..], hash[16..]);
    assert_eq!(ContentId::new(None, &hash[..16]).unwrap().iv()[..], hash[..16]);
}

#[test]
fn contents_with_a_prefix_go_into_metadata_packs() {
    assert_eq!(ContentId::parse("00").unwrap().pack_kind(), PackKind::Data);
    assert_eq!(ContentId::parse("k00").unwrap().pack_kind(), PackKind::Meta);
}

proptest! {
    #[test]
    fn text_and_key_lead_back(prefix in proptest::option::of(b'g'..=b'z'), hash in proptest::collection::vec(any::<u8>(), 1..=32)) {
        let id = ContentId::new(prefix, &hash).unwrap();
        prop_assert_eq!(ContentId::parse(&id.to_string()).unwrap(), id);
        prop_assert_eq!(ContentId::from_key(id.key()).unwrap(), id);
        prop_assert_eq!((id.prefix(), id.hash()), (prefix, &hash[..]));
    }

    #[test]
    fn any_text_is_an_id_or_refused(text in ".{0,80}") {
        let _ = ContentId::parse(&text);
    }
}
