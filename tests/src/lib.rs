//! Test kit: what the tests and benchmark programs of several crates share.
//!
//! [`server`] is an HTTP server whose answers a test scripts, [`stand_in`] an API server that exists only as far as a
//! listing and creating client can tell, [`api`] serves an offline cluster and misbehaves once, [`proxy`] stands before a
//! real API server and notes every write. [`application`] is what the drivers' tests back up and restore, [`turns`] lets
//! each of its operations go wrong in turn. [`fuzz`] feeds mutated input to everything that reads foreign bytes.

pub mod api;
pub mod application;
pub mod fuzz;
pub mod proxy;
pub mod server;
pub mod stand_in;
pub mod turns;
