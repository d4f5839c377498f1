//! The built-in backup actions (spec 4.5), one file each.
//!
//! Comes in: an object and what was asked to be known of the cluster. Goes out: the object, changed or not, and
//! the objects that must come along for it to be restorable. None of them touches volume data: the four CSI
//! actions (`velero.io/csi-pvc-backupper`, `velero.io/csi-volumesnapshot-backupper`,
//! `velero.io/csi-volumesnapshotclass-backupper`, `velero.io/csi-volumesnapshotcontent-backupper`) get their
//! files here, and a line in [`backup_actions`], together with the code that moves volume bytes.

use super::BackupAction;

mod claim;
mod definition;
mod pod;
mod service_account;

pub use claim::ClaimAction;
pub use definition::DefinitionAction;
pub use pod::PodAction;
pub use service_account::ServiceAccountAction;

/// The built-in actions of a backup, sorted by name.
pub fn backup_actions() -> Vec<Box<dyn BackupAction>> {
    vec![Box::new(DefinitionAction), Box::new(PodAction), Box::new(ClaimAction), Box::new(ServiceAccountAction)]
}

#[cfg(test)]
mod tests;
