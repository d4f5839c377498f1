//! Everything that talks to a cluster, and the two drivers that join it to `velero-core` and `velero-repo`.
//!
//! ```text
//! backup     CLUSTER > DISCOVERY > COLLECT > selection > order > pipeline(actions, HOOKS) > archive > store
//! restore    store > archive > selection > order > pipeline(actions, modifiers) > plan > APPLY > CLUSTER
//! ```
//!
//! Comes in: a [`cluster::Cluster`] (live or offline), a `velero_repo::BackupStore` and a request. Goes out: a report
//! with every problem as data. A run can be observed ([`event`]) and cancelled.

pub mod backup;
pub mod cluster;
pub mod collect;
pub mod error;
pub mod event;
pub mod live;
pub mod offline;
pub mod restore;

pub use backup::{Backup, BackupOptions, BackupReport, DryRun, Explained, Subject};
pub use cluster::Cluster;
pub use error::{Error, ErrorKind, Result};
pub use event::{Event, Observer};
pub use restore::{Restore, RestoreOptions, RestoreReport};
