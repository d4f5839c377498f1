//! The bytes of contents: every pack is read once, front to back, by several threads; each content is opened, expanded
//! and hashed, several hashes side by side.
//!
//! Memory: stretches of a few packs for each thread, read into the same bytes again and again, and what expands out of
//! them.

use super::progress::count;
use super::report::{DamageKind, Level};
use super::run::Run;
use super::windows::{Place, Window, windows};
use crate::error::Result;
use crate::repository::content::ContentId;
use crate::repository::index::{PackOrder, Row};
use crate::repository::name::PackName;
use crate::repository::seal::Seal;
use crate::repository::seal::compression::Compressor;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Shortest window, bytes.
const SHORTEST: u64 = 1 << 20;
/// Longest window, bytes: two packs, whose contents give every lane of the hash work.
const LONGEST: u64 = 48 << 20;
/// Windows below this many bytes leave lanes of the hash without work.
const ENOUGH: u64 = 28 << 20;
/// What everything else takes, bytes: the program itself, its stacks, directories.
const RESERVE: u64 = 60 << 20;
/// Bytes that expanded contents take before they are hashed.
const EXPANDED: usize = 4 << 20;
/// The least memory, bytes: one worker with the shortest windows.
pub(super) const LEAST: u64 = RESERVE + SHORTEST + EXPANDED as u64;

/// A content that was opened, and what it should be.
type Opened<'a> = (usize, ContentId, Cow<'a, [u8]>);

/// Sealed contents that were read and wait to be opened together, one behind the other.
#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    used: usize,
    /// Ordinals, and where in the bytes the contents lie.
    contents: Vec<(usize, Range<usize>)>,
}

impl Batch {
    /// Room for a window, which [`Batch::keep`] takes once it is filled.
    fn room(&mut self, length: u64) -> &mut [u8] {
        let end = self.used + usize::try_from(length).unwrap_or(usize::MAX); // a pack is shorter than 2 GiB
        self.bytes.reserve_exact(end.saturating_sub(self.bytes.len()));
        self.bytes.resize(self.bytes.len().max(end), 0);
        &mut self.bytes[self.used..end]
    }

    fn keep(&mut self, window: Window) {
        let start = self.used;
        let moved = |range: Range<usize>| start + range.start..start + range.end;
        self.used += window.contents.last().map_or(0, |(_, range)| range.end);
        self.contents.extend(window.contents.into_iter().map(|(ordinal, range)| (ordinal, moved(range))));
    }
}

impl Run {
    /// Reads the contents that the level asks for.
    pub(super) fn read(&self) {
        let order = self.view.by_pack(&self.packs);
        let total = (0..self.packs.len()).flat_map(|pack| order.contents(pack)).filter(|ordinal| self.wants(*ordinal));
        let bytes = total.filter_map(|ordinal| self.view.row_at(ordinal)).map(|row| u64::from(row.packed_length)).sum();
        count(&self.progress().bytes_to_read, bytes);
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 1..self.workers() {
                scope.spawn(|| self.read_packs(&order, &next));
            }
            self.read_packs(&order, &next);
        });
    }

    /// Whether the level asks for the bytes of a content.
    fn wants(&self, ordinal: usize) -> bool {
        if self.bad.has(ordinal) {
            return false;
        }
        match self.options.level {
            Level::Everything => self.options.snapshots.is_empty() || self.used.has(ordinal),
            Level::Sampled { percent, seed } => self.used.has(ordinal) && self.is_sampled(ordinal, percent, seed),
            _ => false,
        }
    }

    /// Chooses by the content's own hash, which is as good as random, mixed with the seed.
    fn is_sampled(&self, ordinal: usize, percent: u8, seed: u64) -> bool {
        let Some(row) = self.view.row_at(ordinal) else { return false };
        let mut sum = seed ^ 0x9e37_79b9_7f4a_7c15;
        for byte in row.key {
            sum = (sum ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
            sum ^= sum >> 29;
        }
        (sum >> 32) % 100 < u64::from(percent)
    }

    fn read_packs(&self, order: &PackOrder, next: &AtomicUsize) {
        let seal = self.repository.seal();
        let bytes = Vec::with_capacity(usize::try_from(self.window_length()).unwrap_or(0)); // at most 48 MiB
        let mut batch = Batch { bytes, ..Batch::default() };
        loop {
            let pack = next.fetch_add(1, Ordering::Relaxed);
            if pack >= self.packs.len() || !self.goes_on() {
                return self.open_batch(&seal, &mut batch);
            }
            let Some(name) = self.packs.name(pack) else { continue };
            let wanted = order.contents(pack).filter(|ordinal| self.wants(*ordinal));
            let mut any = false;
            for window in windows(wanted.filter_map(|ordinal| self.place(ordinal)), self.window_length()) {
                any = true;
                if batch.used as u64 + window.length > self.window_length() {
                    self.open_batch(&seal, &mut batch);
                }
                self.read_window(&mut batch, &name, window);
            }
            let whole = self.options.snapshots.is_empty() || any;
            if whole && self.options.level == Level::Everything {
                self.check_trailer(&name, order.contents(pack));
            }
        }
    }

    /// How many read: with little memory fewer, so that each has enough of it.
    fn workers(&self) -> usize {
        let enough = self.options.memory.saturating_sub(RESERVE) / (ENOUGH + EXPANDED as u64);
        self.options.workers.min(usize::try_from(enough).unwrap_or(usize::MAX)).max(1)
    }

    /// What each worker reads before it hashes: as much as it may hold, because several long contents at once go
    /// through the lanes of the hash three times as fast as one.
    fn window_length(&self) -> u64 {
        let share = self.options.memory.saturating_sub(RESERVE) / self.workers() as u64;
        share.saturating_sub(EXPANDED as u64).clamp(SHORTEST, LONGEST)
    }

    fn place(&self, ordinal: usize) -> Option<Place> {
        let row = self.view.row_at(ordinal)?;
        Some(Place { ordinal, offset: u64::from(row.offset), length: u64::from(row.packed_length) })
    }

    /// Reads one window behind those that wait; one that can not be read as a whole, content by content.
    fn read_window(&self, batch: &mut Batch, name: &PackName, window: Window) {
        let read = self.repository.blobs().read_range_blocking(name, window.offset, batch.room(window.length));
        count(&self.progress().bytes_read, window.length);
        match read {
            Ok(true) => batch.keep(window),
            Ok(false) => window.contents.iter().for_each(|(ordinal, _)| {
                self.lose(*ordinal, DamageKind::Missing, "it is gone since it was listed");
            }),
            Err(error) if error.is_of_store() => self.findings().fail(error),
            Err(error) if window.contents.len() == 1 => window.contents.iter().for_each(|(ordinal, _)| {
                self.lose(*ordinal, DamageKind::Altered, &error.to_string());
            }),
            Err(_) => {
                let places: Vec<_> = window.contents.iter().filter_map(|(ordinal, _)| self.place(*ordinal)).collect();
                for place in places {
                    windows([place], 0).for_each(|single| self.read_window(batch, name, single));
                }
            }
        }
    }

    /// Opens the contents of a batch where they lie, and compares their hashes.
    fn open_batch(&self, seal: &Seal, batch: &mut Batch) {
        let (mut rest, mut at) = (&mut batch.bytes[..batch.used], 0);
        let (mut opened, mut expanded): (Vec<Opened<'_>>, usize) = (Vec::new(), 0);
        for (ordinal, range) in batch.contents.drain(..) {
            let skip = range.start.saturating_sub(at);
            let Some((_, tail)) = std::mem::take(&mut rest).split_at_mut_checked(skip) else { break };
            let Some((sealed, tail)) = tail.split_at_mut_checked(range.len()) else { break };
            (rest, at) = (tail, range.end);
            let Some(row) = self.view.row_at(ordinal) else { continue };
            match self.open(seal, &row, sealed) {
                Ok((content, plain)) => {
                    expanded += if matches!(plain, Cow::Owned(_)) { plain.len() } else { 0 };
                    opened.push((ordinal, content, plain));
                }
                Err(reason) => self.lose(ordinal, DamageKind::Altered, &reason),
            }
            if expanded >= EXPANDED {
                self.compare(seal, &std::mem::take(&mut opened));
                expanded = 0;
            }
        }
        self.compare(seal, &opened);
        drop(opened);
        batch.used = 0;
    }

    /// The plain bytes of a content, where it lies or expanded.
    fn open<'a>(&self, seal: &Seal, row: &Row<'_>, sealed: &'a mut [u8]) -> Result<(ContentId, Cow<'a, [u8]>), String> {
        if row.format.key_id != 0 {
            return Err(format!("encryption key {} is not known to this version", row.format.key_id));
        }
        let content = ContentId::from_key(row.key).map_err(|error| error.to_string())?;
        let body = &*seal.open_in_place(&content.iv(), sealed).map_err(|error| error.to_string())?;
        let length = row.original_length as usize;
        let plain = match row.format.compression {
            0 => Cow::Borrowed(body),
            id => {
                let header = "it does not begin with the compression that the index names";
                let compressed = body.strip_prefix(&id.to_be_bytes()[..]).ok_or(header)?;
                let compressor = Compressor::by_id(id).map_err(|error| error.to_string())?;
                Cow::Owned(compressor.decompress(compressed, length).map_err(|error| error.to_string())?)
            }
        };
        let parameters = &self.repository.format().parameters;
        let known = row.format.compression != 0 || parameters.index_version > 1 || !parameters.has_ecc();
        match known && plain.len() != length {
            true => Err(format!("content {content} has {} bytes instead of {length}", plain.len())),
            false => Ok((content, plain)),
        }
    }

    /// Compares hashes; all contents of a window are hashed together, whatever their prefixes.
    fn compare(&self, seal: &Seal, opened: &[Opened<'_>]) {
        let plains: Vec<&[u8]> = opened.iter().map(|(_, _, plain)| &plain[..]).collect();
        for ((ordinal, content, _), found) in opened.iter().zip(seal.content_ids(None, &plains)) {
            if found.hash() != content.hash() {
                self.lose(*ordinal, DamageKind::Altered, &format!("content {content} has another hash"));
            }
        }
        count(&self.progress().contents_read, opened.len() as u64);
    }

    /// A content is lost.
    fn lose(&self, ordinal: usize, kind: DamageKind, reason: &str) {
        if self.bad.set(ordinal) {
            self.findings().damage(&self.pack_of(ordinal), kind, reason, 1);
        }
    }
}
