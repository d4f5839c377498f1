//! What a restore overwrites, leaves out and tolerates.

use serde::{Deserialize, Serialize};

use crate::repository::directory::Entry;
use crate::repository::tree::Attributes;

/// What happens to entries that exist in the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Overwrite {
    /// They are errors; so is a directory that is not empty.
    Never,
    /// They stay as they are, and are counted; directories are filled up.
    Keep,
    /// Files and links are replaced by files and links; directories are filled up. Kopia's default.
    #[default]
    Files,
    /// As `Files`; besides, a file or link gives way to a directory, and an empty directory to a file or link. A
    /// directory that is not empty never gives way: only a [`DownloadPlan`](super::DownloadPlan) deletes.
    All,
}

/// Options of a restore. The default is that of Kopia: existing files are replaced, the first error ends it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DownloadOptions {
    /// What happens to entries that exist.
    pub overwrite: Overwrite,
    /// Leave out what can not be restored, name it in the report, and go on. Otherwise the first error ends the restore.
    pub ignore_errors: bool,
    /// Do not set owners.
    pub skip_owners: bool,
    /// Do not set permissions: directories are 0700, files 0600.
    pub skip_permissions: bool,
    /// Do not set times.
    pub skip_times: bool,
    /// Leave stretches of zeros unwritten, so that they occupy no space.
    pub sparse: bool,
    /// Wait until everything survives a power cut, as Velero does.
    pub sync: bool,
}

impl DownloadOptions {
    /// What is to be set on an entry.
    pub(super) fn attributes(&self, entry: &Entry) -> Attributes {
        Attributes {
            owner: (!self.skip_owners).then_some((entry.uid, entry.gid)),
            mode: (!self.skip_permissions).then(|| entry.mode.posix()),
            modified: (!self.skip_times).then(|| entry.mtime.nanos()),
        }
    }
}
