//! What time it is. The system's clock, unless a test sets another.

use jiff::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present.
    fn now(&self) -> Timestamp;
}

/// The clock of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[cfg(any(test, feature = "testing"))]
mod settable;
#[cfg(any(test, feature = "testing"))]
pub use settable::SettableClock;
