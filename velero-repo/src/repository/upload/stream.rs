//! Bytes of files, through a worker's window.
//!
//! Files follow each other in the window; each is cut as it is read. When the window is full its chunks are hashed,
//! by another worker if one has nothing to do and a spare window is there, else here; the piece behind the last cut
//! moves to the front. So a file of any size needs one window, one huge file keeps all workers busy, and small files
//! are hashed many at a time.

use std::io;

use super::batch::{Growing, Item};
use super::choice::Manner;
use super::window::{Chunk, Window, write_chunks};
use super::worker::Worker;
use crate::Result;
use crate::repository::directory::Entry;
use crate::repository::object::MOST_PARTS;
use crate::repository::splitter::Cutter;
use crate::repository::tree::{Kind, Metadata, SourceFile};

/// How much more of a window is used at a time while it is new, in bytes.
const GROWTH: usize = 1 << 20;

/// What is read at a time, in bytes: so much is still in the processor's own cache when it is cut.
const PIECE: usize = 256 << 10;

/// A file while it passes.
struct Passing {
    item: usize,
    manner: Manner,
    /// Where in the window its current chunk begins.
    start: usize,
    cutter: Cutter,
    chunks: usize,
    read: u64,
    /// Bytes of each part, how many full ones are to come after this one, and what is left of this one.
    part: Option<u64>,
    full_parts: u64,
    left: u64,
}

impl Worker<'_> {
    /// Reads a file whole. Answers whether it stayed as it was meanwhile: a file that changed is read once more if it
    /// is small enough to be in the window still. Kopia takes what it gets and says nothing.
    pub(super) fn read_whole(
        &mut self,
        item: usize,
        file: &mut dyn SourceFile,
        (entry, before): (Entry, &Metadata),
        manner: Manner,
    ) -> Result<io::Result<bool>> {
        let (filled, turns) = (self.filled, self.turns);
        let mut before = before.clone();
        let mut second = false;
        loop {
            let fresh = Growing::new(super::node::with_metadata(entry.clone(), &before));
            self.batch.set(item, Item::Growing(Box::new(fresh)));
            let read = match self.pass(item, file, &before, manner)? {
                Ok(read) => read,
                Err(error) => {
                    self.chunks.retain(|chunk| chunk.item != item);
                    return Ok(Err(error));
                }
            };
            let after = match file.metadata() {
                Ok(after) => after,
                Err(error) => return Ok(Err(error)),
            };
            let stable = before.kind == Kind::Stream
                || (read == before.size && after.size == before.size && after.modified == before.modified);
            if stable || second || turns != self.turns || after.kind != before.kind {
                self.report.read_files += 1;
                self.report.read_bytes += read;
                return Ok(Ok(stable));
            }
            (second, before) = (true, after);
            self.filled = filled;
            self.chunks.retain(|chunk| chunk.item != item); // a rest may have hashed some of any file
            if let Err(error) = file.seek(0) {
                return Ok(Err(error));
            }
        }
    }

    /// Reads to the end and cuts; answers how many bytes there were.
    fn pass(
        &mut self,
        item: usize,
        file: &mut dyn SourceFile,
        metadata: &Metadata,
        manner: Manner,
    ) -> Result<io::Result<u64>> {
        let part = manner.part.filter(|part| metadata.kind == Kind::File && metadata.size > *part);
        let mut passing = Passing {
            item,
            manner,
            start: self.filled,
            cutter: manner.splitter.cutter(),
            chunks: 0,
            read: 0,
            part,
            full_parts: part.map_or(0, |part| metadata.size / part),
            left: part.unwrap_or(u64::MAX),
        };
        // A file that has holes is asked for them; all others are not, which saves a call for each.
        let sparse = metadata.kind == Kind::File && metadata.allocated < metadata.size;
        // What a file of known size has is known to be all when it is read; its metadata, asked for afterwards, tell.
        let known = (metadata.kind == Kind::File && metadata.size > 0).then_some(metadata.size);
        loop {
            self.attend()?;
            if self.filled == self.window.capacity() {
                self.turn_over(&mut passing)?;
            }
            let read = match self.fill(file, passing.left, sparse) {
                Ok(read) => read,
                Err(error) => return Ok(Err(error)),
            };
            passing.read += read as u64;
            passing.left -= read as u64;
            self.run.progress.hash(read as u64);
            let ended = read == 0 || known.is_some_and(|size| passing.read >= size);
            self.cut(&mut passing, ended);
            if passing.chunks > MOST_PARTS {
                return Ok(Err(io::Error::new(io::ErrorKind::FileTooLarge, "it has more chunks than can be restored")));
            }
            if ended {
                self.end(&mut passing);
                return Ok(Ok(passing.read));
            }
        }
    }

    /// Reads once into the free end of the window, at most `limit` bytes. Holes are zeros that need no reading.
    fn fill(&mut self, file: &mut dyn SourceFile, limit: u64, sparse: bool) -> io::Result<usize> {
        self.grow_window(1);
        let room = &mut self.window[self.filled..]; // never beyond the end
        let room_length = usize::try_from(limit).unwrap_or(usize::MAX).min(room.len()).min(PIECE);
        let room = &mut room[..room_length];
        let hole = if sparse { file.hole() } else { 0 };
        let read = match usize::try_from(hole).unwrap_or(usize::MAX).min(room.len()) {
            0 => file.read(room)?,
            hole => {
                room[..hole].fill(0);
                file.skip(hole as u64)?;
                hole
            }
        };
        self.filled += read;
        Ok(read)
    }

    /// Makes more of the window usable if there are fewer than `least` bytes behind what is filled, as far as it goes.
    fn grow_window(&mut self, least: usize) {
        if self.window.len() < self.filled + least {
            let more = (self.filled + least.max(GROWTH)).min(self.window.capacity());
            self.window.resize(more.max(self.window.len()), 0);
        }
    }

    /// Cuts what can be cut; at the end of a part or of the file, all.
    fn cut(&mut self, passing: &mut Passing, ended: bool) {
        let part_ended = ended || passing.left == 0;
        while let Some(length) = passing.cutter.next(&self.window[passing.start..self.filled], part_ended) {
            self.push_chunk(passing, length);
        }
        if let (Some(part), 0, false) = (passing.part, passing.left, ended) {
            self.batch.grow(passing.item, |growing| growing.part_ends.push(growing.chunks.len()));
            passing.cutter = passing.manner.splitter.cutter();
            passing.full_parts = passing.full_parts.saturating_sub(1);
            passing.left = if passing.full_parts > 0 { part } else { u64::MAX };
        }
    }

    fn push_chunk(&mut self, passing: &mut Passing, length: usize) {
        let number = self.batch.grow(passing.item, |growing| {
            growing.chunks.push((length as u64, None));
            growing.chunks.len() - 1
        });
        let bytes = passing.start..passing.start + length;
        passing.start = bytes.end;
        passing.chunks += 1;
        if let Some(number) = number {
            self.chunks.push(Chunk { bytes, item: passing.item, number, compressor: passing.manner.compressor });
        }
    }

    /// An empty file is one empty chunk. A file in parts ends in a part of its own, which is empty if the size is a
    /// multiple of that of the parts: Kopia keeps it.
    fn end(&mut self, passing: &mut Passing) {
        let (chunks, parts) = self
            .batch
            .grow(passing.item, |growing| (growing.chunks.len(), growing.part_ends.last().copied()))
            .unwrap_or_default();
        let last_part_is_empty = passing.part.is_some() && (passing.left == 0 || parts == Some(chunks));
        if passing.part.is_some() && passing.left == 0 {
            self.batch.grow(passing.item, |growing| growing.part_ends.push(chunks));
        }
        if chunks == 0 || last_part_is_empty {
            self.push_chunk(passing, 0);
        }
        self.batch.grow(passing.item, |growing| {
            if passing.part.is_some() {
                growing.part_ends.push(growing.chunks.len());
            }
            growing.complete = true;
        });
    }

    /// Puts a whole object of few bytes into the window, such as the target of a link.
    pub(super) fn put(&mut self, item: usize, bytes: &[u8]) -> Result<()> {
        let manner = Manner { compressor: None, splitter: self.run.settings.layout.splitter, part: None };
        let (start, cutter, left) = (self.filled, manner.splitter.cutter(), u64::MAX);
        let mut passing = Passing { item, manner, start, cutter, chunks: 0, read: 0, part: None, full_parts: 0, left };
        if self.window.capacity() - self.filled < bytes.len() {
            self.turn_over(&mut passing)?;
        }
        self.grow_window(bytes.len());
        let room = self.window.get_mut(self.filled..self.filled + bytes.len());
        let Some(room) = room else { return Err(crate::Error::invalid("link", "its target is longer than a window")) };
        room.copy_from_slice(bytes);
        self.filled += bytes.len();
        self.cut(&mut passing, true);
        self.end(&mut passing);
        Ok(())
    }

    /// Gets the chunks of a full window hashed and keeps what lies behind them.
    fn turn_over(&mut self, passing: &mut Passing) -> Result<()> {
        self.turns += 1;
        let rest = passing.start..self.filled;
        let length = rest.len();
        match self.run.schedule.spare_window() {
            Some(mut window) => {
                window.resize(window.len().max(length), 0);
                window[..length].copy_from_slice(&self.window[rest]);
                let bytes = std::mem::replace(&mut self.window, window);
                let (chunks, batch) = (std::mem::take(&mut self.chunks), self.batch.clone());
                batch.begin_window();
                self.run.schedule.push_window(Window { bytes, chunks, batch });
            }
            None => {
                self.write_chunks()?;
                self.window.copy_within(rest, 0);
            }
        }
        (passing.start, self.filled) = (0, length);
        Ok(())
    }

    /// Hashes the chunks that are complete here.
    pub(super) fn write_chunks(&mut self) -> Result<()> {
        write_chunks(&self.window, &mut self.chunks, &self.batch, &mut self.writer)?;
        self.chunks.clear();
        Ok(())
    }
}
