//! What a full cycle would do, counted without doing it.

use super::collect::{Collected, Fate, fate};
use super::delete::{Candidates, Deleted, Verdict, is_free, referenced};
use super::mark::InUse;
use super::plan::{Amount, Later};
use super::rewrite::{Rewritten, Short, moves, short};
use super::safety::{Margins, Safety};
use super::schedule::Schedule;
use crate::repository::epoch::{GcRun, safe_drop_time};
use crate::repository::name::Family;
use crate::repository::verify::marks::Marks;
use jiff::{SignedDuration, Timestamp};

/// Times between the word that a content is deleted and the run that makes it final, at least: an hour to the next
/// collection, and four more to the one after it.
const TO_COLLECTION: SignedDuration = SignedDuration::from_hours(1);
const BETWEEN: SignedDuration = SignedDuration::from_hours(4);

/// What is known before counting.
pub(super) struct Known<'a> {
    pub(super) in_use: &'a InUse,
    pub(super) candidates: &'a Candidates,
    pub(super) schedule: &'a Schedule,
    pub(super) watermark: Option<i64>,
    pub(super) pack_size: u64,
    pub(super) safety: Safety,
    pub(super) now: Timestamp,
}

/// What was counted.
#[derive(Default)]
pub(super) struct Census {
    pub(super) collected: Collected,
    pub(super) rewritten: Rewritten,
    /// Why nothing is moved.
    pub(super) no_rewrite: Option<String>,
    /// Up to when deletions become final.
    pub(super) until: Option<Timestamp>,
    pub(super) dropped: Amount,
    pub(super) deleted: Deleted,
    /// Why no pack is deleted.
    pub(super) no_delete: Option<String>,
    pub(super) later: Vec<Later>,
}

/// Up to when deletions become final in a run that begins now.
pub(super) fn final_until(schedule: &Schedule, safety: Safety, now: Timestamp) -> Option<Timestamp> {
    match safety {
        Safety::None => Some(now),
        Safety::Full => safe_drop_time(&schedule.collections()),
    }
}

impl Known<'_> {
    /// Counts.
    pub(super) fn count(&self) -> Census {
        let margins = self.safety.margins();
        let mut census = Census::default();
        let view = &self.in_use.view;
        let stays = |ordinal| {
            let used = self.in_use.used.has(ordinal);
            view.row_at(ordinal).is_some_and(|row| fate(&row, used, self.now, &margins) != Fate::Marked)
        };
        let short = short(view, self.pack_size, self.now, &margins, &stays);
        census.no_rewrite = match () {
            () if self.safety == Safety::Full && !self.schedule.may_rewrite() => {
                Some("packs were not deleted since the last time".to_owned())
            }
            () if short.numbers.is_empty() => Some("no two packs are mostly empty".to_owned()),
            () => None,
        };
        let from = match census.no_rewrite {
            None => self.now.checked_add(margins.after_rewrite).ok(),
            Some(_) => self.schedule.may_delete_from(margins.after_rewrite),
        };
        let from = from.filter(|from| *from > self.now);
        census.no_delete =
            from.map(|from| format!("contents are moved; readers may need their old places until {from}"));
        // The collection of this run is the newest one by then.
        let mut collections = self.schedule.collections();
        collections.push(GcRun { start: self.now, end: self.now });
        census.until = match self.safety {
            Safety::None => Some(self.now),
            Safety::Full => safe_drop_time(&collections),
        }
        .filter(|until| self.watermark.is_none_or(|current| until.as_second() > current));
        let gone = self.contents(&mut census, &margins, &short);
        self.packs(&mut census, &margins, &short, &gone, from);
        census
    }

    /// Counts contents; returns those that nothing refers to afterwards.
    fn contents(&self, census: &mut Census, margins: &Margins, short: &Short) -> Marks {
        let view = &self.in_use.view;
        let gone = Marks::new(view.ordinals());
        let is_short = Marks::new(short.packs.len());
        if census.no_rewrite.is_none() {
            for pack in &short.numbers {
                is_short.set(*pack);
            }
        }
        let until = census.until.map_or(i64::MIN, Timestamp::as_second);
        let (mut waiting, mut waiting_since) = (Amount::default(), i64::MIN);
        let mut young_since = i64::MIN;
        let moved = Marks::new(short.packs.len());
        for (ordinal, row) in view.rows() {
            let bytes = u64::from(row.packed_length);
            let fate = fate(&row, self.in_use.used.has(ordinal), self.now, margins);
            let marked_at = match fate {
                Fate::Revived => None,
                Fate::Marked => Some(self.now.as_second().max(row.timestamp.saturating_add(1))),
                Fate::Stays | Fate::TooYoung => row.deleted.then_some(row.timestamp),
            };
            match fate {
                Fate::Marked => census.collected.marked.add(bytes),
                Fate::Revived => census.collected.revived.add(bytes),
                Fate::TooYoung => {
                    census.collected.too_young.add(bytes);
                    young_since = young_since.max(row.timestamp);
                }
                Fate::Stays => {}
            }
            let pack = short.packs.of_content(ordinal).filter(|pack| is_short.has(*pack));
            match (marked_at, pack) {
                (Some(at), _) if at <= until => {
                    census.dropped.add(bytes);
                    gone.set(ordinal);
                }
                (Some(at), _) if fate != Fate::Marked => {
                    waiting.add(bytes);
                    waiting_since = waiting_since.max(at);
                }
                (None, Some(pack)) if moves(view, ordinal, self.now, margins) => {
                    census.rewritten.contents.add(bytes);
                    moved.set(pack);
                    gone.set(ordinal);
                }
                _ => {}
            }
        }
        census.rewritten.packs = Amount { count: moved.count(), bytes: census.rewritten.contents.bytes };
        self.later(census, waiting, waiting_since, young_since, margins);
        gone
    }

    /// When what is not freed now can be.
    fn later(&self, census: &mut Census, waiting: Amount, waiting_since: i64, young_since: i64, margins: &Margins) {
        let mut note = |reason: &str, amount: Amount, earliest: Timestamp| {
            if amount.count > 0 {
                census.later.push(Later { reason: reason.to_owned(), amount, earliest });
            }
        };
        if self.safety == Safety::Full {
            let marked = census.collected.marked;
            note("unused contents, marked as deleted by this run", marked, self.final_after(self.now));
        }
        let since = Timestamp::from_second(waiting_since).unwrap_or(self.now);
        note("contents that are marked as deleted", waiting, self.final_after(since));
        let young =
            Timestamp::from_second(young_since).ok().and_then(|at| at.checked_add(margins.min_content_age).ok());
        let too_young = census.collected.too_young;
        note("unused contents that are too young", too_young, self.final_after(young.unwrap_or(self.now)));
    }

    /// The earliest run that makes a deletion of that time final.
    fn final_after(&self, marked: Timestamp) -> Timestamp {
        let after = |time: Timestamp, wait| time.checked_add(wait).unwrap_or(Timestamp::MAX);
        let confirmed = after(marked, TO_COLLECTION);
        let collections = self.schedule.collections();
        let done = collections.iter().filter(|run| run.start >= confirmed).map(|run| run.end).min();
        after(done.unwrap_or_else(|| confirmed.max(self.now)), BETWEEN).max(self.now)
    }

    fn packs(&self, census: &mut Census, margins: &Margins, short: &Short, gone: &Marks, from: Option<Timestamp>) {
        let referenced = referenced(&self.in_use.view, &short.packs, |ordinal| gone.has(ordinal));
        let (mut young, mut young_until) = (Amount::default(), self.now);
        for blob in self.candidates.blobs.iter().filter(|blob| is_free(&blob.id, &short.packs, &referenced)) {
            let is_marker = blob.id.family() == Family::Session;
            match self.candidates.verdict(blob, self.now, margins) {
                Verdict::Delete if is_marker => census.deleted.markers.add(blob.length),
                Verdict::Delete => census.deleted.packs.add(blob.length),
                Verdict::Until(until) => {
                    young.add(blob.length);
                    young_until = young_until.max(until);
                }
            }
        }
        if young.count > 0 {
            let reason = "packs and markers that nothing refers to, too young or of sessions under way".to_owned();
            census.later.push(Later { reason, amount: young, earliest: young_until });
        }
        if let Some(from) = from.filter(|_| census.deleted.packs.count > 0) {
            let reason = "packs that nothing refers to, while contents move".to_owned();
            census.later.push(Later { reason, amount: census.deleted.packs, earliest: from });
        }
    }
}
