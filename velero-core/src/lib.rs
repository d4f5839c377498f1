//! The pure half of velero: what a backup selects, in which order, what the item actions make of an
//! object, how the archive looks, and what a restore plans to write.
//!
//! In the flow of the project this crate is every box that needs no network, no clock and no environment:
//!
//! ```text
//! backup     cluster > discovery > collect > SELECTION > ORDER > PIPELINE(actions) > ARCHIVE > store
//! restore    store > ARCHIVE > SELECTION > ORDER > PIPELINE(actions, modifiers) > PLAN > apply > cluster
//! ```
//!
//! JSON goes in, decisions and bytes come out; the drivers in `velero-k8s` do all waiting.

pub mod action;
pub mod api;
pub mod archive;
pub mod error;
pub mod existing;
pub mod glob;
pub mod item;
pub mod managed_fields;
pub mod modifier;
pub mod name;
pub mod order;
pub mod pipeline;
pub mod plan;
pub mod policy;
pub mod problem;
pub mod pv;
pub mod resource;
pub mod restore_hooks;
pub mod selection;
pub mod selector;
pub mod status;
pub mod table;
pub mod version;

pub use error::{Error, ErrorKind, Result};
pub use item::Item;
pub use problem::{Problem, Results, Severity, Stage};
pub use resource::{GroupResource, ItemId, Resource, Scope};
pub use table::ResourceTable;
