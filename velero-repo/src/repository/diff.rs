//! What differs between two snapshots.
//!
//! Comes in: two entries, usually roots. Goes out: each entry that one of them lacks or that differs, in the order of
//! paths. Directories with the same object are not read: their entries are the same. Held is what differs, not what there
//! is, unless a directory is out of order.

use std::cmp::Ordering;

use serde::Serialize;

use super::ancestors::Ancestors;
use super::browse::{Listing, entries, join};
use super::directory::Entry;
use super::object::ObjectId;
use super::open::Repository;
use crate::Result;

/// How an entry differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// Only the second has it.
    Added,
    /// Only the first has it.
    Removed,
    /// Bytes, owner, permissions or time differ; of directories owner and permissions.
    Changed,
}

/// An entry that differs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Difference {
    /// How.
    pub change: Change,
    /// Path below both roots; empty for the roots themselves.
    pub path: String,
    /// What it was.
    pub before: Option<Entry>,
    /// What it is.
    pub after: Option<Entry>,
}

/// Calls `each` with every difference from `a` to `b`. Of a directory that only one of them has, each entry is named.
/// Two directories stand for what is in them; where one of both is none, they differ themselves.
///
/// # Errors
/// Corrupt: a directory contains itself. Those of [`entries`].
pub async fn diff(repository: &Repository, a: &Entry, b: &Entry, mut each: impl FnMut(Difference)) -> Result<()> {
    let mut ahead = vec![(String::new(), 0, Some(a.clone()), Some(b.clone()))];
    let mut passed_over = a.is_directory() && b.is_directory();
    let mut ancestors = Ancestors::none();
    while let Some((path, depth, before, after)) = ahead.pop() {
        let change = match (&before, &after) {
            _ if std::mem::take(&mut passed_over) => None,
            (Some(_), None) => Some(Change::Removed),
            (None, Some(_)) => Some(Change::Added),
            (Some(before), Some(after)) => differs(before, after).then_some(Change::Changed),
            (None, None) => None,
        };
        let directory =
            |entry: &Option<Entry>| entry.as_ref().filter(|entry| entry.is_directory()).and_then(|e| e.object);
        let (old, new) = (directory(&before), directory(&after));
        if let Some(change) = change {
            each(Difference { change, path: path.clone(), before, after });
        }
        if old == new {
            continue;
        }
        ancestors.enter(depth, (old, new), &path)?;
        let mut pairs = differing(repository, old, new).await?;
        pairs.reverse(); // the last one is taken first
        ahead.extend(pairs.into_iter().filter_map(|(before, after)| {
            let name = &before.as_ref().or(after.as_ref())?.name;
            Some((join(&path, name), depth + 1, before, after))
        }));
    }
    Ok(())
}

fn differs(a: &Entry, b: &Entry) -> bool {
    let plain = |e: &Entry| (e.kind.clone(), e.mode, e.uid, e.gid);
    let whole = |e: &Entry| (e.object, e.size, e.mtime);
    plain(a) != plain(b) || (!a.is_directory() && whole(a) != whole(b))
}

/// An entry of both directories, or of one of them.
type Pair = (Option<Entry>, Option<Entry>);

/// The entries of two directories that differ, or may below them, by name. What is the same is not held.
async fn differing(repository: &Repository, old: Option<ObjectId>, new: Option<ObjectId>) -> Result<Vec<Pair>> {
    let (mut old_side, mut new_side) = (Side::open(repository, old).await?, Side::open(repository, new).await?);
    let mut pairs: Vec<Pair> = Vec::new();
    loop {
        let order = match (&old_side.next, &new_side.next) {
            (Some(a), Some(b)) => key(a).cmp(&key(b)),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => break,
        };
        let before = if order.is_le() { old_side.take().await? } else { None };
        let after = if order.is_ge() { new_side.take().await? } else { None };
        if !old_side.ascends || !new_side.ascends {
            return Ok(joined(Side::all(repository, old).await?, Side::all(repository, new).await?));
        }
        let same = |(a, b): (&Entry, &Entry)| !differs(a, b) && a.object == b.object;
        if !before.as_ref().zip(after.as_ref()).is_some_and(same) {
            pairs.push((before, after));
        }
    }
    // A name may have been of a directory and be of a file now: these come apart.
    let (old, new): (Vec<_>, Vec<_>) = pairs.into_iter().unzip();
    Ok(joined(old.into_iter().flatten().collect(), new.into_iter().flatten().collect()))
}

/// The order of entries in a directory.
fn key(entry: &Entry) -> (bool, &str) {
    (!entry.is_directory(), &entry.name)
}

/// One of the directories that are compared.
struct Side {
    listing: Option<Listing>,
    next: Option<Entry>,
    /// Whether all entries were in order so far.
    ascends: bool,
}

impl Side {
    async fn open(repository: &Repository, directory: Option<ObjectId>) -> Result<Side> {
        let mut listing = match directory {
            Some(directory) => Some(Listing::open(repository, &directory).await?),
            None => None,
        };
        let next = match &mut listing {
            Some(listing) => listing.next().await?,
            None => None,
        };
        Ok(Side { listing, next, ascends: true })
    }

    async fn take(&mut self) -> Result<Option<Entry>> {
        let taken = self.next.take();
        if let Some(listing) = &mut self.listing {
            self.next = listing.next().await?;
        }
        if let (Some(taken), Some(next)) = (&taken, &self.next) {
            self.ascends &= key(taken) < key(next);
        }
        Ok(taken)
    }

    /// All entries, whatever their order.
    async fn all(repository: &Repository, directory: Option<ObjectId>) -> Result<Vec<Entry>> {
        match directory {
            Some(directory) => entries(repository, &directory).await,
            None => Ok(Vec::new()),
        }
    }
}

/// Entries of two directories, joined by name.
fn joined(mut old: Vec<Entry>, mut new: Vec<Entry>) -> Vec<Pair> {
    old.sort_by(|a, b| a.name.cmp(&b.name));
    new.sort_by(|a, b| a.name.cmp(&b.name));
    let (mut old, mut new) = (old.into_iter().peekable(), new.into_iter().peekable());
    let mut pairs = Vec::new();
    loop {
        let order = match (old.peek(), new.peek()) {
            (Some(a), Some(b)) => a.name.cmp(&b.name),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return pairs,
        };
        let before = if order.is_le() { old.next() } else { None };
        let after = if order.is_ge() { new.next() } else { None };
        pairs.push((before, after));
    }
}
