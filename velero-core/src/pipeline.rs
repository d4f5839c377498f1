//! What happens to objects between the cluster and the archive, as pure state machines.

pub mod backup;
pub mod item_set;
pub mod restore;

mod hooks;
mod volumes;
