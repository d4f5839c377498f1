//! Packs that are mostly empty: what is still used in them moves together into new ones.
//!
//! Kopia copies contents that are marked as deleted, too. They stay where they are here: their pack goes when their
//! deletion is final, and nothing is copied that will be deleted.

use super::exclusive::Exclusive;
use super::memory::Limits;
use super::plan::Amount;
use super::safety::Margins;
use crate::error::{Error, Result};
use crate::repository::blob::blocking;
use crate::repository::index::{Entry, PackOrder, Packs, View};
use crate::repository::name::PackName;
use crate::repository::open::{Repository, unpack};
use crate::repository::session::{ContentWriter, Session, SessionOptions};
use crate::repository::verify::windows::{Place, windows};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Packs that are read before the session may be made visible.
const BATCH: usize = 16;

/// What rewriting did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Rewritten {
    /// Packs whose contents were moved, and the bytes of the contents.
    pub packs: Amount,
    /// Contents that were moved, and their bytes.
    pub contents: Amount,
}

/// Which packs are short, and what moves out of them.
pub(super) struct Short {
    pub(super) packs: Packs,
    pub(super) order: PackOrder,
    /// By number.
    pub(super) numbers: Vec<usize>,
}

/// Finds packs less than 60 % of whose size any entry refers to. Where only one of a kind is short, nothing is gained.
/// `stays` tells of a content whether it will be alive when packs are rewritten: a plan looks ahead of the collection.
pub(super) fn short(
    view: &View,
    pack_size: u64,
    start: Timestamp,
    margins: &Margins,
    stays: &dyn Fn(usize) -> bool,
) -> Short {
    let packs = view.packs();
    let order = view.by_pack(&packs);
    let limit = pack_size.saturating_mul(6) / 10;
    let is_short = |pack: &usize| {
        let lengths = order.contents(*pack).filter_map(|ordinal| view.row_at(ordinal));
        lengths.fold(0u64, |sum, row| sum.saturating_add(u64::from(row.packed_length))) < limit
    };
    let moves_one = |ordinal| moves(view, ordinal, start, margins) && stays(ordinal);
    let moves_any = |pack: &usize| order.contents(*pack).any(moves_one);
    let letter = |pack: usize| packs.name(pack).and_then(|name| name.as_str().chars().next());
    let mut numbers: Vec<usize> = (0..packs.len()).filter(|pack| is_short(pack) && moves_any(pack)).collect();
    let mut counts = std::collections::BTreeMap::<_, usize>::new();
    numbers.iter().for_each(|pack| *counts.entry(letter(*pack)).or_default() += 1);
    numbers.retain(|pack| counts.get(&letter(*pack)).is_some_and(|count| *count >= 2));
    Short { packs, order, numbers }
}

/// Whether a content of a short pack moves: one that is alive, and not just written.
pub(super) fn moves(view: &View, ordinal: usize, start: Timestamp, margins: &Margins) -> bool {
    let old = |timestamp: i64| start.as_second().saturating_sub(timestamp) >= margins.rewrite_min_age.as_secs();
    view.row_at(ordinal).is_some_and(|row| !row.deleted && old(row.timestamp))
}

/// Looks for short packs in a fresh index.
///
/// # Errors
/// Those of [`Repository::refresh`].
pub(super) async fn find(repository: &Repository, start: Timestamp, margins: Margins) -> Result<Found> {
    repository.refresh().await?;
    let (view, size) = (repository.view().await?, repository.format().parameters.max_pack_size);
    let seen = view.clone();
    let short = Arc::new(blocking(move || Ok(short(&seen, size, start, &margins, &|_| true))).await?);
    Ok(Found { view, short, start, margins })
}

/// Moves the contents of short packs.
///
/// # Errors
/// Corrupt: a content can not be read; what was moved before stays visible. Those of a session.
pub(super) async fn rewrite(
    repository: &Repository,
    exclusive: &Exclusive,
    found: &Found,
    limits: Limits,
) -> Result<Rewritten> {
    let mut rewritten = Rewritten::default();
    let options = SessionOptions { packs_in_flight: limits.queue as usize, ..SessionOptions::default() }; // a few
    let session = Session::begin(repository, options).await?;
    for at in (0..found.short.numbers.len()).step_by(BATCH) {
        let (repository, found, writer) = (repository.clone(), found.clone(), session.writer());
        let mover = Mover { repository, found, writer, window: limits.window };
        let moved = match blocking(move || mover.move_packs(at)).await {
            Ok(moved) => moved,
            Err(error) => {
                session.abandon().await;
                return Err(error);
            }
        };
        rewritten.packs = rewritten.packs.plus(moved.packs);
        rewritten.contents = rewritten.contents.plus(moved.contents);
        if session.is_checkpoint_due() {
            session.checkpoint().await?;
            exclusive.say_so().await?;
        }
    }
    session.commit().await?;
    Ok(rewritten)
}

/// Short packs, and the view in which they were found.
#[derive(Clone)]
pub(super) struct Found {
    view: Arc<View>,
    pub(super) short: Arc<Short>,
    start: Timestamp,
    margins: Margins,
}

/// Moves some packs, on a plain thread.
struct Mover {
    repository: Repository,
    found: Found,
    writer: ContentWriter,
    /// Bytes that are read at once.
    window: u64,
}

impl Mover {
    fn move_packs(mut self, from: usize) -> Result<Rewritten> {
        let mut moved = Rewritten::default();
        let short = self.found.short.clone();
        for pack in short.numbers.iter().skip(from).take(BATCH) {
            let Some(name) = short.packs.name(*pack) else { continue };
            let bytes = moved.contents.bytes;
            self.move_pack(&name, *pack, &mut moved.contents)?;
            moved.packs.add(moved.contents.bytes - bytes);
        }
        self.writer.flush()?;
        Ok(moved)
    }

    fn move_pack(&mut self, name: &PackName, pack: usize, moved: &mut Amount) -> Result<()> {
        let Found { view, short, start, margins } = self.found.clone();
        let place = |ordinal| {
            let row = view.row_at(ordinal)?;
            Some(Place { ordinal, offset: u64::from(row.offset), length: u64::from(row.packed_length) })
        };
        let moving = short.order.contents(pack).filter(|ordinal| moves(&view, *ordinal, start, &margins));
        let places: Vec<Place> = moving.filter_map(place).collect();
        for window in windows(places, self.window) {
            let bytes = self.repository.blobs().get_range_blocking(name, window.offset, window.length)?;
            let bytes = bytes.ok_or_else(|| Error::corrupt(name.as_str(), "it is missing"))?;
            for (ordinal, range) in window.contents {
                let entry = view.row_at(ordinal).and_then(|row| row.entry());
                let Some(entry) = entry else { continue };
                self.move_content(&entry, bytes.slice(range))?;
                moved.add(u64::from(entry.packed_length));
            }
        }
        Ok(())
    }

    fn move_content(&mut self, entry: &Entry, sealed: bytes::Bytes) -> Result<()> {
        let (format, seal) = (self.repository.format(), self.repository.seal());
        let plain = unpack(&format, &seal, entry, sealed)?;
        if seal.content_id(entry.content.prefix(), &plain) != entry.content {
            return Err(Error::corrupt(entry.pack.as_str(), format!("content {} has another hash", entry.content)));
        }
        let now = self.repository.now().as_second().max(entry.timestamp.saturating_add(1));
        self.writer.write_again(entry, &plain, now)
    }
}
