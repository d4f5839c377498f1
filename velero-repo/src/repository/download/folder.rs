//! A directory that is being restored: where it is, and how much below it is not complete.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::repository::tree::Attributes;

/// A directory that is being restored. Counts itself, while it is walked, and every entry that is not complete.
#[derive(Debug)]
pub(super) struct Folder {
    parent: Option<Arc<Folder>>,
    name: Box<[u8]>,
    pub(super) attributes: Attributes,
    open: AtomicUsize,
}

impl Folder {
    /// The root, whose name is empty.
    pub(super) fn root(attributes: Attributes) -> Arc<Folder> {
        Arc::new(Folder { parent: None, name: Box::default(), attributes, open: AtomicUsize::new(1) })
    }

    /// A directory in this one, which is not complete before it.
    pub(super) fn child(self: &Arc<Self>, name: &str, attributes: Attributes) -> Arc<Folder> {
        self.hold();
        let (parent, name) = (Some(self.clone()), name.as_bytes().into());
        Arc::new(Folder { parent, name, attributes, open: AtomicUsize::new(1) })
    }

    /// Notes an entry that is not complete.
    pub(super) fn hold(&self) {
        self.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that an entry, or the walk, is complete; `finish` is called with each directory that is complete by that.
    pub(super) fn release(self: &Arc<Self>, mut finish: impl FnMut(&Folder)) {
        let mut folder = Some(self);
        while let Some(this) = folder {
            if this.open.fetch_sub(1, Ordering::AcqRel) != 1 {
                return;
            }
            finish(this);
            folder = this.parent.as_ref();
        }
    }

    /// Its path.
    pub(super) fn path(&self) -> Vec<u8> {
        match &self.parent {
            Some(parent) => parent.path_of(&self.name),
            None => Vec::new(),
        }
    }

    /// The path of an entry in it.
    pub(super) fn path_of(&self, name: &[u8]) -> Vec<u8> {
        let mut names = vec![name];
        let mut folder = self;
        while let Some(parent) = &folder.parent {
            names.push(&folder.name);
            folder = parent;
        }
        names.reverse();
        names.join(&b'/')
    }
}
