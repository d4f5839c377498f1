//! What is in a backup or restore, and why: the only gate for every object, listed or related.
//!
//! Comes in: a spec, the table of resources, the namespaces of the source. Goes out: a [`Decision`] for any object, with
//! its reason, and the [`crate::Problem`]s of the request itself: names that mean nothing, patterns that match nothing.
//! Refused: specs that Velero's controller refuses, with every fault at once. Both filters of Velero 1.18 are here, the old
//! one and the scoped one (spec 3), and the fine-grained filters of resource policies.

mod backup;
mod filter;
mod fine;
mod namespaces;
mod normalise;
mod resources;
mod restore;
mod validate;

pub use backup::BackupSelection;
pub use filter::IncludeExclude;
pub use namespaces::NamespaceTracker;
pub use restore::RestoreSelection;
pub(crate) use validate::namespace_name;

use std::collections::BTreeMap;
use std::fmt;

/// What selection knows of a namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamespaceFacts {
    /// Name.
    pub name: String,
    /// Labels.
    pub labels: BTreeMap<String, String>,
    /// Whether its phase is `Active`.
    pub active: bool,
}

/// How an object came to be considered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reached {
    /// By listing its resource.
    Listed,
    /// As an additional item of another object.
    Related,
    /// As an additional item that is taken whatever the filters say.
    MustInclude,
}

/// Whether an object is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// In; the text says by which rule.
    Include(String),
    /// Out; the text says by which rule.
    Exclude(String),
}

impl Decision {
    /// Whether the object is in.
    pub fn is_included(&self) -> bool {
        matches!(self, Decision::Include(_))
    }

    /// The rule.
    pub fn reason(&self) -> &str {
        match self {
            Decision::Include(reason) | Decision::Exclude(reason) => reason,
        }
    }

    /// This decision if it is against, else the next one.
    fn and_then(self, next: impl FnOnce(&str) -> Decision) -> Decision {
        match self {
            Decision::Include(reason) => next(&reason),
            Decision::Exclude(_) => self,
        }
    }
}

impl fmt::Display for Decision {
    /// `in: …` or `excluded: …`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Decision::Include(reason) => write!(f, "in: {reason}"),
            Decision::Exclude(reason) => write!(f, "excluded: {reason}"),
        }
    }
}
