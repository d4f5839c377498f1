//! A clock that stands still until it is moved, for tests.

use super::Clock;
use jiff::{SignedDuration, Timestamp};
use std::sync::{Mutex, PoisonError};

/// A clock that is set by hand.
#[derive(Debug)]
pub struct SettableClock(Mutex<Timestamp>);

impl SettableClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        SettableClock(Mutex::new(now))
    }

    /// Shows another time from now on.
    pub fn set(&self, now: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = now;
    }

    /// Moves forward, or back; stays where it is rather than leave the range of timestamps.
    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.checked_add(by).unwrap_or(*now);
    }
}

impl Clock for SettableClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
