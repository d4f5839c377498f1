//! Writes the tarball: tar entries into a buffer, the buffer as independent gzip members of about 1 MiB, the members
//! compressed on plain threads and written strictly in order (spec 2.1, 2.2; D3).
//!
//! ```text
//! add ── buffer ──┬─ compressor 0 ─┬── sink
//!                 └─ compressor n ─┘
//! ```
//!
//! Members go round robin to the compressors and are fetched in the same order, over channels that hold one member each:
//! memory is bounded by some four members a thread, and the output does not depend on the number of threads. A failing
//! or panicking stage closes its channels; its neighbours see that and stop, so that nothing waits for ever, and the
//! next call of the writer reports the cause.

use super::path::{FORMAT_VERSION, VERSION_PATH, check_writable, object_path, version_directory};
use crate::error::{Error, Result};
use crate::resource::ItemId;
use libdeflater::{CompressionLvl, Compressor};
use std::io::Write;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;

/// gzip level that is quickest for its size on Kubernetes objects: 0.30 GB/s a core at a ninth of the size.
pub const DEFAULT_LEVEL: i32 = 4;

/// A member is closed at the first object boundary behind this many bytes.
const MEMBER: usize = 1 << 20;

/// A member is closed inside an object when it would grow beyond this.
const LARGEST_MEMBER: usize = 4 << 20;

const BLOCK: usize = 512;

/// How the archive is written.
#[derive(Clone, Debug)]
pub struct WriterOptions {
    /// Threads that compress; members are written in order whatever their number.
    pub threads: usize,
    /// gzip level, 1 to 12; see [`DEFAULT_LEVEL`].
    pub level: i32,
    /// Modification time of every entry, in seconds since 1970.
    pub modified: u64,
}

/// Totals of a finished archive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WriterStats {
    /// Objects written (each in one or two entries).
    pub items: u64,
    /// Bytes before compression.
    pub plain_bytes: u64,
    /// Bytes written.
    pub compressed_bytes: u64,
}

/// Writes an archive as a sequence of gzip members.
pub struct Writer<W: Write + Send + 'static> {
    buffer: Vec<u8>,
    modified: u64,
    stats: WriterStats,
    members: u64,
    /// Empty once a stage has failed.
    compressors: Vec<SyncSender<Vec<u8>>>,
    threads: Vec<JoinHandle<()>>,
    sink: Option<JoinHandle<std::io::Result<Written<W>>>>,
}

/// What the sink thread hands back.
struct Written<W> {
    out: W,
    members: u64,
    bytes: u64,
}

impl<W: Write + Send + 'static> Writer<W> {
    /// Starts an archive with its first entry, `metadata/version`.
    pub fn new(out: W, options: WriterOptions) -> Result<Self> {
        let level = CompressionLvl::new(options.level)
            .map_err(|_| Error::invalid("gzip level", format!("{} is not between 1 and 12", options.level)))?;
        let (mut compressors, mut threads, mut outputs) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..options.threads.max(1) {
            let (plain_in, plain_out) = sync_channel(1);
            let (packed_in, packed_out) = sync_channel(1);
            threads.push(spawn("archive-gzip", move || compress(level, &plain_out, &packed_in))?);
            compressors.push(plain_in);
            outputs.push(packed_out);
        }
        let sink = spawn("archive-sink", move || write_in_order(out, &outputs))?;
        let mut writer = Writer {
            buffer: Vec::with_capacity(MEMBER + MEMBER / 4),
            modified: options.modified,
            stats: WriterStats::default(),
            members: 0,
            compressors,
            threads,
            sink: Some(sink),
        };
        writer.entry(VERSION_PATH, format!("{FORMAT_VERSION}\n").as_bytes())?;
        Ok(writer)
    }

    /// Adds one object: under the unversioned path and, if `preferred` says that `version` is the preferred one,
    /// under `<version>-preferredversion`, else under `<version>` only.
    pub fn add(&mut self, id: &ItemId, version: &str, preferred: bool, body: &[u8]) -> Result<()> {
        check_writable(id, version)?;
        if preferred {
            self.entry(&object_path(id, ""), body)?;
        }
        self.entry(&object_path(id, &version_directory(version, preferred)), body)?;
        self.stats.items += 1;
        if self.buffer.len() >= MEMBER {
            self.close_member()?;
        }
        Ok(())
    }

    /// Writes what is buffered and the end of the archive; returns the sink.
    pub fn finish(mut self) -> Result<(W, WriterStats)> {
        self.append(&[0; 2 * BLOCK])?;
        self.close_member()?;
        let written = self.join()?;
        self.stats.compressed_bytes = written.bytes;
        Ok((written.out, self.stats.clone()))
    }

    /// Adds one tar entry, with a GNU long-name entry before it where the name needs one.
    fn entry(&mut self, path: &str, body: &[u8]) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o755);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(self.modified);
        header.set_entry_type(tar::EntryType::Regular);
        header.set_size(body.len() as u64);
        let field = header.as_old().name.len();
        if path.len() > field {
            self.long_name(path)?;
        }
        let fitting = &path.as_bytes()[..path.len().min(field)];
        header.as_old_mut().name[..fitting.len()].copy_from_slice(fitting);
        header.set_cksum();
        self.append(header.as_bytes())?;
        self.append_padded(body)
    }

    fn long_name(&mut self, path: &str) -> Result<()> {
        let mut header = tar::Header::new_gnu();
        let name = b"././@LongLink";
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_entry_type(tar::EntryType::GNULongName);
        header.set_size(path.len() as u64 + 1);
        header.set_cksum();
        self.append(header.as_bytes())?;
        self.append_padded(format!("{path}\0").as_bytes())
    }

    fn append_padded(&mut self, bytes: &[u8]) -> Result<()> {
        self.append(bytes)?;
        self.append(&[0; BLOCK][..bytes.len().wrapping_neg() % BLOCK])
    }

    fn append(&mut self, mut bytes: &[u8]) -> Result<()> {
        self.stats.plain_bytes += bytes.len() as u64;
        while self.buffer.len() + bytes.len() > LARGEST_MEMBER {
            let (head, tail) = bytes.split_at(LARGEST_MEMBER - self.buffer.len());
            self.buffer.extend_from_slice(head);
            self.close_member()?;
            bytes = tail;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    /// Hands the buffer to the next compressor, waiting if that one is busy.
    fn close_member(&mut self) -> Result<()> {
        let next = Vec::with_capacity(MEMBER + MEMBER / 4);
        let member = std::mem::replace(&mut self.buffer, next);
        let turn = self.members as usize % self.compressors.len().max(1);
        match self.compressors.get(turn).map(|compressor| compressor.send(member)) {
            Some(Ok(())) => {
                self.members += 1;
                Ok(())
            }
            _ => Err(self.join().err().unwrap_or_else(|| failed("a compressor ended early"))),
        }
    }

    /// Ends all stages and finds out how they fared.
    fn join(&mut self) -> Result<Written<W>> {
        self.compressors.clear();
        let panicked = self.threads.drain(..).map(JoinHandle::join).filter(|r| r.is_err()).count();
        let Some(sink) = self.sink.take() else {
            return Err(failed("the archive has failed before"));
        };
        let written = match sink.join() {
            Ok(written) => written,
            Err(_) => return Err(failed("the sink of the archive panicked")),
        };
        let written = written.map_err(|source| Error::Io { operation: "writing the archive".into(), source })?;
        if panicked > 0 {
            return Err(failed("a compressor panicked"));
        }
        if written.members != self.members {
            return Err(failed("a compressor ended early"));
        }
        Ok(written)
    }
}

fn spawn<T: Send + 'static>(name: &str, work: impl FnOnce() -> T + Send + 'static) -> Result<JoinHandle<T>> {
    std::thread::Builder::new()
        .name(name.into())
        .spawn(work)
        .map_err(|source| Error::Io { operation: format!("starting thread {name}"), source })
}

fn failed(reason: &str) -> Error {
    Error::Io { operation: "writing the archive".into(), source: std::io::Error::other(reason) }
}

/// One compressor: members in, gzip members out, until either side closes its channel.
fn compress(level: CompressionLvl, plain: &Receiver<Vec<u8>>, packed: &SyncSender<std::io::Result<Vec<u8>>>) {
    let mut compressor = Compressor::new(level);
    while let Ok(member) = plain.recv() {
        let mut out = vec![0; compressor.gzip_compress_bound(member.len())];
        let result = compressor.gzip_compress(&member, &mut out).map(|size| {
            out.truncate(size);
            out
        });
        if packed.send(result.map_err(std::io::Error::other)).is_err() {
            return;
        }
    }
}

/// The sink: takes one member from each compressor in turn. A closed channel at its turn is the end.
fn write_in_order<W: Write>(
    mut out: W,
    compressors: &[Receiver<std::io::Result<Vec<u8>>>],
) -> std::io::Result<Written<W>> {
    let (mut members, mut bytes) = (0, 0);
    for compressor in compressors.iter().cycle() {
        let Ok(member) = compressor.recv() else { break };
        let member = member?;
        out.write_all(&member)?;
        members += 1;
        bytes += member.len() as u64;
    }
    out.flush()?;
    Ok(Written { out, members, bytes })
}
