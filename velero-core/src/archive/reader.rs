//! Streams the entries of an untrusted archive: gzip, then tar, one entry at a time, none of them held in memory.
//!
//! Comes in: any `Read`. Goes out: path, size and body of each regular file, and the paths of directories. Refused, with
//! the entry named: damaged or truncated gzip or tar, a missing end of the archive or bytes behind it, links, devices and
//! sparse files, paths as `path` refuses them, and all that is larger than [`Limits`] allow. Velero writes USTAR and PAX
//! headers (Go), ours are GNU; those three are understood, for names and sizes only.

use super::path::{LONGEST_PATH, check_readable, shorten};
use crate::error::{Error, Result};
use flate2::bufread::MultiGzDecoder;
use std::io::{BufReader, Read, Write};
use tar::{EntryType, Header};

const BLOCK: usize = 512;

/// Largest long-name or PAX header.
const LARGEST_EXTENSION: u64 = 64 << 10;

/// What a reader of an untrusted archive accepts.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Largest single object in bytes.
    pub object: u64,
    /// Largest archive after decompression in bytes.
    pub total: u64,
    /// Most entries.
    pub entries: u64,
}

impl Default for Limits {
    /// 64 MiB an object, 64 GiB in all, 50 million entries.
    fn default() -> Self {
        Limits { object: 64 << 20, total: 64 << 30, entries: 50_000_000 }
    }
}

/// One entry; its body waits in [`Entries::copy_body`] or is skipped.
pub(super) struct Entry {
    /// The path, plain and relative.
    pub(super) path: String,
    /// Size of the body in bytes.
    pub(super) size: u64,
    /// Whether it is a directory.
    pub(super) is_directory: bool,
}

/// Name and size that extension headers give to the entry behind them.
#[derive(Default)]
struct Extension {
    path: Option<Vec<u8>>,
    size: Option<u64>,
}

/// The entries of an archive, in its order.
pub(super) struct Entries<'a, R: Read> {
    input: MultiGzDecoder<BufReader<R>>,
    limits: &'a Limits,
    /// Decompressed bytes so far.
    total: u64,
    entries: u64,
    /// Bytes of the current body that nobody has read.
    body: u64,
    padding: usize,
    /// What an error names.
    at: String,
}

impl<'a, R: Read> Entries<'a, R> {
    pub(super) fn new(archive: R, limits: &'a Limits) -> Self {
        let input = MultiGzDecoder::new(BufReader::with_capacity(64 << 10, archive));
        Entries { input, limits, total: 0, entries: 0, body: 0, padding: 0, at: "start of the archive".into() }
    }

    /// The next file or directory; `None` after the archive's proper end.
    pub(super) fn next(&mut self) -> Result<Option<Entry>> {
        self.copy_body(&mut std::io::sink())?;
        let mut extension = Extension::default();
        loop {
            let Some(header) = self.header()? else {
                return match extension.path.is_some() || extension.size.is_some() {
                    true => Err(self.refused("the archive ends behind an extension header")),
                    false => self.end().map(|()| None),
                };
            };
            self.entries += 1;
            if self.entries > self.limits.entries {
                return Err(self.refused(format!("more than {} entries", self.limits.entries)));
            }
            match header.entry_type() {
                EntryType::GNULongName => extension.path = Some(self.long_name(&header)?),
                EntryType::XHeader => self.pax(&header, &mut extension)?,
                kind => return self.entry(&header, kind, extension).map(Some),
            }
        }
    }

    /// Writes the current body to `out`.
    pub(super) fn copy_body(&mut self, out: &mut impl Write) -> Result<()> {
        let mut chunk = [0; 16 << 10];
        while self.body > 0 {
            let want = self.body.min(chunk.len() as u64) as usize;
            self.fill(&mut chunk[..want])?;
            out.write_all(&chunk[..want])
                .map_err(|source| Error::Io { operation: "spooling the archive".into(), source })?;
            self.body -= want as u64;
        }
        let padding = std::mem::take(&mut self.padding);
        self.fill(&mut chunk[..padding])
    }

    fn entry(&mut self, header: &Header, kind: EntryType, extension: Extension) -> Result<Entry> {
        let bytes = extension.path.unwrap_or_else(|| header.path_bytes().into_owned());
        self.at = shorten(&String::from_utf8_lossy(&bytes));
        let path = check_readable(&bytes)?.to_owned();
        let is_directory = match kind {
            EntryType::Directory => true,
            EntryType::Regular if !bytes.ends_with(b"/") => false,
            EntryType::Regular => return Err(self.refused("a file whose path ends in a slash")),
            _ => return Err(self.refused("neither a file nor a directory")),
        };
        let size = match extension.size {
            Some(size) => size,
            None => self.size(header)?,
        };
        if is_directory && size > 0 {
            return Err(self.refused("a directory with content"));
        }
        if size > self.limits.object {
            return Err(self.refused(format!("{size} bytes, more than {}", self.limits.object)));
        }
        self.expect_body(size);
        Ok(Entry { path, size, is_directory })
    }

    /// A GNU long-name entry holds the path, ended by a NUL.
    fn long_name(&mut self, header: &Header) -> Result<Vec<u8>> {
        let mut path = self.extension(header)?;
        if path.last() == Some(&0) {
            path.pop();
        }
        if path.len() > LONGEST_PATH {
            return Err(self.refused("a path that is too long"));
        }
        Ok(path)
    }

    /// A PAX header holds records `<length> <key>=<value>\n`; only path and size matter here.
    fn pax(&mut self, header: &Header, extension: &mut Extension) -> Result<()> {
        let records = self.extension(header)?;
        let mut rest = records.as_slice();
        while !rest.is_empty() {
            let (key, value, tail) = pax_record(rest).ok_or_else(|| self.refused("a malformed PAX header"))?;
            match key {
                b"path" => extension.path = Some(value.to_vec()),
                b"size" => {
                    let size = std::str::from_utf8(value).ok().and_then(|text| text.parse().ok());
                    extension.size = Some(size.ok_or_else(|| self.refused("a malformed PAX size"))?);
                }
                _ if key.starts_with(b"GNU.sparse") => return Err(self.refused("a sparse file")),
                _ => {}
            }
            rest = tail;
        }
        Ok(())
    }

    fn extension(&mut self, header: &Header) -> Result<Vec<u8>> {
        let size = self.size(header)?;
        if size > LARGEST_EXTENSION {
            return Err(self.refused(format!("an extension header of {size} bytes")));
        }
        self.expect_body(size);
        let mut bytes = Vec::with_capacity(size as usize);
        self.copy_body(&mut bytes)?;
        Ok(bytes)
    }

    fn size(&self, header: &Header) -> Result<u64> {
        header.entry_size().map_err(|_| self.refused("a malformed size"))
    }

    fn expect_body(&mut self, size: u64) {
        self.body = size;
        self.padding = (size.wrapping_neg() % BLOCK as u64) as usize;
    }

    /// The next header block; `None` at the first block of zeros.
    fn header(&mut self) -> Result<Option<Header>> {
        let mut header = Header::new_old();
        self.fill(header.as_mut_bytes())?;
        if header.as_bytes().iter().all(|&b| b == 0) {
            return Ok(None);
        }
        let bytes = header.as_bytes();
        // The checksum counts its own field as blanks.
        let sum = bytes[..148].iter().chain(&bytes[156..]).map(|&b| u32::from(b)).sum::<u32>() + 8 * 32;
        match header.cksum() {
            Ok(expected) if expected == sum => Ok(Some(header)),
            _ => Err(self.refused("the header behind it is damaged")),
        }
    }

    /// Behind the first block of zeros there must be a second one, then only zeros.
    fn end(&mut self) -> Result<()> {
        let mut block = [0; 4096];
        self.fill(&mut block[..BLOCK])?;
        loop {
            if block.iter().any(|&b| b != 0) {
                self.at = "end of the archive".into();
                return Err(self.refused("data behind the end of the archive"));
            }
            match self.read(&mut block)? {
                0 => return Ok(()),
                size => block[size..].fill(0),
            }
        }
    }

    fn fill(&mut self, mut buffer: &mut [u8]) -> Result<()> {
        while !buffer.is_empty() {
            match self.read(buffer)? {
                0 => return Err(self.refused("the archive is cut off")),
                size => buffer = &mut buffer[size..],
            }
        }
        Ok(())
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let size = loop {
            match self.input.read(buffer) {
                Ok(size) => break size,
                Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
                Err(e) => return Err(self.unreadable(e)),
            }
        };
        self.total += size as u64;
        if self.total > self.limits.total {
            return Err(self.refused(format!("more than {} bytes after decompression", self.limits.total)));
        }
        Ok(size)
    }

    /// Tells damage, which the decoder reports by these kinds, from a source that could not be read.
    fn unreadable(&self, source: std::io::Error) -> Error {
        use std::io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
        match source.kind() {
            UnexpectedEof => self.refused("the gzip stream is cut off"),
            InvalidInput | InvalidData => self.refused(format!("the gzip stream is damaged: {source}")),
            _ => Error::Io { operation: format!("reading the archive behind {:?}", self.at), source },
        }
    }

    fn refused(&self, reason: impl Into<String>) -> Error {
        Error::archive(self.at.clone(), reason)
    }
}

/// Splits the first record off a PAX header: key, value and the rest.
fn pax_record(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let blank = bytes.iter().position(|&b| b == b' ')?;
    let length: usize = std::str::from_utf8(&bytes[..blank]).ok()?.parse().ok()?;
    let record = bytes.get(blank + 1..length)?.strip_suffix(b"\n")?;
    let equals = record.iter().position(|&b| b == b'=')?;
    Some((&record[..equals], &record[equals + 1..], &bytes[length..]))
}
