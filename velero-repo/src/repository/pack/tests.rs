#![allow(clippy::unwrap_used)] // a test may panic

use proptest::prelude::*;

use super::*;
use crate::repository::index::{open_sealed_blob, sealed_blob};
use crate::repository::name::{hex, hex_byte};

mod golden;

const FULL: usize = 20 << 20;

fn session() -> SessionId {
    SessionId::new([1; 8], "2026-11-21T04:42:16Z".parse().unwrap())
}

fn style(version: u8, copy: &[u8]) -> PackStyle {
    PackStyle::new(golden::seal(), version, 3, FULL, copy)
}

fn builder(style: &PackStyle) -> PackBuilder {
    PackBuilder::new(style, PackKind::Data, &session(), Vec::new())
}

fn piece(plain: &[u8]) -> Piece {
    let content = ContentId::new(None, &golden::seal().hash(plain)).unwrap();
    Piece { content, original_length: plain.len(), compression: 0, timestamp: 1_700_000_000 }
}

fn open(pack: &FinishedPack, entry: &Entry) -> Vec<u8> {
    let offset = entry.offset as usize;
    let sealed = &pack.bytes[offset..offset + entry.packed_length as usize];
    golden::seal().open(&entry.content.iv(), sealed, sealed.len()).unwrap()
}

#[test]
fn contents_lie_back_to_back_behind_the_preamble() {
    for version in [1, 2] {
        let mut pack = builder(&style(version, &[]));
        let texts: [&[u8]; 3] = [b"hello\n", b"", b"quick brown fox"];
        for text in texts {
            pack.add(&piece(text), text).unwrap();
        }
        let finished = pack.finish().unwrap().unwrap();
        let mut entries = finished.entries.clone();
        entries.sort_by_key(|entry| entry.offset);
        let places: Vec<_> = entries.iter().map(|entry| (entry.offset, entry.packed_length)).collect();
        assert_eq!(places, [(32, 34), (66, 28), (94, 43)]);
        let plain: Vec<_> = entries.iter().map(|entry| open(&finished, entry)).collect();
        assert_eq!(plain, texts);
        assert_eq!(read_trailer(&finished.bytes, &golden::seal()).unwrap(), finished.entries);
        let postamble = Postamble::find(&finished.bytes).unwrap();
        assert_eq!(postamble.offset % 4096, 0);
        assert_eq!(Postamble::find(&finished.bytes[finished.bytes.len() - 256..]), Some(postamble));
        assert!(finished.id.as_str().starts_with('p') && finished.id.session() == Some(session().as_str()));
    }
}

#[test]
fn a_pack_that_is_aligned_is_padded_by_a_whole_block() {
    let style = style(2, &[]);
    let mut pack = builder(&style);
    let plain = vec![7; 4096 - 32 - 28];
    pack.add(&piece(&plain), &plain).unwrap();
    assert_eq!(pack.len(), 4096);
    let finished = pack.finish().unwrap().unwrap();
    assert_eq!(Postamble::find(&finished.bytes).unwrap().offset, 8192);
}

#[test]
fn a_compressed_body_begins_with_its_header() {
    let mut pack = builder(&style(2, &[]));
    let entry = pack.add(&Piece { compression: 0x1101, ..piece(b"plain plain plain") }, b"packed").unwrap().clone();
    assert_eq!((entry.packed_length, entry.original_length, entry.compression), (28 + 4 + 6, 17, 0x1101));
    assert_eq!(open(&pack.finish().unwrap().unwrap(), &entry), b"\0\0\x11\x01packed");
}

#[test]
fn the_copy_of_the_format_blob_comes_first_and_the_buffer_is_used_again() {
    let style = style(2, b"copy");
    let buffer = Vec::with_capacity(1 << 16);
    let place = buffer.as_ptr();
    let mut pack = PackBuilder::new(&style, PackKind::Meta, &session(), buffer);
    assert_eq!(pack.add(&piece(b"a"), b"a").unwrap().offset, 36);
    let finished = pack.finish().unwrap().unwrap();
    assert!(finished.bytes.starts_with(b"copy") && finished.id.as_str().starts_with('q'));
    assert_eq!(finished.bytes.as_ptr(), place);
    let again = PackBuilder::new(&style, PackKind::Meta, &session(), finished.bytes);
    assert!(again.is_empty() && !again.is_full() && again.len() == 36 && again.id() != &finished.id);
}

#[test]
fn a_pack_that_is_taken_away_block_by_block_is_the_same_pack() {
    let style = style(2, b"copy");
    let mut pack = builder(&style);
    let mut stored = Vec::new();
    let plains: Vec<Vec<u8>> = (0..40).map(|number| vec![number as u8; 997 * number % 9000]).collect();
    for (number, plain) in plains.iter().enumerate() {
        pack.add(&piece(plain), plain).unwrap();
        if number % 3 == 0 {
            let length = pack.len();
            let blocks = pack.take_blocks();
            assert_eq!((blocks.len() % 4096, pack.held(), pack.len()), (0, length % 4096, length));
            stored.extend_from_slice(&blocks);
        }
        if number % 6 == 0 {
            pack.continue_in(Vec::with_capacity(1 << 16));
        }
    }
    let mut finished = pack.finish().unwrap().unwrap();
    stored.append(&mut finished.bytes);
    finished.bytes = stored;
    assert!(finished.bytes.starts_with(b"copy"));
    assert_eq!(read_trailer(&finished.bytes, &golden::seal()).unwrap(), finished.entries);
    for plain in &plains {
        let entry = finished.entries.iter().find(|entry| entry.content == piece(plain).content).unwrap();
        assert_eq!(&open(&finished, entry), plain);
    }
}

#[test]
fn what_memory_held_before_makes_no_difference() {
    let style = style(2, b"copy");
    let plains: Vec<Vec<u8>> = (0..20).map(|number| vec![number as u8; 997 * number % 9000]).collect();
    for used in [Vec::new(), vec![0xaa; 100], vec![0xaa; 50_000], vec![0xaa; 1 << 20]] {
        let mut pack = PackBuilder::new(&style, PackKind::Data, &session(), used.clone());
        let mut stored = Vec::new();
        for (number, plain) in plains.iter().enumerate() {
            let compression = if number % 5 == 4 { 0x1101 } else { 0 }; // which is sealed where it lies
            pack.add(&Piece { compression, ..piece(plain) }, plain).unwrap();
            if number % 7 == 6 {
                stored.extend_from_slice(&pack.take_blocks());
                pack.continue_in(used.clone());
            }
        }
        let mut finished = pack.finish().unwrap().unwrap();
        stored.append(&mut finished.bytes);
        finished.bytes = stored;
        assert_eq!(read_trailer(&finished.bytes, &golden::seal()).unwrap(), finished.entries);
        for plain in &plains {
            let entry = finished.entries.iter().find(|entry| entry.content == piece(plain).content).unwrap();
            assert!(open(&finished, entry).ends_with(plain), "{} bytes were there", used.len());
        }
    }
}

#[test]
fn deletions_are_noted_but_make_no_pack() {
    let style = style(2, &[]);
    let mut other = builder(&style);
    let gone = Entry { deleted: true, ..other.add(&piece(b"gone"), b"gone").unwrap().clone() };
    let mut pack = builder(&style);
    pack.note(gone.clone());
    assert!(pack.is_empty());
    pack.add(&piece(b"here"), b"here").unwrap();
    let finished = pack.finish().unwrap().unwrap();
    assert_eq!(finished.entries.len(), 1);
    assert!(read_trailer(&finished.bytes, &golden::seal()).unwrap().contains(&gone));
    let mut pack = builder(&style);
    pack.note(gone);
    assert!(pack.finish().unwrap().is_none());
}

#[test]
fn contents_that_are_too_long_are_refused_and_leave_the_pack_as_it_was() {
    let mut pack = builder(&style(2, &[]));
    let long = Piece { original_length: 1 << 28, ..piece(b"a") };
    assert!(pack.add(&long, b"a").is_err());
    assert!(pack.is_empty() && pack.len() == 32);
    let mut small = builder(&PackStyle::new(golden::seal(), 2, 3, 90, &[]));
    assert!(!small.is_full());
    small.add(&piece(b"0123456789012345678901234567890"), b"0123456789012345678901234567890").unwrap();
    assert!(small.is_full());
}

#[test]
fn trailers_that_were_tampered_with_are_refused() {
    let mut pack = builder(&style(2, &[]));
    pack.add(&piece(b"a"), b"a").unwrap();
    let bytes = pack.finish().unwrap().unwrap().bytes;
    for at in Postamble::find(&bytes).unwrap().offset..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        assert!(read_trailer(&bytes, &golden::seal()).is_err(), "{at}");
    }
    let mut outside = Vec::new();
    Postamble { iv: vec![0; 16], offset: usize::MAX, length: 2 }.write(&mut outside).unwrap();
    assert!(read_trailer(&outside, &golden::seal()).is_err());
}

proptest! {
    #[test]
    fn postambles_are_read_back(iv in proptest::collection::vec(any::<u8>(), 0..=64), offset: u32, length: u32, before: [u8; 9]) {
        let postamble = Postamble { iv, offset: offset as usize, length: length as usize };
        let mut bytes = before.to_vec();
        postamble.write(&mut bytes).unwrap();
        prop_assert_eq!(Postamble::find(&bytes), Some(postamble));
    }

    #[test]
    fn any_bytes_are_a_trailer_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(read_trailer(&bytes, &golden::seal()).is_err());
    }
}
