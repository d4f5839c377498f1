//! Names of blobs: what each family is called, and what a name tells.
//!
//! Comes in: names from a listing, or the parts of a name to be made. Goes out: [`BlobId`]s and what they say. A name
//! that could not be a key of every store (empty, with a slash or a control character, longer than 255 bytes) is refused;
//! a name of no known family is [`Family::Unknown`] and left alone. Numbers above four thousand million are not taken
//! for epochs: no honest repository reaches them, and arithmetic on them could overflow.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;

use crate::{Error, Result};

mod family;
mod sharding;
#[cfg(test)]
mod tests;

pub use family::{Family, PackKind, epoch_number, epoch_range};
pub use sharding::{SHARD_ROWS, shard_count, shard_of};

/// Name of the format blob.
pub const FORMAT: &str = "kopia.repository";
/// Name of the blob with the object-lock settings.
pub const BLOB_SETTINGS: &str = "kopia.blobcfg";
/// Name of the maintenance schedule.
pub const MAINTENANCE: &str = "kopia.maintenance";
/// Name of the marker that Velero leaves when it has initialised a repository.
pub const INIT_MARKER: &str = "udmrepo.Repository";
/// Body of an epoch marker; only its name is ever read.
pub const EPOCH_MARKER_BODY: &[u8] = b"epoch-marker";
/// Body of a watermark; only its name is ever read.
pub const WATERMARK_BODY: &[u8] = b"deletion-watermark";
/// Left by an upgrade from a repository without epochs, so that older readers stop. Not an index.
pub(crate) const POISON: &str =
    "n00000000000000000000000000000000-repository_unreadable_by_this_kopia_version_upgrade_required";

const LONGEST: usize = 255;

/// The name of a blob: not empty, at most 255 bytes, without slashes and control characters. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlobId(Arc<str>);

/// The name of a pack.
pub type PackName = BlobId;

impl BlobId {
    /// Checks a name.
    ///
    /// # Errors
    /// If it is empty, longer than 255 bytes, or holds a slash or a control character.
    pub fn new(text: impl Into<Arc<str>>) -> Result<Self> {
        let text = text.into();
        match Self::fault(&text) {
            Some(reason) => Err(Error::invalid(format!("blob name {:?}", shortened(&text)), reason)),
            None => Ok(BlobId(text)),
        }
    }

    fn fault(text: &str) -> Option<&'static str> {
        if text.is_empty() {
            Some("it is empty")
        } else if text.len() > LONGEST {
            Some("it is longer than 255 bytes")
        } else if text.contains('/') {
            Some("it contains a slash")
        } else if text.chars().any(char::is_control) {
            Some("it contains a control character")
        } else {
            None
        }
    }

    /// Whether `text` would be accepted by [`BlobId::new`].
    pub(crate) fn is_valid(text: &str) -> bool {
        Self::fault(text).is_none()
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The family the name belongs to.
    pub fn family(&self) -> Family {
        Family::of(&self.0)
    }

    /// The session that wrote the blob: the first part after the first dash-separated one that begins with `s`.
    pub fn session(&self) -> Option<&str> {
        self.0.split('-').skip(1).find(|part| part.starts_with('s'))
    }

    /// The set an index blob belongs to, and how many members that set has when it is complete. None for a blob that is
    /// a set by itself.
    pub fn set(&self) -> Option<(&str, usize)> {
        let mut parts = self.0.split('-').skip(1);
        let session = parts.next().filter(|part| part.starts_with('s'))?;
        let count = parts.next()?.strip_prefix('c')?.parse().ok()?;
        Some((session, count))
    }

    /// The initialisation vector of a sealed blob: the 16 bytes that the last 32 digits before the first dash spell.
    pub fn iv(&self) -> Option<[u8; 16]> {
        let head = self.0.split('-').next()?.as_bytes();
        let digits = head.get(head.len().checked_sub(32)?..)?;
        let mut iv = [0; 16];
        for (byte, pair) in iv.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex_byte(pair)?;
        }
        Some(iv)
    }

    /// A name of parts that are known to be fit: letters, digits, dots, dashes and underscores, shorter than 255 bytes.
    fn made(text: String) -> Self {
        debug_assert!(Self::is_valid(&text), "{text}");
        BlobId(text.into())
    }

    /// The name of a new pack: `random` must be fresh.
    pub fn pack(kind: PackKind, random: [u8; 16], session: &SessionId) -> Self {
        Self::made(format!("{}{}-{session}", kind.letter(), hex(&random)))
    }

    /// The name of a sealed blob over a payload with this hash. `suffix` follows after a dash unless it is empty.
    ///
    /// # Errors
    /// If prefix and suffix do not make a valid name.
    pub fn sealed(prefix: &str, hash: &[u8], suffix: &str) -> Result<Self> {
        let dash = if suffix.is_empty() { "" } else { "-" };
        Self::new(format!("{prefix}{}{dash}{suffix}", hex(hash)))
    }

    /// The marker that says: this epoch has started. Epoch 0 has none.
    pub fn epoch_marker(epoch: u64) -> Self {
        Self::made(format!("xe{epoch}"))
    }

    /// The deletion watermark, in Unix seconds.
    pub fn watermark(seconds: i64) -> Self {
        Self::made(format!("xw{seconds}"))
    }
}

/// Prefix of index blobs written in an epoch.
pub fn uncompacted_prefix(epoch: u64) -> String {
    format!("xn{epoch}_")
}

/// Prefix of the index blobs that replace those of one epoch.
pub fn single_prefix(epoch: u64) -> String {
    format!("xs{epoch}_")
}

/// Prefix of the index blobs that replace those of all epochs from `first` to `last`, both included.
pub fn range_prefix(first: u64, last: u64) -> String {
    format!("xr{first}_{last}_")
}

/// Suffix of the members of a set of index blobs.
pub fn set_suffix(session: &SessionId, members: usize) -> String {
    format!("{session}-c{members}")
}

impl fmt::Display for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for BlobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for BlobId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl AsRef<str> for BlobId {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

/// One writing session; every pack and index blob it writes carries its name, so that nobody collects them meanwhile.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SessionId(Arc<str>);

impl SessionId {
    /// A new session: `random` must be fresh; the time tells collectors roughly how old the session is.
    pub fn new(random: [u8; 8], now: Timestamp) -> Self {
        SessionId(format!("s{}{:x}", hex(&random), months(now)).into())
    }

    /// The mark of one compaction: `random` must be fresh.
    pub fn of_compaction(random: [u8; 8]) -> Self {
        SessionId(format!("s{}", hex(&random)).into())
    }

    /// The session as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Periods of 30 days since the start of the year 2000; 0 before.
fn months(now: Timestamp) -> u64 {
    const START: i64 = 946_684_800;
    const PERIOD: i64 = 30 * 24 * 3600;
    u64::try_from((now.as_second() - START).div_euclid(PERIOD)).unwrap_or(0)
}

/// Lower-case hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// The byte that two hexadecimal digits of either case spell.
pub(crate) fn hex_byte(pair: &[u8]) -> Option<u8> {
    let [high, low] = pair else { return None };
    let (high, low) = (DIGITS[usize::from(*high)], DIGITS[usize::from(*low)]);
    ((high | low) < 16).then_some(high << 4 | low & 15)
}

/// What hexadecimal digits are worth, 255 for everything else. A directory has millions of digits in no order, of which
/// a processor guesses none.
const DIGITS: [u8; 256] = {
    let mut digits = [255; 256];
    let mut value = 0;
    while value < 16 {
        digits[b"0123456789abcdef"[value as usize] as usize] = value;
        digits[b"0123456789ABCDEF"[value as usize] as usize] = value;
        value += 1;
    }
    digits
};

/// What an error message shows of a name that may be anything.
fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
