//! What was found so far, gathered from many threads; damages are counted by what is damaged.

use super::report::{Damage, DamageKind, Hurt, Warning, WarningKind};
use crate::error::Error;
use std::collections::BTreeMap;

/// Damages that are listed; more are counted.
const DAMAGES: usize = 10_000;
/// Warnings that are listed; more are counted.
const WARNINGS: usize = 1_000;
/// Paths that are listed in all.
const PATHS: usize = 100_000;

/// What was found.
#[derive(Default)]
pub(super) struct Findings {
    damages: BTreeMap<String, Damaged>,
    more_damages: u64,
    warnings: Vec<Warning>,
    more_warnings: u64,
    failure: Option<Error>,
    paths: usize,
    lost_indexes: Vec<String>,
}

/// A damage, with what it hurts by snapshot.
struct Damaged {
    kind: DamageKind,
    reason: String,
    contents: u64,
    hurts: BTreeMap<String, Hurt>,
}

impl Findings {
    /// `what` is damaged, and `contents` more contents with it. The first reason is kept.
    pub(super) fn damage(&mut self, what: &str, kind: DamageKind, reason: impl Into<String>, contents: u64) {
        if let Some(known) = self.damages.get_mut(what) {
            known.contents += contents;
            if known.kind == DamageKind::Trailer && kind != DamageKind::Trailer {
                (known.kind, known.reason) = (kind, reason.into()); // what hurts files comes first
            }
        } else if self.damages.len() < DAMAGES {
            let damaged = Damaged { kind, reason: reason.into(), contents, hurts: BTreeMap::new() };
            self.damages.insert(what.to_owned(), damaged);
        } else {
            self.more_damages += 1;
        }
    }

    /// An index blob can not be read: contents that no other names are lost with it.
    pub(super) fn lose_index(&mut self, blob: &str) {
        self.lost_indexes.push(blob.to_owned());
    }

    /// The index blobs that can not be read.
    pub(super) fn lost_indexes(&self) -> &[String] {
        &self.lost_indexes
    }

    /// A damage hurts something of a snapshot; at most `limit` paths are kept for each of both.
    pub(super) fn hurt(&mut self, what: &str, snapshot: &str, path: impl FnOnce() -> String, limit: usize) {
        let Some(damaged) = self.damages.get_mut(what) else { return };
        let hurt = damaged.hurts.entry(snapshot.to_owned()).or_insert_with(|| Hurt {
            snapshot: snapshot.to_owned(),
            files: 0,
            paths: Vec::new(),
        });
        hurt.files += 1;
        if hurt.paths.len() < limit && self.paths < PATHS {
            self.paths += 1;
            hurt.paths.push(path());
        }
    }

    /// Something is odd.
    pub(super) fn warn(&mut self, kind: WarningKind, what: impl Into<String>, reason: impl Into<String>) {
        if self.warnings.len() < WARNINGS {
            self.warnings.push(Warning { kind, what: what.into(), reason: reason.into() });
        } else {
            self.more_warnings += 1;
        }
    }

    /// The store failed: nothing more can be said. The first failure is kept.
    pub(super) fn fail(&mut self, error: Error) {
        self.failure.get_or_insert(error);
    }

    pub(super) fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    pub(super) fn take_failure(&mut self) -> Option<Error> {
        self.failure.take()
    }

    pub(super) fn has_damages(&self) -> bool {
        !self.damages.is_empty()
    }

    /// Everything that was found: damages with their number beyond the list, warnings with theirs.
    pub(super) fn finish(self) -> (Vec<Damage>, u64, Vec<Warning>, u64) {
        let damage = |(what, damaged): (String, Damaged)| Damage {
            what,
            kind: damaged.kind,
            reason: damaged.reason,
            contents: damaged.contents,
            hurts: damaged.hurts.into_values().collect(),
        };
        let damages = self.damages.into_iter().map(damage).collect();
        (damages, self.more_damages, self.warnings, self.more_warnings)
    }
}
