//! The way of packs from the writers to the store: so many at once, and their buffers used again.

use super::Shared;
use super::round::Round;
use super::stream::Stream;
use crate::error::{Error, Result};
use crate::repository::index::{PACKED_OVERHEAD, Table, encode};
use crate::repository::pack::{Buffer, FinishedPack};
use bytes::Bytes;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, SemaphorePermit};

/// Packs that take no more memory and are made durable at once: each is an open file.
const NAMED_AT_ONCE: usize = 8;

/// Bounds the packs that are being filled or under way.
pub(super) struct Packs {
    permits: Arc<Semaphore>,
    naming: Semaphore,
    buffers: Mutex<Vec<Buffer>>,
    in_flight: usize,
    /// Bytes that one of them takes.
    size: usize,
}

impl Packs {
    /// `size`: bytes that a pack usually takes in memory.
    pub(super) fn new(in_flight: usize, size: usize) -> Self {
        let in_flight = in_flight.clamp(1, Semaphore::MAX_PERMITS / 2);
        let (permits, naming) = (Arc::new(Semaphore::new(in_flight)), Semaphore::new(NAMED_AT_ONCE));
        Packs { permits, naming, buffers: Mutex::default(), in_flight, size }
    }

    /// Room for the pack that one more writer fills.
    pub(super) fn add_writer(&self) {
        self.permits.add_permits(1);
    }

    /// That room is no longer needed; it goes as soon as no pack takes it.
    pub(super) fn remove_writer(&self, runtime: &Handle) {
        let permits = self.permits.clone();
        runtime.spawn(async move { permits.acquire_owned().await.map(OwnedSemaphorePermit::forget) });
    }

    /// Waits until few packs are being made durable. That takes a disk as long as writing them does.
    pub(super) async fn turn_to_be_named(&self) -> Result<SemaphorePermit<'_>> {
        self.naming.acquire().await.map_err(|_| over())
    }

    /// A buffer for a pack of file data, one that was used if there is one.
    pub(super) fn buffer(&self) -> Buffer {
        let used = self.buffers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        used.unwrap_or_else(|| self.new_buffer())
    }

    /// A buffer with room for the trailer, too: one that had to grow would be in memory twice. It takes memory only as
    /// far as it is filled.
    pub(super) fn new_buffer(&self) -> Buffer {
        Buffer::with_capacity(self.size + self.size / 8)
    }

    /// Takes a buffer back that is no longer needed.
    pub(super) fn give_back(&self, buffer: impl Into<Buffer>) {
        let buffer = buffer.into();
        let mut buffers = self.buffers.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.capacity() >= self.size && buffers.len() < self.in_flight {
            buffers.push(buffer);
        }
    }
}

/// A pack that is ready, with its part of the index.
pub(super) struct Ready {
    pack: FinishedPack,
    table: Table,
}

impl Ready {
    /// Brings the entries into the form in which they are kept until the commit, which takes a third of the memory.
    pub(super) fn new(mut pack: FinishedPack) -> Result<Self> {
        let payload = encode(2, &mut pack.entries, &[])?;
        pack.entries = Vec::new();
        Ok(Ready { table: Table::parse(payload.into(), PACKED_OVERHEAD)?, pack })
    }

    pub(super) fn into_parts(self) -> (FinishedPack, Table) {
        (self.pack, self.table)
    }
}

impl Shared {
    /// Waits until there is room for one more pack.
    pub(super) async fn room(&self) -> Result<OwnedSemaphorePermit> {
        let permit = self.failure.or(self.packs.permits.clone().acquire_owned()).await?;
        permit.map_err(|_| over())
    }

    /// Sends a pack on its way, which takes its room along. A failure to store it ends the session.
    pub(super) fn hand_over(
        self: &Arc<Self>,
        ready: Ready,
        permit: OwnedSemaphorePermit,
        stream: Option<Stream>,
        round: &Arc<Round>,
    ) -> Result<()> {
        if let Some(stream) = stream {
            return stream.rest(ready, permit, &self.failure);
        }
        let (shared, target) = (self.clone(), round.clone());
        let store = async move {
            if let Err(error) = shared.store(ready, &target).await {
                shared.failure.set(error);
            }
            drop(permit);
        };
        round.uploads().spawn_on(store, self.repository.blobs().runtime());
        Ok(())
    }

    /// Stores a pack; only then its entries count.
    pub(super) async fn store(&self, ready: Ready, round: &Round) -> Result<()> {
        let (pack, table) = ready.into_parts();
        let bytes = Bytes::from(pack.bytes);
        let length = bytes.len() as u64;
        round.expect(pack.id.clone());
        self.failure.or(self.repository.blobs().put(&pack.id, bytes.clone())).await??;
        round.stored(pack.id, length, table);
        if bytes.is_unique() {
            self.packs.give_back(Vec::from(bytes));
        }
        Ok(())
    }
}

/// Nobody closes the semaphores of a session that goes on.
pub(super) fn over() -> Error {
    Error::invalid("writing session", "it is over")
}
