//! The commit: from packs on their way to entries that everybody sees.

use super::round::Round;
use super::writer::{Closed, Open};
use super::{Session, Shared};
use crate::error::{Error, Result};
use crate::repository::blob::{BlobInfo, blocking};
use crate::repository::name::PackName;
use std::collections::HashMap;
use std::sync::Arc;

/// Up to so many packs are looked up one by one; more, by a listing of all.
const FEW: usize = 32;

/// What a session has written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Contents that were not there before.
    pub contents: u64,
    /// Packs.
    pub packs: u64,
    /// Bytes of all packs.
    pub bytes: u64,
}

/// What earlier checkpoints have written.
pub(super) type Progress = Written;

impl Session {
    /// Makes visible what was written so far, manifests included; the session goes on. Writers may write meanwhile, and
    /// what they write then waits for the next checkpoint.
    ///
    /// # Errors
    /// As [`Session::commit`]; the session is over then.
    pub async fn checkpoint(&self) -> Result<()> {
        self.shared.publish(false).await.map(drop)
    }

    /// Makes everything visible, and ends the session. When it returns without an error, all of it is in the store, whose
    /// listing shows every blob with its size, and every index blob was read back.
    ///
    /// # Errors
    /// Whatever ended the session before; Corrupt when the store lost what it confirmed; the store's. Nothing since the
    /// last checkpoint is visible then.
    pub async fn commit(self) -> Result<Written> {
        self.shared.publish(true).await
    }
}

impl Shared {
    async fn publish(self: &Arc<Self>, last: bool) -> Result<Written> {
        let mut progress = self.committing.lock().await;
        match self.publish_present(last).await {
            Ok(written) => {
                progress.contents += written.contents;
                progress.packs += written.packs;
                progress.bytes += written.bytes;
                Ok(*progress)
            }
            Err(error) => {
                self.end().await;
                Err(error)
            }
        }
    }

    async fn publish_present(self: &Arc<Self>, last: bool) -> Result<Written> {
        self.failure.check()?;
        let next = match last {
            true => None,
            false => Some(Arc::new(Round::begin(&self.repository).await?)),
        };
        let round = self.turn(next)?;
        let published = self.publish_round(&round).await;
        if published.is_err() {
            self.failure.cancel();
            round.abandon(&self.repository).await;
        }
        published
    }

    async fn publish_round(self: &Arc<Self>, round: &Arc<Round>) -> Result<Written> {
        self.drain(round).await?;
        round.uploads().close();
        self.failure.or(round.uploads().wait()).await?;
        self.failure.check()?;
        self.write_manifests(round).await?;
        let (packs, tables) = round.take();
        self.check_packs(&packs).await?;
        let tables = Arc::new(tables);
        if !tables.is_empty() {
            let blobs = self.write_index(round, &tables).await?;
            self.repository.adopt(blobs, tables.to_vec()).await?;
            for table in tables.iter() {
                self.known.arrived(table);
            }
        }
        round.forget_marker(&self.repository).await;
        Ok(Written {
            contents: tables.iter().map(|table| table.len() as u64).sum(),
            packs: packs.len() as u64,
            bytes: packs.iter().map(|(_, length)| length).sum(),
        })
    }

    /// Takes the open packs of all writers and sends them on their way.
    async fn drain(self: &Arc<Self>, round: &Arc<Round>) -> Result<()> {
        for slot in self.slots() {
            let taken = round.clone();
            let ready = blocking(move || {
                let finished = slot.take(&taken).into_iter().map(Open::finish);
                finished.filter_map(Result::transpose).collect::<Result<Vec<_>>>()
            });
            for Closed { ready, permit, stream } in ready.await? {
                let permit = match permit {
                    Some(permit) => permit,
                    None => self.room().await?,
                };
                self.hand_over(ready, permit, stream, round)?;
            }
        }
        Ok(())
    }

    /// Compares what the store lists with what it confirmed.
    async fn check_packs(&self, packs: &[(PackName, u64)]) -> Result<()> {
        let mut listed: HashMap<PackName, u64> = HashMap::new();
        let mut note = |blobs: Vec<BlobInfo>| listed.extend(blobs.into_iter().map(|blob| (blob.id, blob.length)));
        if packs.len() <= FEW {
            for (pack, _) in packs {
                note(self.repository.blobs().list(pack.as_str()).await?);
            }
        } else {
            note(self.repository.blobs().list("p").await?);
            note(self.repository.blobs().list("q").await?);
        }
        for (pack, length) in packs {
            match listed.get(pack) {
                Some(found) if found == length => {}
                Some(found) => {
                    let reason = format!("the store confirmed {length} bytes and lists {found}");
                    return Err(Error::corrupt(pack.as_str(), reason));
                }
                None => return Err(Error::corrupt(pack.as_str(), "the store confirmed it and does not list it")),
            }
        }
        Ok(())
    }
}
