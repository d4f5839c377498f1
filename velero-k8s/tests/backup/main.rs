//! The backup driver against a scripted cluster and a store in memory: the vectors of the specification by their ids, and
//! clusters that fail.

// A fake or a reader that fails is a failed test.
#![allow(clippy::unwrap_used)]

mod actions;
mod claim_users;
mod documents;
mod fake;
mod faults;
mod filters;
mod kit;
mod namespaces;
mod volumes;
