//! The restore driver against an offline cluster and a store in memory: vectors of spec 9.8 to 9.10, plans that go
//! stale, requests that are lost, runs that are cut short.

#![allow(clippy::unwrap_used, reason = "a test that can not be set up should end there")]

#[path = "restore/archive.rs"]
mod archive;
#[path = "restore/existing.rs"]
mod existing;
#[path = "restore/faults.rs"]
mod faults;
#[path = "restore/filters.rs"]
mod filters;
#[path = "restore/objects.rs"]
mod objects;
#[path = "restore/plans.rs"]
mod plans;
#[path = "restore/recorder.rs"]
mod recorder;
#[path = "restore/scene.rs"]
mod scene;
#[path = "restore/versions.rs"]
mod versions;
#[path = "restore/volumes.rs"]
mod volumes;
