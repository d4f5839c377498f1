//! Tar archives as lists of entries that can be changed, with checksums that are right afterwards.

use super::Random;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

const BLOCK: usize = 512;

/// One entry: a header block and a body with its padding.
#[derive(Clone)]
pub struct Entry {
    header: [u8; BLOCK],
    body: Vec<u8>,
}

impl Entry {
    /// An entry of tar type `kind`; `name` has at most 100 bytes.
    pub fn new(kind: u8, name: &str, body: &[u8]) -> Entry {
        let mut header = [0; BLOCK];
        header[..name.len()].copy_from_slice(name.as_bytes());
        header[100..107].copy_from_slice(b"0000755");
        header[124..135].copy_from_slice(format!("{:011o}", body.len()).as_bytes());
        header[156] = kind;
        header[257..265].copy_from_slice(b"ustar  \0");
        let mut entry = Entry { header, body: body.to_vec() };
        entry.body.resize(body.len().next_multiple_of(BLOCK), 0);
        entry.check();
        entry
    }

    /// Makes the checksum right.
    fn check(&mut self) {
        self.header[148..156].fill(b' ');
        let sum: u32 = self.header.iter().map(|&byte| u32::from(byte)).sum();
        self.header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    }

    /// Changes one field of the header, or the body.
    fn mutate(&mut self, random: &mut Random, words: &[&str]) {
        match random.below(7) {
            0 => self.header[156] = *random.pick(b"012345678xgLKSVMD\0"),
            1 => self.rename(words[random.below(words.len())]),
            2 => self.resize(random),
            3 => self.header[random.below(BLOCK)] = random.number() as u8,
            4 => self.header[345 + random.below(155)] = *random.pick(b"/.a\0\xff"),
            5 => super::mutate::havoc(random, &mut self.body, words),
            _ => {
                let at = random.below(100);
                self.header[at] = *random.pick(b"/.\\\0\xffa:");
            }
        }
        if !random.one_in(20) {
            self.check();
        }
    }

    fn rename(&mut self, name: &str) {
        self.header[..100].fill(0);
        let length = name.len().min(100);
        self.header[..length].copy_from_slice(&name.as_bytes()[..length]);
    }

    /// Writes another size, in octal or in the binary form of large files.
    fn resize(&mut self, random: &mut Random) {
        let size = *random.pick(&[0, 1, 511, 512, 513, 70_000, 1 << 20, 1 << 33, (1 << 33) - 1, u64::MAX]);
        if random.one_in(2) {
            self.header[124] = 0x80;
            self.header[125..128].fill(0);
            self.header[128..136].copy_from_slice(&size.to_be_bytes());
        } else {
            let text = format!("{:011o}", size.min((1 << 33) - 1));
            self.header[124..135].copy_from_slice(&text.as_bytes()[..11]);
        }
    }
}

/// Reorders, repeats, drops and changes entries.
pub fn mutate(random: &mut Random, entries: &mut Vec<Entry>, words: &[&str]) {
    for _ in 0..random.below(5) {
        let at = random.below(entries.len());
        match random.below(5) {
            0 if entries.len() > 1 => drop(entries.remove(at)),
            1 => entries.push(entries[at].clone()),
            2 => {
                let other = random.below(entries.len());
                entries.swap(at, other);
            }
            _ => entries[at].mutate(random, words),
        }
    }
}

/// The bytes of the archive with its end of two empty blocks.
pub fn bytes(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend_from_slice(&entry.header);
        bytes.extend_from_slice(&entry.body);
    }
    bytes.resize(bytes.len() + 2 * BLOCK, 0);
    bytes
}

/// One gzip member.
pub fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(plain).and_then(|()| encoder.finish()).expect("memory takes everything")
}
