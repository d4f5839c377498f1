//! The time, injected.
