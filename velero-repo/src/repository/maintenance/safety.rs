//! Table: the times that keep maintenance and writers apart.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// How careful maintenance is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Safety {
    /// Safe whatever others do meanwhile, as Kopia's default.
    #[default]
    Full,
    /// Nothing is waited for. Loses data if anybody else reads or writes the repository at the same time.
    None,
}

/// The times, by Kopia's names.
#[derive(Clone, Copy, Debug)]
pub(super) struct Margins {
    /// Younger contents are not marked as deleted.
    pub min_content_age: SignedDuration,
    /// Younger contents are not moved.
    pub rewrite_min_age: SignedDuration,
    /// Packs are not deleted within this time after contents were moved.
    pub after_rewrite: SignedDuration,
    /// Younger packs are not deleted.
    pub pack_min_age: SignedDuration,
    /// Index blobs that were merged are not deleted within this time.
    pub merged_age: SignedDuration,
    /// Sessions that have said nothing for so long are over.
    pub session_age: SignedDuration,
}

impl Safety {
    pub(super) fn margins(self) -> Margins {
        let hours = |hours| match self {
            Safety::Full => SignedDuration::from_hours(hours),
            Safety::None => SignedDuration::ZERO,
        };
        Margins {
            min_content_age: hours(24),
            rewrite_min_age: hours(2),
            after_rewrite: hours(1),
            pack_min_age: hours(24),
            merged_age: hours(1),
            session_age: hours(96),
        }
    }
}
