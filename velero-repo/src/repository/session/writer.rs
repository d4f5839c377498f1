//! The writer of contents: one for each plain thread, with packs of its own.

use super::Shared;
use super::packs::Ready;
use super::round::Round;
use super::stream::{Stream, is_worth_writing};
use crate::error::Result;
use crate::repository::content::ContentId;
use crate::repository::index::Entry;
use crate::repository::name::PackKind;
use crate::repository::pack::{PackBuilder, Piece};
use crate::repository::seal::compression::Compressor;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::OwnedSemaphorePermit;

/// Writes contents on one plain thread.
///
/// Its calls hash, compress and seal where they are, and wait when too many packs are on their way to the store: never
/// call them on a thread of the runtime.
pub struct ContentWriter {
    shared: Arc<Shared>,
    slot: Arc<Slot>,
}

/// The open packs of a writer; a commit takes them away.
#[derive(Default)]
pub(super) struct Slot(Mutex<[Option<Open>; 2]>);

/// A pack that is being filled.
pub(super) struct Open {
    pack: PackBuilder,
    round: Arc<Round>,
    /// Its room among all packs. A pack of metadata takes its room when it is full, because most of them stay small; one
    /// of data has none, and no memory, when its blocks were given away and nothing came since.
    permit: Option<OwnedSemaphorePermit>,
    /// Where blocks of it went already.
    stream: Option<Stream>,
}

/// A pack that was filled.
pub(super) struct Closed {
    pub(super) ready: Ready,
    pub(super) permit: Option<OwnedSemaphorePermit>,
    pub(super) stream: Option<Stream>,
}

impl Open {
    /// Completes the pack; none if nothing is in it.
    pub(super) fn finish(self) -> Result<Option<Closed>> {
        let Some(pack) = self.pack.finish()? else { return Ok(None) };
        Ok(Some(Closed { ready: Ready::new(pack)?, permit: self.permit, stream: self.stream }))
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, [Option<Open>; 2]> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes away the packs of a round.
    pub(super) fn take(&self, round: &Arc<Round>) -> Vec<Open> {
        let of_round = |open: &mut Open| Arc::ptr_eq(&open.round, round);
        self.lock().iter_mut().filter_map(|open| open.take_if(of_round)).collect()
    }
}

impl ContentWriter {
    pub(super) fn new(shared: Arc<Shared>, slot: Arc<Slot>) -> Self {
        ContentWriter { shared, slot }
    }

    /// Writes a content unless it is there, and returns its identity. `prefix` is a letter `g` to `z`, or none for file
    /// data. Compression is kept only where it saves bytes.
    ///
    /// # Errors
    /// Whatever ended the session, here or in another writer.
    pub fn write(&mut self, prefix: Option<u8>, plain: &[u8], compressor: Option<Compressor>) -> Result<ContentId> {
        let id = self.shared.seal.content_id(prefix, plain);
        self.write_all(&[id], &[plain], compressor)?;
        Ok(id)
    }

    /// Writes many contents with one prefix, which hashes several at a time.
    ///
    /// # Errors
    /// As [`ContentWriter::write`].
    pub fn write_batch(
        &mut self,
        prefix: Option<u8>,
        plains: &[&[u8]],
        compressor: Option<Compressor>,
    ) -> Result<Vec<ContentId>> {
        let ids = self.shared.seal.content_ids(prefix, plains);
        self.write_all(&ids, plains, compressor)?;
        Ok(ids)
    }

    /// Whether each of these contents is there and not marked as deleted, so that a snapshot may name it without its being
    /// written, as when a file is taken over from an earlier one. Those that are there count as relied on: they are
    /// looked up again before manifests are written.
    pub(crate) fn keeps(&self, contents: &[ContentId]) -> Vec<bool> {
        let Ok(view) = self.shared.repository.view_blocking() else {
            return vec![false; contents.len()]; // what can not be looked up is written again
        };
        let there = self.shared.known.there(&view, contents);
        let kept = contents.iter().zip(&there).filter_map(|(content, there)| there.then_some(content));
        self.shared.known.rely_on_all(kept);
        there
    }

    /// Finishes the open packs and hands them over, as when this thread has nothing more to write for a while.
    ///
    /// # Errors
    /// As [`ContentWriter::write`].
    pub fn flush(&mut self) -> Result<()> {
        let mut slot = self.slot.lock();
        let open: Vec<_> = slot.iter_mut().filter_map(Option::take).collect();
        open.into_iter().try_for_each(|open| self.hand_over(open))
    }

    /// Writes a content that is in the repository into another pack, compressed as it was, with this time.
    ///
    /// # Errors
    /// As [`ContentWriter::write`].
    pub(crate) fn write_again(&mut self, entry: &Entry, plain: &[u8], timestamp: i64) -> Result<()> {
        self.shared.failure.check()?;
        let compressor = (entry.compression != 0).then(|| Compressor::by_id(entry.compression)).transpose()?;
        let compressor = compressor.filter(|_| self.shared.may_compress());
        self.add(&entry.content, plain, compressor, timestamp)
    }

    fn write_all(&self, ids: &[ContentId], plains: &[&[u8]], compressor: Option<Compressor>) -> Result<()> {
        self.shared.failure.check()?;
        let view = self.shared.repository.view_blocking()?;
        let now = self.shared.repository.now().as_second();
        let compressor = compressor.filter(|_| self.shared.may_compress());
        for (id, plain) in ids.iter().zip(plains) {
            if let Some(timestamp) = self.shared.known.claim(&view, id, now)
                && let Err(error) = self.add(id, plain, compressor, timestamp)
            {
                // Others count on this content already.
                self.shared.failure.set(error);
                return self.shared.failure.check();
            }
        }
        Ok(())
    }

    fn add(&self, id: &ContentId, plain: &[u8], compressor: Option<Compressor>, timestamp: i64) -> Result<()> {
        let compressed = compressor.map(|compressor| compress(compressor, plain)).transpose()?.flatten();
        let (compression, body) = compressed.as_ref().map_or((0, plain), |(header, body)| (*header, &body[..]));
        let piece = Piece { content: *id, original_length: plain.len(), compression, timestamp };
        let mut slot = self.slot.lock();
        let place = &mut slot[usize::from(id.pack_kind() == PackKind::Meta)]; // there are two
        let mut open = match place.take() {
            Some(open) if open.pack.has_room(body.len()) => open,
            Some(full) => {
                self.hand_over(full)?;
                self.open(id.pack_kind())?
            }
            None => self.open(id.pack_kind())?,
        };
        self.make_room(&mut open, id.pack_kind())?;
        open.pack.add(&piece, body)?;
        if open.pack.is_full() {
            return self.hand_over(open);
        }
        if is_worth_writing(open.pack.held()) {
            self.give_away(&mut open)?;
        }
        *place = Some(open);
        Ok(())
    }

    /// Room and memory for a pack whose blocks were given away.
    fn make_room(&self, open: &mut Open, kind: PackKind) -> Result<()> {
        if open.permit.is_none() && kind == PackKind::Data {
            open.permit = Some(self.room()?);
            open.pack.continue_in(self.shared.packs.buffer());
        }
        Ok(())
    }

    /// Sends what there is of a pack on its way, if the store can begin with it.
    fn give_away(&self, open: &mut Open) -> Result<()> {
        if open.stream.is_none() {
            open.stream = self.shared.stream(open.pack.id(), &open.round)?;
        }
        let Some(stream) = &open.stream else { return Ok(()) };
        let permit = open.permit.take().map_or_else(|| self.room(), Ok)?;
        stream.blocks(open.pack.take_blocks(), permit, &self.shared.failure)
    }

    fn open(&self, kind: PackKind) -> Result<Open> {
        let (permit, buffer) = match kind {
            PackKind::Data => (Some(self.room()?), self.shared.packs.buffer()),
            PackKind::Meta => (None, self.shared.packs.new_buffer()),
        };
        let round = self.shared.current()?;
        let pack = PackBuilder::new(&self.shared.style, kind, round.id(), buffer);
        Ok(Open { pack, round, permit, stream: None })
    }

    fn room(&self) -> Result<OwnedSemaphorePermit> {
        self.shared.repository.blobs().wait(self.shared.room())
    }

    fn hand_over(&self, open: Open) -> Result<()> {
        let round = open.round.clone();
        let Some(Closed { ready, permit, stream }) = open.finish()? else { return Ok(()) };
        let permit = permit.map_or_else(|| self.room(), Ok)?;
        self.shared.hand_over(ready, permit, stream, &round)
    }
}

impl Drop for ContentWriter {
    fn drop(&mut self) {
        // What is still open waits for the commit, which finds room for it then.
        self.slot.lock().iter_mut().flatten().for_each(|open| open.permit = None);
        self.shared.packs.remove_writer(self.shared.repository.blobs().runtime());
    }
}

/// Header and body of a compressed content; `None` where that would not be shorter, the header counted.
pub(super) fn compress(compressor: Compressor, plain: &[u8]) -> Result<Option<(u32, Vec<u8>)>> {
    let body = compressor.compress(plain)?;
    Ok((body.len() + 4 < plain.len()).then(|| (compressor.id(), body)))
}
