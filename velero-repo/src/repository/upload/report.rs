//! What an upload did, and what it could not do: nothing is left out without a count and, up to a limit, a name.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::repository::tree::Special;

/// Names kept of each sort of trouble; what comes later is only counted.
const NAMED: usize = 1000;

/// Something of an entry that Kopia's format can not carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Lost {
    /// A device, pipe or socket: it is not in the snapshot at all.
    Special(Special),
    /// Extended attributes or access control lists.
    Extended,
    /// That several names are one file: each is restored as a file of its own.
    HardLink,
    /// A time outside the years 1677 to 2262: the nearest one inside is stored.
    Time,
    /// The root's name, which is not UTF-8 and stored with replacements; a restore does not use it.
    RootName,
}

/// An entry that is not in the snapshot, or differs from what was there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trouble {
    /// Path below the root; bytes that are not UTF-8 are replaced here.
    pub path: String,
    /// What happened.
    pub reason: String,
}

/// How many, and the first thousand of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Troubles {
    /// All of them.
    pub count: u64,
    /// The first that were met.
    pub named: Vec<Trouble>,
}

impl Troubles {
    pub(in crate::repository) fn add(&mut self, path: &[u8], reason: impl Into<String>) {
        self.count += 1;
        if self.named.len() < NAMED {
            self.named.push(Trouble { path: String::from_utf8_lossy(path).into_owned(), reason: reason.into() });
        }
    }

    fn merge(&mut self, other: Troubles) {
        self.count += other.count;
        self.named.extend(other.named);
        self.named.truncate(NAMED);
    }
}

/// What an upload did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UploadReport {
    /// Directories of the snapshot, with the root.
    pub directories: u64,
    /// Files that were read.
    pub read_files: u64,
    /// Bytes of files and link targets that were read.
    pub read_bytes: u64,
    /// Files and links taken from an earlier snapshot because nothing about them had changed.
    pub cached_files: u64,
    /// Their bytes.
    pub cached_bytes: u64,
    /// Links that were read.
    pub read_links: u64,
    /// Files that rules left out.
    pub excluded_files: u64,
    /// Their bytes.
    pub excluded_bytes: u64,
    /// Directories that rules left out, with all below them.
    pub excluded_directories: u64,
    /// Entries of an earlier snapshot that had not changed, but whose contents the repository lacks: they were read
    /// anew.
    pub repaired: u64,
    /// Entries that could not be read: they are not in the snapshot.
    pub failed: Troubles,
    /// The same, where the policy lets it pass.
    pub ignored: Troubles,
    /// Files that changed while they were read: what was read is in the snapshot. Kopia stores it without a word.
    pub changed: Troubles,
    /// What the format can not carry, by sort.
    pub lost: BTreeMap<Lost, Troubles>,
}

impl UploadReport {
    pub(super) fn lose(&mut self, what: Lost, path: &[u8], reason: &str) {
        self.lost.entry(what).or_default().add(path, reason);
    }

    pub(super) fn merge(&mut self, other: UploadReport) {
        self.directories += other.directories;
        self.read_files += other.read_files;
        self.read_bytes += other.read_bytes;
        self.cached_files += other.cached_files;
        self.cached_bytes += other.cached_bytes;
        self.read_links += other.read_links;
        self.excluded_files += other.excluded_files;
        self.excluded_bytes += other.excluded_bytes;
        self.excluded_directories += other.excluded_directories;
        self.repaired += other.repaired;
        self.failed.merge(other.failed);
        self.ignored.merge(other.ignored);
        self.changed.merge(other.changed);
        for (what, troubles) in other.lost {
            self.lost.entry(what).or_default().merge(troubles);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Lost, UploadReport};

    #[test]
    fn every_loss_is_counted_and_the_first_thousand_are_named() {
        let mut report = UploadReport::default();
        (0..1500).for_each(|n| report.lose(Lost::HardLink, format!("f{n}").as_bytes(), "two names"));
        let mut sum = report.clone();
        sum.merge(report);
        assert_eq!((sum.lost[&Lost::HardLink].count, sum.lost[&Lost::HardLink].named.len()), (3000, 1000));
    }
}
