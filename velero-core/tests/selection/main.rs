//! What is selected, in which order and why: the vectors of spec 9.1 to 9.6, 9.8, 9.11 and 9.12 that concern selection.
#![allow(clippy::unwrap_used)] // a helper that fails fails its test

mod explain;
mod filters;
mod fine;
mod fixture;
mod gate;
mod namespaces;
mod order;
mod policies;
mod restore;
mod validation;
