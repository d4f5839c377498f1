//! Objects written as they grow: directories and the lists of long objects.
//!
//! Comes in: the text of one object, as far as it is, from whichever worker has made some of it. Goes out: its contents,
//! each written as soon as its end is known, and the object's identity. At most one chunk is held. The bytes of files do
//! not pass here: they are cut where they were read.

use super::reuse::Whole;
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

/// An object that grows. Its text lies where it is made, and what is complete of it is taken from the front.
#[derive(Clone)]
pub(super) struct ObjectWriter {
    prefix: u8,
    compressor: Option<Compressor>,
    layout: Layout,
    cutter: Cutter,
    chunks: Vec<IndirectEntry>,
    length: u64,
}

impl ObjectWriter {
    pub(super) fn new(prefix: u8, compressor: Option<Compressor>, layout: Layout) -> ObjectWriter {
        let cutter = layout.splitter.cutter();
        ObjectWriter { prefix, compressor, layout, cutter, chunks: Vec::new(), length: 0 }
    }

    /// Writes and takes away what is complete of the text.
    pub(super) fn take(&mut self, text: &mut Vec<u8>, writer: &mut ContentWriter) -> Result<()> {
        while text.len() >= self.layout.splitter.min_chunk() {
            let Some(length) = self.cutter.next(text, false) else { break };
            self.write(text, length, writer)?;
        }
        Ok(())
    }

    /// Bytes that were written so far.
    pub(super) fn length(&self) -> u64 {
        self.length
    }

    /// As [`ObjectWriter::finish`]; but if the text is that of an object that is there, it is that object and need not
    /// be hashed. Only of what is shorter than the shortest chunk is it certain that it would be one content again.
    pub(super) fn finish_like(self, earlier: &[Whole], text: Vec<u8>, writer: &mut ContentWriter) -> Result<ObjectId> {
        let is_short = self.chunks.is_empty() && text.len() < self.layout.splitter.min_chunk();
        let same = earlier.iter().find(|earlier| is_short && earlier.text == text);
        let same = same.map(|same| same.object).filter(|same| same.content().prefix() == Some(self.prefix));
        match same {
            Some(object) if writer.keeps(&[object.content()]) == [true] => Ok(object),
            _ => self.finish(text, writer),
        }
    }

    /// Writes the rest of the text. An object without bytes is one empty content.
    pub(super) fn finish(mut self, mut text: Vec<u8>, writer: &mut ContentWriter) -> Result<ObjectId> {
        while let Some(length) = self.cutter.next(&text, true) {
            self.write(&mut text, length, writer)?;
        }
        if self.chunks.is_empty() {
            self.write(&mut text, 0, writer)?;
        }
        match self.chunks[..] {
            [only] => Ok(only.object),
            _ => write_list(&self.chunks, self.prefix, self.layout, writer),
        }
    }

    fn write(&mut self, text: &mut Vec<u8>, length: usize, writer: &mut ContentWriter) -> Result<()> {
        let content = writer.write(Some(self.prefix), &text[..length], self.compressor)?;
        self.chunks.push(part(self.length, length as u64, content));
        self.length += length as u64;
        text.drain(..length);
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
    let list = ObjectWriter::new(prefix, layout.lists, layout);
    ObjectId::indirect(list.finish(encode_list(entries)?, writer)?)
}

/// The object of a file with these chunks: the chunk itself if it is the only one, else a list of them.
pub(super) fn file_object(chunks: &[IndirectEntry], layout: Layout, writer: &mut ContentWriter) -> Result<ObjectId> {
    match chunks {
        [only] => Ok(only.object),
        _ => write_list(chunks, INDIRECT, layout, writer),
    }
}
