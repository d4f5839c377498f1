//! Oddities among the names of index blobs.

use super::report::WarningKind;
use crate::repository::blob::BlobInfo;
use crate::repository::name::Family;
use std::collections::{BTreeMap, BTreeSet};

/// What is odd about a listing: its kind, what it is about, why.
pub(super) fn oddities(listing: &[BlobInfo]) -> Vec<(WarningKind, String, String)> {
    let mut odd = Vec::new();
    sets(listing, &mut odd);
    gaps(listing, &mut odd);
    odd
}

/// A set that says how many it has; none for a blob by itself.
type Set<'a> = Option<(&'a str, usize)>;

/// Sets that lack members, and epochs that several sets replace.
fn sets(listing: &[BlobInfo], odd: &mut Vec<(WarningKind, String, String)>) {
    let mut found: BTreeMap<(&str, Set<'_>), usize> = BTreeMap::new();
    for blob in listing {
        let name = blob.id.as_str();
        let end = match blob.id.family() {
            Family::Uncompacted(_) | Family::Single(_) => name.find('_'),
            Family::Range(..) => name.match_indices('_').nth(1).map(|(at, _)| at),
            _ => None,
        };
        if let Some(group) = end.and_then(|end| name.get(..end)) {
            *found.entry((group, blob.id.set())).or_default() += 1;
        }
    }
    let mut complete: BTreeMap<&str, usize> = BTreeMap::new();
    for ((group, set), members) in found {
        match set {
            Some((session, wanted)) if wanted != members => {
                let reason = format!("set {session} has {members} members instead of {wanted}");
                odd.push((WarningKind::IncompleteSet, group.to_owned(), reason));
            }
            _ => *complete.entry(group).or_default() += 1,
        }
    }
    for (group, count) in complete.into_iter().filter(|(group, count)| *count > 1 && !group.starts_with("xn")) {
        let reason = format!("{count} complete sets replace the same index blobs; all of them are read");
        odd.push((WarningKind::SeveralReplacements, group.to_owned(), reason));
    }
}

/// Epochs of which nothing is left between others of which something is.
fn gaps(listing: &[BlobInfo], odd: &mut Vec<(WarningKind, String, String)>) {
    let mut covered: BTreeSet<(u64, u64)> = BTreeSet::new();
    for blob in listing {
        match blob.id.family() {
            Family::Uncompacted(epoch) | Family::Single(epoch) => drop(covered.insert((epoch, epoch))),
            Family::Range(first, last) => drop(covered.insert((first, last))),
            _ => {}
        }
    }
    let mut next = None::<u64>;
    for (first, last) in covered {
        if let Some(expected) = next.filter(|expected| *expected < first) {
            let what = format!("epochs {expected} to {}", first - 1); // larger than `expected`
            odd.push((WarningKind::EpochGap, what, "no index blob of them is left".to_owned()));
        }
        next = next.max(Some(last.saturating_add(1)));
    }
}
