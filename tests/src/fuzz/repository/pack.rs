//! Trailers of packs: postamble and local index, and whole packs as the builder makes them.
//!
//! An input is a script, because packs hold random bytes: four numbers, each with a byte that says whether it replaces
//! the right one, then the payload of the local index.

use super::seed;
use crate::fuzz::{Random, Target, mutate};
use bytes::Bytes;
use jiff::Timestamp;
use velero_repo::repository::content::ContentId;
use velero_repo::repository::index::{PACKED_OVERHEAD, Table, encode};
use velero_repo::repository::name::{PackKind, SessionId};
use velero_repo::repository::pack::{PackBuilder, PackStyle, Piece, Postamble, read_trailer};

const NUMBERS: usize = 4;

pub struct Packs;

impl Target for Packs {
    fn name(&self) -> &'static str {
        "pack"
    }

    fn memory(&self) -> usize {
        16 << 20
    }

    fn input(&self, random: &mut Random) -> Vec<u8> {
        let mut script = Vec::new();
        for _ in 0..NUMBERS {
            let edge =
                *random.pick(&[0, 1, 2, 16, 64, 65, 127, 128, 4096, u64::from(u32::MAX), u64::MAX >> 1, u64::MAX]);
            script.push(u8::from(random.one_in(6)));
            script.extend_from_slice(&edge.to_be_bytes());
        }
        let mut entries = seed::entries(random, 2);
        script.extend(encode(2, &mut entries, &[0; 32]).expect("the entries fit"));
        if random.one_in(3) {
            mutate::numbers(random, &mut script);
        }
        if random.one_in(3) {
            mutate::havoc(random, &mut script, &["\u{1}\u{10}", "\0\0\0\0"]);
        }
        script
    }

    fn run(&self, input: &[u8]) {
        trailer(input);
        built(input);
        let tail = Postamble::find(input);
        assert_eq!(tail, Postamble::find(input));
        assert!(read_trailer(input, seed::seal(0)).is_err(), "bytes without a seal were read");
    }
}

/// A pack of the script's own.
fn trailer(script: &[u8]) {
    let (head, payload) = script.split_at(script.len().min(9 * NUMBERS));
    let seal = seed::seal(0);
    let iv = seal.hash(payload);
    let mut pack = vec![7; 100];
    seal.seal(&iv, payload, &mut pack).expect("it can be sealed");
    let right = [1, iv.len() as u64, 100, pack.len() as u64 - 100];
    let given = |at: usize| head.get(9 * at..9 * at + 9).filter(|field| field[0] == 1).map(number);
    let fields: Vec<u64> = right.iter().enumerate().map(|(at, right)| given(at).unwrap_or(*right)).collect();
    let postamble = postamble(&fields, &iv);
    pack.extend_from_slice(&postamble);
    let (found, read) = (Postamble::find(&pack), read_trailer(&pack, seal));
    if fields == right {
        assert_eq!(found, Some(Postamble { iv: iv.to_vec(), offset: 100, length: fields[3] as usize }));
        let entries =
            Table::parse(Bytes::copy_from_slice(payload), PACKED_OVERHEAD).map(|table| table.iter().collect());
        assert_eq!(read.ok(), entries.ok(), "the local index reads differently in its pack");
    } else {
        assert!(read.is_err(), "a trailer was read whose numbers are {fields:?}");
    }
}

fn number(field: &[u8]) -> u64 {
    field[1..].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte))
}

fn postamble(fields: &[u64], iv: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for (at, field) in fields.iter().enumerate() {
        let mut rest = *field;
        while rest >= 0x80 {
            out.push(rest as u8 | 0x80);
            rest >>= 7;
        }
        out.push(rest as u8);
        if at == 1 {
            out.extend_from_slice(iv);
        }
    }
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.push(out.len() as u8);
    out
}

/// A pack of the script's bytes, cut in pieces.
fn built(script: &[u8]) {
    let seal = seed::seal(script.len() as u8);
    let style = PackStyle::new(seal.clone(), 2, 3, 1 << 20, b"copy");
    let session = SessionId::new([3; 8], Timestamp::UNIX_EPOCH);
    let mut pack = PackBuilder::new(&style, PackKind::Data, &session, Vec::new());
    for plain in script.chunks(1 + script.len() / 5) {
        let piece =
            Piece { content: seal.content_id(None, plain), original_length: plain.len(), compression: 0, timestamp: 9 };
        pack.add(&piece, plain).expect("it fits");
    }
    let Some(pack) = pack.finish().expect("it can be finished") else { return };
    assert_eq!(read_trailer(&pack.bytes, seal).expect("its trailer is whole"), pack.entries);
    for entry in &pack.entries {
        let sealed = &pack.bytes[entry.offset as usize..][..entry.packed_length as usize];
        let plain = seal.open(&entry.content.iv(), sealed, 1 << 20).expect("what was sealed can be opened");
        assert_eq!(ContentId::new(None, &seal.hash(&plain)).ok(), Some(entry.content));
    }
}
