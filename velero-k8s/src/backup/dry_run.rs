//! What a backup would contain, without writing it.

use super::run::Finished;
use velero_core::pipeline::item_set::ItemSet;
use velero_core::{GroupResource, ItemId, Problem, api};

/// The outcome of a dry run.
#[derive(Clone, Debug)]
pub struct DryRun {
    /// The request after normalisation.
    pub backup: api::Backup,
    /// Every object that would be written; [`ItemSet::ids`] gives them sorted.
    pub included: ItemSet,
    /// Every problem met.
    pub problems: Vec<Problem>,
}

/// What a decision was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// One object.
    Item(ItemId),
    /// All objects of a resource, which was not even listed.
    Resource(GroupResource),
}

/// One decision with its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// What was decided about.
    pub subject: Subject,
    /// Whether it is in the backup.
    pub included: bool,
    /// The rule that decided.
    pub reason: String,
}

impl std::fmt::Display for Subject {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Subject::Item(id) => id.fmt(f),
            Subject::Resource(resource) => write!(f, "all {resource}"),
        }
    }
}

pub(super) fn finish(finished: Finished, backup: api::Backup) -> DryRun {
    DryRun { backup, included: finished.written, problems: finished.problems }
}
