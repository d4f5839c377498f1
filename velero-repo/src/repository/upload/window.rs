//! A stretch of memory with chunks of files in it, read and cut by one worker and hashed by any.

use std::ops::Range;
use std::sync::Arc;

use super::batch::Batch;
use crate::Result;
use crate::repository::seal::compression::Compressor;
use crate::repository::session::ContentWriter;

/// A chunk in a window.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    /// Where its bytes are.
    pub(super) bytes: Range<usize>,
    /// Its item in the batch.
    pub(super) item: usize,
    /// Its number in the item.
    pub(super) number: usize,
    pub(super) compressor: Option<Compressor>,
}

/// A window whose chunks are complete.
#[derive(Debug)]
pub(super) struct Window {
    pub(super) bytes: Vec<u8>,
    pub(super) chunks: Vec<Chunk>,
    pub(super) batch: Arc<Batch>,
}

/// Hashes, seals and writes chunks, and leaves their identities in the batch. Those compressed alike go together, so
/// that all lanes of the hash have work.
pub(super) fn write_chunks(
    bytes: &[u8],
    chunks: &mut [Chunk],
    batch: &Batch,
    writer: &mut ContentWriter,
) -> Result<()> {
    chunks.sort_by_key(|chunk| chunk.compressor.map(Compressor::id));
    for alike in chunks.chunk_by(|one, other| one.compressor == other.compressor) {
        let plains: Vec<&[u8]> = alike.iter().map(|chunk| &bytes[chunk.bytes.clone()]).collect(); // cut within the window
        let compressor = alike.first().and_then(|chunk| chunk.compressor);
        let contents = writer.write_batch(None, &plains, compressor)?;
        batch.identify(alike.iter().zip(contents).map(|(chunk, content)| (chunk.item, chunk.number, content)));
    }
    Ok(())
}
