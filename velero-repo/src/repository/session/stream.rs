//! Packs that are written while they are filled, where the store is a directory.
//!
//! ```text
//! writer    contents > blocks, with their room > rest and entries, with theirs
//! task      blocks > file, room and memory come back ... rest > file, the same > its name > entries count
//! ```
//!
//! Comes in: what [`PackBuilder`](crate::repository::pack::PackBuilder) gives away, in its order. Goes out: the pack, under
//! its name when all of it is durable. A stream that ends before its rest came, because the session did, leaves nothing.

use super::Shared;
use super::failure::Failure;
use super::packs::{Ready, over};
use super::round::Round;
use crate::error::Result;
use crate::repository::blob::{BlobStore, Growing, blocking};
use crate::repository::name::PackName;
use crate::repository::pack::Buffer;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Blocks are given away when there are so many bytes of them: enough for a disk, and little memory for each pack.
const WORTH_WRITING: usize = 2 << 20;

/// Whether a pack of which `held` bytes are in memory should give its blocks away.
pub(super) fn is_worth_writing(held: usize) -> bool {
    held >= WORTH_WRITING
}

/// Bytes of memory that a pack takes while it is filled with contents of at most `longest` bytes.
pub(crate) fn held_by_a_pack(blobs: &BlobStore, pack_size: usize, longest: usize) -> usize {
    match blobs.is_directory() {
        true => pack_size.min(longest.saturating_add(WORTH_WRITING)),
        false => pack_size,
    }
}

/// The way to the file of a pack. What is in it is bounded by the room that each step takes along.
pub(super) struct Stream(UnboundedSender<Step>);

enum Step {
    Blocks(Buffer, OwnedSemaphorePermit),
    Rest(Ready, OwnedSemaphorePermit),
}

impl Stream {
    /// Sends the next blocks on their way, or says what ended the session.
    pub(super) fn blocks(&self, blocks: Buffer, permit: OwnedSemaphorePermit, failure: &Failure) -> Result<()> {
        self.send(Step::Blocks(blocks, permit), failure)
    }

    /// Sends the rest on its way, which completes the pack, or says what ended the session.
    pub(super) fn rest(self, ready: Ready, permit: OwnedSemaphorePermit, failure: &Failure) -> Result<()> {
        self.send(Step::Rest(ready, permit), failure)
    }

    fn send(&self, step: Step, failure: &Failure) -> Result<()> {
        match self.0.send(step) {
            Ok(()) => Ok(()),
            Err(_) => failure.check().and(Err(over())),
        }
    }
}

impl Shared {
    /// Begins to write a pack; `None` where the store takes it whole.
    pub(super) fn stream(self: &Arc<Self>, pack: &PackName, round: &Arc<Round>) -> Result<Option<Stream>> {
        let Some(blob) = self.repository.blobs().grow(pack)? else { return Ok(None) };
        let (sender, mut steps) = unbounded_channel();
        let (shared, target) = (self.clone(), round.clone());
        let store = async move {
            if let Err(error) = shared.follow(blob, &mut steps, &target).await {
                shared.failure.set(error); // before nobody listens: whoever sends then asks for it
            }
        };
        round.uploads().spawn_on(store, self.repository.blobs().runtime());
        Ok(Some(Stream(sender)))
    }

    async fn follow(&self, mut blob: Growing, steps: &mut UnboundedReceiver<Step>, round: &Round) -> Result<()> {
        let mut length = 0;
        loop {
            let step = match self.failure.or(steps.recv()).await {
                Ok(Some(step)) => step,
                gone => {
                    let give_up = move || {
                        drop(blob);
                        Ok(())
                    };
                    return blocking(give_up).await.and(gone.map(drop));
                }
            };
            match step {
                Step::Blocks(blocks, permit) => {
                    length += blocks.len() as u64;
                    let write = move || blob.append(&blocks).map(|()| (blob, blocks));
                    let (back, blocks) = blocking(write).await?;
                    blob = back;
                    self.packs.give_back(blocks);
                    drop(permit);
                }
                Step::Rest(ready, permit) => {
                    let (mut pack, table) = ready.into_parts();
                    length += pack.bytes.len() as u64;
                    round.expect(pack.id.clone());
                    let end = move || blob.end(&mut pack.bytes).map(|blob| (blob, pack));
                    let (blob, pack) = blocking(end).await?;
                    self.packs.give_back(pack.bytes);
                    let _turn = self.packs.turn_to_be_named().await?;
                    drop(permit);
                    blocking(|| blob.name()).await?;
                    round.stored(pack.id, length, table);
                    return Ok(());
                }
            }
        }
    }
}
