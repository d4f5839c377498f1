//! Which snapshots a retention policy keeps, and why.

use super::Snapshot;
use crate::repository::gojson::Time;
use crate::repository::policy::Retention;
use jiff::{Span, Timestamp, civil::Date, tz::TimeZone};
use std::cmp::Reverse;
use std::collections::HashSet;
use std::fmt;

/// Incomplete snapshots less than this much older than the latest one are kept, in nanoseconds: four hours.
const YOUNG: i64 = 4 * 3_600_000_000_000;
/// So many incomplete snapshots are kept, however old.
const FEW: usize = 3;

/// What a slot of a policy stands for. All periods are those of UTC.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Period {
    /// The snapshot itself.
    Latest,
    /// The last of an hour.
    Hourly,
    /// The last of a day.
    Daily,
    /// The last of an ISO week.
    Weekly,
    /// The last of a month.
    Monthly,
    /// The last of a year.
    Annual,
}

/// Why a snapshot is kept.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Reason {
    /// It fills the slot of that number, counted back from the latest.
    Slot(Period, u64),
    /// It is incomplete and later than all complete ones.
    Incomplete,
    /// A pin of that name.
    Pin(String),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Reason::Slot(period, number) => write!(f, "{}-{number}", format!("{period:?}").to_lowercase()),
            Reason::Incomplete => f.write_str("incomplete"),
            Reason::Pin(name) => write!(f, "pin {name}"),
        }
    }
}

/// Why each of `snapshots`, which are of one source, is kept; a snapshot without a reason has expired.
///
/// As in Kopia a slot is open only for snapshots that are not older than its span, counted from the latest complete
/// one. Where all numbers of the policy are zero or absent, everything complete is kept.
pub fn retain(policy: &Retention, snapshots: &[Snapshot]) -> Vec<Vec<Reason>> {
    let mut reasons = vec![Vec::new(); snapshots.len()];
    let mut newest_first: Vec<_> = snapshots.iter().zip(&mut reasons).collect();
    newest_first.sort_by_key(|(snapshot, _)| Reverse((snapshot.start_time, snapshot.end_time)));
    keep_complete(policy, &mut newest_first);
    keep_incomplete(&mut newest_first);
    for (snapshot, reasons) in newest_first {
        reasons.extend(snapshot.pins.iter().cloned().map(Reason::Pin));
    }
    reasons
}

fn keep_complete(policy: &Retention, newest_first: &mut [(&Snapshot, &mut Vec<Reason>)]) {
    let mut complete = newest_first.iter_mut().filter(|(snapshot, _)| snapshot.is_complete()).enumerate().peekable();
    let Some((_, (latest, _))) = complete.peek() else { return };
    let mut slots = slots(policy, latest.start_time);
    for (place, (snapshot, reasons)) in complete {
        reasons.extend(slots.iter_mut().filter_map(|slot| slot.take(place, snapshot.start_time)));
    }
}

/// Keeps those that are later than all complete ones, as long as they are few or young.
fn keep_incomplete(newest_first: &mut [(&Snapshot, &mut Vec<Reason>)]) {
    let newest = newest_first.first().map_or(Time::default(), |(snapshot, _)| snapshot.start_time);
    let later = newest_first.iter_mut().take_while(|(snapshot, _)| !snapshot.is_complete());
    for (place, (snapshot, reasons)) in later.enumerate() {
        let age = newest.nanos().saturating_sub(snapshot.start_time.nanos());
        if age >= YOUNG && place >= FEW {
            break;
        }
        reasons.push(Reason::Incomplete);
    }
}

struct Slot {
    period: Period,
    most: u64,
    cutoff: Option<Timestamp>,
    taken: HashSet<String>,
}

impl Slot {
    /// Takes the snapshot if it is young enough, the first of its period, and a place is left.
    fn take(&mut self, place: usize, start: Time) -> Option<Reason> {
        let start = start.timestamp();
        let open = (self.taken.len() as u64) < self.most && self.cutoff.is_none_or(|cutoff| start >= cutoff);
        let first = open && self.taken.insert(self.period.name(place, start));
        first.then_some(Reason::Slot(self.period, self.taken.len() as u64))
    }
}

impl Period {
    /// What snapshots of the same period have in common.
    fn name(self, place: usize, start: Timestamp) -> String {
        let time = start.to_zoned(TimeZone::UTC);
        match self {
            Period::Latest => place.to_string(),
            Period::Hourly => time.strftime("%Y-%m-%d %H").to_string(),
            Period::Daily => time.strftime("%Y-%m-%d").to_string(),
            Period::Weekly => time.strftime("%G-%V").to_string(),
            Period::Monthly => time.strftime("%Y-%m").to_string(),
            Period::Annual => time.strftime("%Y").to_string(),
        }
    }

    /// The start of the span of `count` periods before `latest`; none if it lies before all calendars.
    fn cutoff(self, latest: Timestamp, count: i64) -> Option<Timestamp> {
        let back = |span: Result<Span, jiff::Error>| {
            latest.to_zoned(TimeZone::UTC).checked_sub(span.ok()?).ok().map(|zoned| zoned.timestamp())
        };
        match self {
            Period::Latest => None,
            Period::Hourly => back(Span::new().try_hours(count)),
            Period::Daily => back(Span::new().try_days(count)),
            Period::Weekly => back(Span::new().try_weeks(count)),
            Period::Monthly => months_back(latest, count),
            Period::Annual => months_back(latest, count.checked_mul(12)?),
        }
    }
}

/// `latest` with `count` months less. A day that its month does not have runs over into the next one, as Go counts.
fn months_back(latest: Timestamp, count: i64) -> Option<Timestamp> {
    let time = latest.to_zoned(TimeZone::UTC).datetime();
    let months = (i64::from(time.year()) * 12 + i64::from(time.month()) - 1).checked_sub(count)?;
    let (year, month) = (i16::try_from(months.div_euclid(12)).ok()?, i8::try_from(months.rem_euclid(12) + 1).ok()?);
    let date = Date::new(year, month, 1).ok()?.checked_add(Span::new().days(i64::from(time.day()) - 1)).ok()?;
    date.to_datetime(time.time()).to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
}

fn slots(policy: &Retention, latest: Time) -> Vec<Slot> {
    let counts = [
        (Period::Latest, policy.keep_latest),
        (Period::Hourly, policy.keep_hourly),
        (Period::Daily, policy.keep_daily),
        (Period::Weekly, policy.keep_weekly),
        (Period::Monthly, policy.keep_monthly),
        (Period::Annual, policy.keep_annual),
    ];
    let unlimited = counts.iter().all(|(_, count)| count.unwrap_or(0) == 0);
    let slot = |(period, count): (Period, Option<i64>)| {
        let count = if unlimited && period == Period::Latest { i64::MAX } else { count? };
        let most = u64::try_from(count).unwrap_or(0);
        Some(Slot { period, most, cutoff: period.cutoff(latest.timestamp(), count), taken: HashSet::new() })
    };
    counts.into_iter().filter_map(slot).collect()
}
