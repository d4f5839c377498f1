//! Compression of contents, by the header ids and names that Kopia stores.
//!
//! Comes in: plain bytes, or a packed body without the four bytes of its header. Goes out: the other one. Any valid
//! stream of the format is a right one; ids that differ only in effort are read alike. Refused: bodies that unpack to
//! more than the caller allows (no more than one byte beyond it is ever made), damaged or cut-off bodies, zstd windows
//! above 32 MiB. What is written has windows of at most 8 MiB.

use std::cell::RefCell;
use std::fmt;
use std::io::{Read, Write};

use flate2::Compression;
use flate2::bufread::{DeflateDecoder, MultiGzDecoder};
use flate2::write::{DeflateEncoder, GzEncoder};
use lz4_flex::frame::{FrameDecoder, FrameEncoder};

use super::s2;
use crate::{Error, Result};

/// The widest window of zstd that is read, as a power of two; Kopia's encoders use up to 23.
const MAX_WINDOW_LOG: u32 = 25;

/// A compression of Kopia's, by its header id.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Compressor(&'static Row);

/// What a header id means.
#[derive(PartialEq, Eq, Hash)]
struct Row {
    id: u32,
    name: &'static str,
    codec: Codec,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Codec {
    Gzip(u32),
    Deflate(u32),
    Zstd(i32),
    S2 { better: bool },
    Lz4,
}

const fn row(id: u32, name: &'static str, codec: Codec) -> Row {
    Row { id, name, codec }
}

/// All that Kopia had up to 0.22. The last `zstd` and `lz4` are deprecated there.
static ROWS: [Row; 18] = [
    row(0x1000, "gzip", Codec::Gzip(6)),
    row(0x1001, "gzip-best-speed", Codec::Gzip(1)),
    row(0x1002, "gzip-best-compression", Codec::Gzip(9)),
    row(0x1100, "zstd", Codec::Zstd(3)),
    row(0x1101, "zstd-fastest", Codec::Zstd(1)),
    row(0x1102, "zstd-better-compression", Codec::Zstd(7)),
    row(0x1103, "zstd-best-compression", Codec::Zstd(11)),
    row(0x1200, "s2-default", Codec::S2 { better: false }),
    row(0x1201, "s2-better", Codec::S2 { better: true }),
    row(0x1202, "s2-parallel-4", Codec::S2 { better: false }),
    row(0x1203, "s2-parallel-8", Codec::S2 { better: false }),
    row(0x1300, "pgzip", Codec::Gzip(6)),
    row(0x1301, "pgzip-best-speed", Codec::Gzip(1)),
    row(0x1302, "pgzip-best-compression", Codec::Gzip(9)),
    row(0x1400, "lz4", Codec::Lz4),
    row(0x1500, "deflate-default", Codec::Deflate(6)),
    row(0x1501, "deflate-best-speed", Codec::Deflate(1)),
    row(0x1502, "deflate-best-compression", Codec::Deflate(9)),
];

impl Compressor {
    /// The compression of a name, as policies have it.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming an unknown one.
    pub fn by_name(name: &str) -> Result<Self> {
        let found = ROWS.iter().find(|row| row.name == name).map(Compressor);
        found.ok_or_else(|| Error::invalid("compression", format!("there is none of the name {name:?}")))
    }

    /// The compression of a header id, as index entries and contents have it.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming an unknown one.
    pub fn by_id(id: u32) -> Result<Self> {
        let found = ROWS.iter().find(|row| row.id == id).map(Compressor);
        found.ok_or_else(|| Error::invalid("compression", format!("the id {id:#06x} is not known to this version")))
    }

    /// All names.
    pub fn names() -> impl Iterator<Item = &'static str> {
        ROWS.iter().map(|row| row.name)
    }

    /// The name in policies.
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// The header id.
    pub fn id(self) -> u32 {
        self.0.id
    }

    /// The packed body of `plain`, without header. It may be longer than `plain`.
    ///
    /// # Errors
    /// [`Error::Io`] when the encoder fails, which is not expected.
    pub fn compress(self, plain: &[u8]) -> Result<Vec<u8>> {
        let packed = match self.0.codec {
            Codec::Gzip(level) => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
                encoder.write_all(plain).and_then(|()| encoder.finish())
            }
            Codec::Deflate(level) => {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
                encoder.write_all(plain).and_then(|()| encoder.finish())
            }
            Codec::Zstd(level) => zstd_compress(plain, level),
            Codec::S2 { better } => Ok(s2::compress(plain, better)),
            Codec::Lz4 => {
                let mut encoder = FrameEncoder::new(Vec::new());
                encoder.write_all(plain).and_then(|()| encoder.finish().map_err(Into::into))
            }
        };
        packed.map_err(|source| Error::Io { operation: "compressing with", path: self.0.name.to_owned(), source })
    }

    /// What a packed body, without header, unpacks to: at most `limit` bytes.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for a damaged body, and for one that unpacks to more.
    pub fn decompress(self, body: &[u8], limit: usize) -> Result<Vec<u8>> {
        let plain = match self.0.codec {
            Codec::Gzip(_) => read_up_to(MultiGzDecoder::new(body), limit),
            Codec::Deflate(_) => read_up_to(DeflateDecoder::new(body), limit),
            Codec::Zstd(_) => zstd_decoder(body).and_then(|decoder| read_up_to(decoder, limit)),
            Codec::S2 { .. } => s2::decompress(body, limit),
            Codec::Lz4 => read_up_to(FrameDecoder::new(body), limit),
        };
        plain.map_err(|reason| Error::corrupt(format!("a content packed with {}", self.0.name), reason))
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.0.name)
    }
}

/// Bytes for which there is room at once: most contents have as many as they may.
const EXPECTED: usize = 1 << 20;

/// All that `source` yields, or what is wrong; it is asked for one byte more than allowed, and no more.
fn read_up_to(source: impl Read, limit: usize) -> Result<Vec<u8>, String> {
    let mut plain = Vec::with_capacity(limit.min(EXPECTED));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    source.take(most).read_to_end(&mut plain).map_err(|reason| reason.to_string())?;
    if plain.len() > limit {
        return Err(format!("it unpacks to more than the {limit} bytes that are allowed"));
    }
    Ok(plain)
}

fn zstd_decoder(body: &[u8]) -> Result<zstd::Decoder<'static, &[u8]>, String> {
    let mut decoder = zstd::Decoder::with_buffer(body).map_err(|reason| reason.to_string())?;
    decoder.window_log_max(MAX_WINDOW_LOG).map_err(|reason| reason.to_string())?;
    Ok(decoder)
}

/// One frame with its content size. Each thread keeps the encoder of the level that it used last, because making one
/// costs more than packing a small content. These levels have windows of at most 4 MiB.
fn zstd_compress(plain: &[u8], level: i32) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static LAST: RefCell<Option<(i32, zstd::bulk::Compressor<'static>)>> = const { RefCell::new(None) };
    }
    LAST.with_borrow_mut(|last| {
        let (_, encoder) = match last.take_if(|(of, _)| *of == level) {
            Some(kept) => last.insert(kept),
            None => last.insert((level, zstd::bulk::Compressor::new(level)?)),
        };
        encoder.compress(plain)
    })
}

#[cfg(test)]
mod tests;
