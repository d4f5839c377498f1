use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::ErrorKind;

fn unhex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn all() -> impl Iterator<Item = Compressor> {
    Compressor::names().map(|name| Compressor::by_name(name).unwrap())
}

/// Half text, half noise.
fn mixed(length: usize) -> Vec<u8> {
    let mut state = 7u64;
    let noise = std::iter::repeat_with(|| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        u8::try_from(state >> 56).unwrap()
    });
    noise.take(length / 2).chain(b"kopia ".iter().copied().cycle().take(length - length / 2)).collect()
}

#[test]
fn kopias_bodies_unpack() {
    let plain = b"kopia ".repeat(20);
    for (id, packed) in [
        (0x1100, "0000110028b52ffd0400750000306b6f70696120015406032a2f0179e2eaf6"),
        (0x1200, "00001200ff06000053327354774f001100006796071278146b6f706961201106150062"),
    ] {
        let packed = unhex(packed);
        assert_eq!(packed[..4], u32::to_be_bytes(id));
        assert_eq!(Compressor::by_id(id).unwrap().decompress(&packed[4..], 120).unwrap(), plain, "{id:#x}");
    }
}

#[test]
fn names_and_ids_belong_together() {
    let ids: HashSet<u32> = all().map(Compressor::id).collect();
    assert_eq!(ids.len(), 18);
    for one in all() {
        assert_eq!(Compressor::by_id(one.id()).unwrap(), one);
    }
    assert_eq!(Compressor::by_name("zstd-fastest").unwrap().id(), 0x1101);
    assert_eq!(Compressor::by_id(0x1501).unwrap().name(), "deflate-best-speed");
    assert!(Compressor::by_id(0x1600).unwrap_err().to_string().contains("0x1600"));
    assert!(Compressor::by_name("brotli").unwrap_err().to_string().contains("brotli"));
}

#[test]
fn every_compression_unpacks_what_it_packed() {
    for one in all() {
        for length in [0, 1, 4096, 3 << 20] {
            let plain = mixed(length);
            let packed = one.compress(&plain).unwrap();
            assert!(one.decompress(&packed, length).unwrap() == plain, "{one:?} {length}");
            assert!(length < 4096 || packed.len() < length * 3 / 4, "{one:?} does not pack");
        }
    }
}

#[test]
fn a_body_that_unpacks_to_more_than_allowed_is_refused() {
    for one in all() {
        let packed = one.compress(&vec![0; 8 << 20]).unwrap();
        for limit in [0, 1000, (8 << 20) - 1] {
            let error = one.decompress(&packed, limit).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().contains("more than"), "{one:?}: {error}");
        }
    }
}

#[test]
fn a_body_that_is_cut_off_is_refused() {
    let plain = mixed(10_000);
    for one in all() {
        let packed = one.compress(&plain).unwrap();
        let end = if one.name() == "lz4" { 5 } else { 1 }; // its end mark, four zeros, may be absent: nothing is lost then
        for kept in [1, packed.len() / 2, packed.len() - end] {
            assert!(one.decompress(&packed[..kept], plain.len()).is_err(), "{one:?} {kept} of {}", packed.len());
        }
    }
}

#[test]
fn windows_of_zstd_stay_within_8_mib() {
    let plain = mixed(20 << 20);
    for name in ["zstd", "zstd-fastest", "zstd-better-compression", "zstd-best-compression"] {
        let packed = Compressor::by_name(name).unwrap().compress(&plain).unwrap();
        let mut decoder = zstd::Decoder::with_buffer(&packed[..]).unwrap();
        decoder.window_log_max(23).unwrap();
        assert!(read_up_to(decoder, plain.len()).unwrap() == plain, "{name}");
    }
}

#[test]
fn chunks_of_s2_that_may_be_skipped_are_skipped_however_many() {
    let mut packed = Compressor::by_name("s2-default").unwrap().compress(b"text").unwrap();
    packed.extend([0xfe, 0, 0, 0].repeat(200_000));
    assert_eq!(Compressor::by_id(0x1200).unwrap().decompress(&packed, 4).unwrap(), b"text");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn damaged_bodies_never_panic_nor_exceed_the_limit(
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4), length in 1usize..5000,
    ) {
        for one in all() {
            let mut packed = one.compress(&mixed(length)).unwrap();
            for (place, value) in &damage {
                *place.get_mut(&mut packed) = *value;
            }
            if let Ok(plain) = one.decompress(&packed, length) {
                prop_assert!(plain.len() <= length);
            }
        }
    }

    #[test]
    fn strange_bodies_never_panic(body in prop::collection::vec(any::<u8>(), 0..500)) {
        for one in all() {
            let _ = one.decompress(&body, 1000);
        }
    }
}
