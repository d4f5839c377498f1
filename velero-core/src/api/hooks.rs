//! Hook specifications of backups and restores (spec 5). Running them belongs to a later issue; until then a
//! hook that a request or an annotation asks for is reported as left out, never ignored.

use super::{Duration, LabelSelector, Other};
use serde::{Deserialize, Serialize};

/// Hooks of a backup or restore.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Hooks {
    /// One entry per set of resources.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<ResourceHook>,
    /// Everything else.
    #[serde(flatten)]
    pub other: Other,
}

/// Hooks for the pods that match.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ResourceHook {
    /// Name of the entry.
    pub name: String,
    /// Namespaces in which it applies; empty means all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub included_namespaces: Vec<String>,
    /// Namespaces in which it does not apply.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub excluded_namespaces: Vec<String>,
    /// Labels a pod must have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub label_selector: Option<LabelSelector>,
    /// `includedResources`, `pre`, `post`, `postHooks` and everything else, as given.
    #[serde(flatten)]
    pub other: Other,
}

/// How an exec hook runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct ExecHook {
    /// Container, the first one when empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub container: String,
    /// Command and arguments.
    pub command: Vec<String>,
    /// `Fail` or `Continue`; anything else counts as unset.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub on_error: String,
    /// How long it may run; 30 s when zero.
    #[serde(skip_serializing_if = "Duration::is_zero")]
    pub timeout: Duration,
}
