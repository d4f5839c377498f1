//! Velero's bucket layout and Kopia's repository format on any object store.
//!
//! Comes in: bytes and names. Goes out: bytes and names. What the documents mean is nobody's business here.
//! A backup becomes visible with its last object, `velero-backup.json`, and not before every other object has been
//! read back and hashed.

mod backups;
mod contents;
mod digests;
pub mod error;
#[cfg(any(test, feature = "testing"))]
pub mod fault;
pub mod layout;
mod objects;
pub mod repository;
mod restores;
pub mod store;
mod writer;

pub use backups::Leftover;
pub use digests::{Digest, Digests};
pub use error::{Error, ErrorKind, Result};
pub use layout::{BackupName, Document, RestoreDocument, RestoreName};
pub use store::{BackupStore, Store, StoreOptions};

#[cfg(test)]
mod tests;
