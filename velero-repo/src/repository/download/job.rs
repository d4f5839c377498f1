//! A file or link that is being restored.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::folder::Folder;
use crate::repository::tree::{Attributes, Kind, Metadata, SinkFile};

/// A file or link that is being restored.
pub(super) struct Job {
    pub(super) folder: Arc<Folder>,
    /// Empty: the root itself.
    pub(super) name: Box<[u8]>,
    pub(super) link: bool,
    /// Bytes that its entry counts; none if nobody knows.
    pub(super) size: Option<u64>,
    pub(super) attributes: Attributes,
    /// Pieces that have not been dealt with.
    left: AtomicU64,
    failed: AtomicBool,
    pub(super) filling: Mutex<Option<Filling>>,
}

/// A file that is being filled from several pieces.
#[derive(Clone)]
pub(super) struct Filling {
    pub(super) file: Arc<dyn SinkFile>,
    /// Where it lies meanwhile.
    pub(super) path: Vec<u8>,
    /// Its bytes when it is whole.
    pub(super) length: u64,
}

impl Job {
    /// A job whose folder waits for it.
    pub(super) fn new(
        folder: &Arc<Folder>,
        name: &[u8],
        link: bool,
        size: Option<u64>,
        attributes: Attributes,
    ) -> Arc<Job> {
        folder.hold();
        Arc::new(Job {
            folder: folder.clone(),
            name: name.into(),
            link,
            size,
            attributes,
            left: AtomicU64::new(1),
            failed: AtomicBool::new(false),
            filling: Mutex::default(),
        })
    }

    pub(super) fn path(&self) -> Vec<u8> {
        self.folder.path_of(&self.name)
    }

    /// Whether what is at its place looks like it: the same kind, and for a file the same size and time, as far as they
    /// are known.
    pub(super) fn is_like(&self, found: &Metadata) -> bool {
        match found.kind {
            Kind::Link => self.link,
            Kind::File => {
                let same_size = self.size.is_none_or(|size| size == found.size);
                !self.link && same_size && self.attributes.modified.is_none_or(|time| time == found.modified)
            }
            _ => false,
        }
    }

    /// Says of how many pieces it consists, before the first is handed out.
    pub(super) fn expect(&self, pieces: u64) {
        self.left.store(pieces, Ordering::Relaxed);
    }

    /// Notes that a piece has been dealt with; whether it was the last.
    pub(super) fn is_last_piece(&self) -> bool {
        self.left.fetch_sub(1, Ordering::AcqRel) == 1
    }

    /// Whether it is known to fail.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }

    /// Notes that it fails; whether that is new.
    pub(super) fn fail(&self) -> bool {
        !self.failed.swap(true, Ordering::Relaxed)
    }
}
