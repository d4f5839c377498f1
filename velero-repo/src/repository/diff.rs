//! What differs between two snapshots.
//!
//! Comes in: two entries, usually roots. Goes out: each entry that one of them lacks or that differs, in the order of
//! paths. Directories with the same object are not read: their entries are the same.

use std::cmp::Ordering;

use serde::Serialize;

use super::browse::{entries, join};
use super::directory::Entry;
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
    /// Path below both roots.
    pub path: String,
    /// What it was.
    pub before: Option<Entry>,
    /// What it is.
    pub after: Option<Entry>,
}

/// Calls `each` with every difference from `a` to `b`. Of a directory that only one of them has, each entry is named.
///
/// # Errors
/// Those of [`entries`].
pub async fn diff(repository: &Repository, a: &Entry, b: &Entry, mut each: impl FnMut(Difference)) -> Result<()> {
    let mut ahead = vec![(String::new(), Some(a.clone()), Some(b.clone()))];
    let mut first = true;
    while let Some((path, before, after)) = ahead.pop() {
        let change = match (&before, &after) {
            _ if std::mem::take(&mut first) => None, // the roots stand for themselves
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
        let old = match old {
            Some(object) => entries(repository, &object).await?,
            None => Vec::new(),
        };
        let new = match new {
            Some(object) => entries(repository, &object).await?,
            None => Vec::new(),
        };
        let mut pairs = pairs(old, new);
        pairs.reverse(); // the last one is taken first
        ahead.extend(pairs.into_iter().filter_map(|(before, after)| {
            let name = &before.as_ref().or(after.as_ref())?.name;
            Some((join(&path, name), before, after))
        }));
    }
    Ok(())
}

fn differs(a: &Entry, b: &Entry) -> bool {
    let plain = |e: &Entry| (e.kind.clone(), e.mode, e.uid, e.gid);
    let whole = |e: &Entry| (e.object, e.size, e.mtime);
    plain(a) != plain(b) || (!a.is_directory() && whole(a) != whole(b))
}

/// Entries of two directories, joined by name.
fn pairs(mut old: Vec<Entry>, mut new: Vec<Entry>) -> Vec<(Option<Entry>, Option<Entry>)> {
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
