//! Whether every content has its place: the pack is there, and long enough.

use super::progress::count;
use super::report::{DamageKind, WarningKind};
use super::run::Run;
use crate::repository::blob::BlobInfo;
use crate::repository::name::Family;

impl Run {
    /// Compares the index with the listing.
    pub(super) fn check_placement(&self, listing: &[BlobInfo]) {
        let mut lengths: Vec<Option<u64>> = vec![None; self.packs.len()];
        for blob in listing.iter().filter(|blob| matches!(blob.id.family(), Family::Pack(_))) {
            match self.packs.find(blob.id.as_str()).and_then(|pack| lengths.get_mut(pack)) {
                Some(length) => *length = Some(blob.length),
                None => self.findings().warn(
                    WarningKind::UnusedPack,
                    blob.id.as_str(),
                    format!("no index names it; {} bytes", blob.length),
                ),
            }
        }
        let mut missing = vec![0u64; lengths.len()];
        let mut beyond = vec![0u64; lengths.len()];
        let mut contents = 0;
        for (ordinal, row) in self.view.rows() {
            contents += 1;
            let Some(pack) = self.packs.of_content(ordinal) else { continue };
            let end = u64::from(row.offset) + u64::from(row.packed_length);
            let lost = match lengths.get(pack).copied().flatten() {
                None => missing.get_mut(pack),
                Some(length) if end > length => beyond.get_mut(pack),
                Some(_) => continue,
            };
            lost.into_iter().for_each(|count| *count += 1);
            self.bad.set(ordinal);
        }
        count(&self.progress().contents, contents);
        count(&self.progress().packs, self.packs.len() as u64);
        let lost = missing.into_iter().map(|count| (DamageKind::Missing, count)).enumerate();
        let short = beyond.into_iter().map(|count| (DamageKind::Truncated, count)).enumerate();
        for (pack, (kind, count)) in lost.chain(short).filter(|(_, (_, count))| *count > 0) {
            let reason = match (kind, lengths.get(pack).copied().flatten()) {
                (DamageKind::Truncated, Some(length)) => format!("it ends after {length} bytes"),
                _ => "the store does not list it".to_owned(),
            };
            self.findings().damage(&self.pack_name(pack), kind, reason, count);
        }
    }
}
