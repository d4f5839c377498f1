//! The families of blob names.

use super::{BLOB_SETTINGS, FORMAT, INIT_MARKER, MAINTENANCE, POISON};

/// What a pack holds: the two kinds are stored apart, because listing and verifying read only the second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PackKind {
    /// Contents without prefix letter: file data. Names begin with `p`.
    Data,
    /// Contents with a prefix letter: directories, manifests. Names begin with `q`.
    Meta,
}

impl PackKind {
    /// The kind of pack a content with this prefix letter belongs into.
    pub fn of(prefix: Option<u8>) -> Self {
        if prefix.is_some() { PackKind::Meta } else { PackKind::Data }
    }

    /// First letter of the names of such packs.
    pub fn letter(self) -> char {
        match self {
            PackKind::Data => 'p',
            PackKind::Meta => 'q',
        }
    }
}

/// The family of a blob, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Family {
    /// A pack of contents.
    Pack(PackKind),
    /// An index blob written in an epoch.
    Uncompacted(u64),
    /// An index blob that replaces those of one epoch.
    Single(u64),
    /// An index blob that replaces those of a range of epochs, both ends included.
    Range(u64, u64),
    /// The marker of an epoch's start.
    EpochMarker(u64),
    /// The deletion watermark, in Unix seconds.
    Watermark(i64),
    /// An index blob of a repository without epochs.
    Index,
    /// The log of a compaction in a repository without epochs.
    CompactionLog,
    /// The log of a clean-up in a repository without epochs.
    CleanupLog,
    /// Stops readers that know no epochs; holds nothing.
    Poison,
    /// A marker of a writing session.
    Session,
    /// A diagnostic log.
    Log,
    /// The format blob.
    Format,
    /// A copy of the format blob, made when an upgrade began.
    FormatBackup,
    /// Settings of object lock.
    BlobSettings,
    /// The maintenance schedule.
    Maintenance,
    /// Velero's marker of an initialised repository.
    InitMarker,
    /// None of Kopia's or Velero's.
    Unknown,
}

impl Family {
    /// The family of a name.
    pub(super) fn of(name: &str) -> Self {
        match name {
            FORMAT => return Family::Format,
            BLOB_SETTINGS => return Family::BlobSettings,
            MAINTENANCE => return Family::Maintenance,
            INIT_MARKER => return Family::InitMarker,
            POISON => return Family::Poison,
            _ => {}
        }
        if name.starts_with("kopia.repository.backup.") {
            return Family::FormatBackup;
        }
        if name.starts_with("_log_") {
            return Family::Log;
        }
        match name.as_bytes().first() {
            Some(b'p') => Family::Pack(PackKind::Data),
            Some(b'q') => Family::Pack(PackKind::Meta),
            Some(b'n') => Family::Index,
            Some(b'm') => Family::CompactionLog,
            Some(b'l') => Family::CleanupLog,
            Some(b's') => Family::Session,
            Some(b'x') => of_epochs(name).unwrap_or(Family::Unknown),
            _ => Family::Unknown,
        }
    }
}

fn of_epochs(name: &str) -> Option<Family> {
    match name.as_bytes().get(1)? {
        b'n' => epoch_number(name).map(Family::Uncompacted),
        b's' => epoch_number(name).map(Family::Single),
        b'r' => epoch_range(name).map(|(first, last)| Family::Range(first, last)),
        b'e' => epoch_number(name).map(Family::EpochMarker),
        b'w' => name.get(2..)?.parse().ok().map(Family::Watermark),
        _ => None,
    }
}

/// The epoch a name speaks of: what follows the leading non-digits of the part before the first underscore.
pub fn epoch_number(name: &str) -> Option<u64> {
    let head = name.split('_').next()?;
    number(head.trim_start_matches(|c: char| !c.is_ascii_digit()))
}

/// The epochs a range name speaks of: first and last, both included.
pub fn epoch_range(name: &str) -> Option<(u64, u64)> {
    let mut parts = name.split('_');
    let first = epoch_number(parts.next()?)?;
    let last = number(parts.next()?)?;
    parts.next()?;
    (first <= last).then_some((first, last))
}

fn number(digits: &str) -> Option<u64> {
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    digits.parse::<u32>().ok().map(u64::from)
}
