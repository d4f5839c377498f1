//! Resource policies: which volumes are skipped, snapshotted or copied, and which resources are in or out (spec 4.8).
//!
//! Comes in: the YAML text of a policies document. Goes out: the action for a volume, and lists for the resource filter.
//! Refused, with every fault at once: unknown fields and condition keys, versions other than `v1`, malformed or backward
//! capacities, unknown actions, volume types and phases (Velero takes the latter two and never matches them: a volume would
//! silently stay out of the backup), and filters that Velero refuses.

mod document;
mod filters;
mod quantity;
mod volume;

pub use document::{Action, ActionType, Capacity, Conditions, Csi, IncludeExcludePolicy, Nfs, VolumePolicy};
pub use filters::{KindFilter, NamespacedFilters};
pub use quantity::Quantity;
pub use volume::VolumeFacts;

use crate::error::{Error, Result};

/// Parsed and checked resource policies.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourcePolicies {
    /// Policies for volumes; the first that matches wins.
    pub volume_policies: Vec<VolumePolicy>,
    /// Lists for the scoped resource filter.
    pub include_exclude_policy: Option<IncludeExcludePolicy>,
    /// Filters for cluster-scoped objects; kinds without one follow the request.
    pub cluster_filters: Option<Vec<KindFilter>>,
    /// Filters for the objects of some namespaces; other namespaces follow the request.
    pub namespaced_filters: Vec<NamespacedFilters>,
}

impl ResourcePolicies {
    /// Reads the YAML text of a policies document; unknown fields are faults.
    pub fn parse(text: &str) -> Result<Self> {
        document::read(text).map_err(|faults| Error::Invalid { what: "resource policies".to_owned(), faults })
    }

    /// The action of the first policy whose conditions all hold for `volume`.
    pub fn match_volume(&self, volume: &VolumeFacts) -> Option<&Action> {
        self.volume_policies.iter().find(|policy| policy.conditions.hold_for(volume)).map(|policy| &policy.action)
    }
}
