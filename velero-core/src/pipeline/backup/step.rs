//! What goes out of a backup's pipeline.

use crate::api::BackupVolumeInfo;
use crate::pipeline::item_set::ItemSet;
use crate::problem::Problem;
use crate::resource::{ItemId, Resource};
use crate::selection::Reached;
use bytes::Bytes;
use std::sync::Arc;

/// One object to put into the archive.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its place: the resource under which it was listed, namespace and name as the actions left them.
    pub id: ItemId,
    /// Version under which it was listed.
    pub version: String,
    /// Whether that is the preferred version of the resource.
    pub preferred: bool,
    /// The whole object.
    pub body: Bytes,
}

/// What became of an offered object.
#[derive(Clone, Debug)]
pub enum Fate {
    /// It is in; the text says by which rule.
    Written(Box<Entry>, String),
    /// It came before.
    Seen,
    /// It is out; the text says by which rule or action.
    LeftOut(String),
    /// It can not be saved; the problems say why.
    Failed,
}

/// What became of an offered object, and what is to report.
#[derive(Clone, Debug)]
pub struct Step {
    /// Where it went.
    pub fate: Fate,
    /// Warnings and errors.
    pub problems: Vec<Problem>,
}

/// A related object that did not arrive by itself.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its resource.
    pub resource: Arc<Resource>,
    /// Namespace, empty for cluster-scoped objects.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// How to offer it.
    pub reached: Reached,
}

/// What a pipeline leaves behind.
pub struct Finished {
    /// Every object written.
    pub written: ItemSet,
    /// The volume-info document.
    pub volumes: Vec<BackupVolumeInfo>,
    /// Problems that could be told only now.
    pub problems: Vec<Problem>,
}
