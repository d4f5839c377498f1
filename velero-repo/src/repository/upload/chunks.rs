//! Objects written as they grow: directories and the lists of long objects.
//!
//! Comes in: the bytes of one object, piece by piece, from whichever worker has some. Goes out: its contents, each
//! written as soon as its end is known, and the object's identity. At most one chunk is held. The bytes of files do not
//! pass here: they are cut where they were read.

use crate::Result;
use crate::repository::content::{ContentId, INDIRECT};
use crate::repository::object::{IndirectEntry, ObjectId, encode_list};
use crate::repository::seal::compression::Compressor;
use crate::repository::session::ContentWriter;
use crate::repository::splitter::{Cutter, Splitter};

/// How lists and directories are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Layout {
    /// The repository's splitter.
    pub(super) splitter: Splitter,
    /// Compression of lists.
    pub(super) lists: Option<Compressor>,
}

/// An object that grows.
#[derive(Clone)]
pub(super) struct ObjectWriter {
    prefix: u8,
    compressor: Option<Compressor>,
    layout: Layout,
    cutter: Cutter,
    pending: Vec<u8>,
    chunks: Vec<IndirectEntry>,
    length: u64,
}

impl ObjectWriter {
    pub(super) fn new(prefix: u8, compressor: Option<Compressor>, layout: Layout) -> ObjectWriter {
        let cutter = layout.splitter.cutter();
        ObjectWriter { prefix, compressor, layout, cutter, pending: Vec::new(), chunks: Vec::new(), length: 0 }
    }

    /// Adds bytes and writes what is complete of them.
    pub(super) fn append(&mut self, bytes: &[u8], writer: &mut ContentWriter) -> Result<()> {
        self.pending.extend_from_slice(bytes);
        while self.pending.len() >= self.layout.splitter.min_chunk() {
            let Some(length) = self.cutter.next(&self.pending, false) else { break };
            self.write(length, writer)?;
        }
        Ok(())
    }

    /// Writes the rest. An object without bytes is one empty content.
    pub(super) fn finish(mut self, writer: &mut ContentWriter) -> Result<ObjectId> {
        while let Some(length) = self.cutter.next(&self.pending, true) {
            self.write(length, writer)?;
        }
        if self.chunks.is_empty() {
            self.write(0, writer)?;
        }
        match self.chunks[..] {
            [only] => Ok(only.object),
            _ => write_list(&self.chunks, self.prefix, self.layout, writer),
        }
    }

    fn write(&mut self, length: usize, writer: &mut ContentWriter) -> Result<()> {
        let content = writer.write(Some(self.prefix), &self.pending[..length], self.compressor)?;
        self.chunks.push(part(self.length, length as u64, content));
        self.length += length as u64;
        self.pending.drain(..length);
        Ok(())
    }
}

/// The entry of one content.
pub(super) fn part(start: u64, length: u64, content: ContentId) -> IndirectEntry {
    IndirectEntry { start, length, object: ObjectId::direct(content) }
}

/// Writes the list of an object. A list too long for one content has a list itself, as in Kopia.
pub(super) fn write_list(
    entries: &[IndirectEntry],
    prefix: u8,
    layout: Layout,
    writer: &mut ContentWriter,
) -> Result<ObjectId> {
    let mut list = ObjectWriter::new(prefix, layout.lists, layout);
    list.append(&encode_list(entries)?, writer)?;
    ObjectId::indirect(list.finish(writer)?)
}

/// The object of a file with these chunks: the chunk itself if it is the only one, else a list of them.
pub(super) fn file_object(chunks: &[IndirectEntry], layout: Layout, writer: &mut ContentWriter) -> Result<ObjectId> {
    match chunks {
        [only] => Ok(only.object),
        _ => write_list(chunks, INDIRECT, layout, writer),
    }
}
