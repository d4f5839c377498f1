//! Every key of the bucket; nothing else in the project spells one (spec 1; `docs/formats.md`).

use crate::error::{Error, Result};
use std::fmt;

/// The name of a backup: one path segment, as stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BackupName(String);

/// The name of a restore: one path segment, as stored.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RestoreName(String);

macro_rules! name_type {
    ($type:ident, $what:literal) => {
        impl $type {
            /// Checks `name`: a DNS subdomain of at most 253 bytes, as Kubernetes demands of object names.
            pub fn new(name: impl Into<String>) -> Result<Self> {
                let name = name.into();
                check_name($what, &name)?;
                Ok($type(name))
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name_type!(BackupName, "backup name");
name_type!(RestoreName, "restore name");

fn check_name(what: &str, name: &str) -> Result<()> {
    let label = |part: &str| {
        let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
    };
    if name.len() <= 253 && name.split('.').all(label) {
        return Ok(());
    }
    let reason = "lower-case letters, digits, '-' and '.' only, at most 253 of them, letters or digits at both ends";
    Err(Error::Invalid { what: format!("{what} {name:?}"), reason: reason.into() })
}

/// Directory of all backups.
pub const BACKUPS: &str = "backups/";

/// Directory of the restores that Velero ran.
pub const RESTORES: &str = "restores/";

/// Velero's first-level directories. A store with any other makes Velero refuse the location (spec 1.1).
pub const FIRST_LEVEL: [&str; 6] = ["backups/", "restores/", "restic/", "kopia/", "metadata/", "plugins/"];

impl BackupName {
    /// The directory of everything that belongs to the backup, with a `/` at the end.
    pub fn directory(&self) -> String {
        format!("{BACKUPS}{self}/")
    }

    /// Where the process that writes the backup says so; gone once the backup is finished. Velero ignores the name.
    pub(crate) fn claim(&self) -> String {
        format!("{}{self}-writer.json", self.directory())
    }

    /// The directory of the restores of this backup that we ran. It lies inside the backup's own, so that a deletion
    /// of the backup by Velero removes them too (D2).
    pub fn restores(&self) -> String {
        format!("{BACKUPS}{self}/restores/")
    }
}

impl RestoreName {
    /// Where Velero keeps the documents of this restore.
    pub fn velero_directory(&self) -> String {
        format!("{RESTORES}{self}/")
    }

    /// Where we keep them.
    pub fn directory(&self, backup: &BackupName) -> String {
        format!("{}{self}/", backup.restores())
    }
}

/// One object of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Document {
    /// `velero-backup.json`: the Backup document; its presence makes the backup exist.
    Backup,
    /// `<b>.tar.gz`: the objects.
    Contents,
    /// `<b>-logs.gz`.
    Log,
    /// `<b>-podvolumebackups.json.gz`.
    PodVolumeBackups,
    /// `<b>-volumesnapshots.json.gz`.
    VolumeSnapshots,
    /// `<b>-itemoperations.json.gz`.
    ItemOperations,
    /// `<b>-resource-list.json.gz`.
    ResourceList,
    /// `<b>-results.gz`.
    Results,
    /// `<b>-volumeinfo.json.gz`.
    VolumeInfo,
    /// `<b>-digests.json`: ours; size and SHA-256 of every other object. Velero ignores the name.
    Digests,
}

impl Document {
    /// Every document.
    pub const ALL: [Document; 10] = [
        Document::Backup,
        Document::Contents,
        Document::Log,
        Document::PodVolumeBackups,
        Document::VolumeSnapshots,
        Document::ItemOperations,
        Document::ResourceList,
        Document::Results,
        Document::VolumeInfo,
        Document::Digests,
    ];

    /// The file name in the backup's directory.
    pub fn file(self, backup: &BackupName) -> String {
        let suffix = match self {
            Document::Backup => return "velero-backup.json".to_owned(),
            Document::Contents => ".tar.gz",
            Document::Log => "-logs.gz",
            Document::PodVolumeBackups => "-podvolumebackups.json.gz",
            Document::VolumeSnapshots => "-volumesnapshots.json.gz",
            Document::ItemOperations => "-itemoperations.json.gz",
            Document::ResourceList => "-resource-list.json.gz",
            Document::Results => "-results.gz",
            Document::VolumeInfo => "-volumeinfo.json.gz",
            Document::Digests => "-digests.json",
        };
        format!("{backup}{suffix}")
    }

    /// The key in the store.
    pub fn key(self, backup: &BackupName) -> String {
        format!("{}{}", backup.directory(), self.file(backup))
    }

    /// Whether the object is stored compressed.
    pub fn is_gzip(self) -> bool {
        !matches!(self, Document::Backup | Document::Digests)
    }
}

/// One object of a restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RestoreDocument {
    /// `velero-restore.json`: ours; the Restore document.
    Restore,
    /// `restore-<r>-logs.gz`.
    Log,
    /// `restore-<r>-results.gz`.
    Results,
    /// `restore-<r>-resource-list.json.gz`.
    ResourceList,
}

impl RestoreDocument {
    /// The file name in the restore's directory.
    pub fn file(self, restore: &RestoreName) -> String {
        match self {
            RestoreDocument::Restore => "velero-restore.json".to_owned(),
            RestoreDocument::Log => format!("restore-{restore}-logs.gz"),
            RestoreDocument::Results => format!("restore-{restore}-results.gz"),
            RestoreDocument::ResourceList => format!("restore-{restore}-resource-list.json.gz"),
        }
    }

    /// Whether the object is stored compressed.
    pub fn is_gzip(self) -> bool {
        self != RestoreDocument::Restore
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_those_of_velero() {
        let backup = BackupName::new("web-1").unwrap();
        let keys: Vec<_> = Document::ALL.iter().map(|d| d.key(&backup)).collect();
        assert_eq!(keys[0], "backups/web-1/velero-backup.json");
        assert_eq!(keys[1], "backups/web-1/web-1.tar.gz");
        assert_eq!(keys[2], "backups/web-1/web-1-logs.gz");
        assert_eq!(keys[6], "backups/web-1/web-1-resource-list.json.gz");
        let restore = RestoreName::new("r").unwrap();
        assert_eq!(RestoreDocument::Log.file(&restore), "restore-r-logs.gz");
        assert_eq!(restore.directory(&backup), "backups/web-1/restores/r/");
    }

    #[test]
    fn names_are_single_path_segments() {
        for name in ["", ".", "..", "a/b", "A", "a_b", "-a", "a-", "a..b", "a\0b"] {
            assert!(BackupName::new(name).is_err(), "{name:?}");
        }
        for name in ["a", "daily-20260101000000", "a.b-c"] {
            assert!(BackupName::new(name).is_ok(), "{name}");
        }
    }
}
