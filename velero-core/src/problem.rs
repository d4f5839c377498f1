//! Problems are data: everything skipped, changed or failed is a typed value, and phases, counts, result
//! documents and exit codes are computed from the list of them.

use crate::resource::ItemId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// How much a problem weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Worth knowing; the phase stays Completed.
    Warning,
    /// Something is missing or wrong; the phase becomes PartiallyFailed.
    Error,
}

/// Where in the flow a problem arose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Stage {
    /// Asking the cluster what it serves.
    Discovery,
    /// Listing or getting objects.
    Collect,
    /// Deciding what is in.
    Selection,
    /// Running an item action.
    Action,
    /// Running a hook.
    Hook,
    /// The data of a volume.
    Volume,
    /// Applying a resource modifier.
    Modifier,
    /// Reading or writing the archive.
    Archive,
    /// Reading or writing the object store.
    Store,
    /// Writing an object into the cluster.
    Apply,
    /// Waiting for the cluster.
    Wait,
    /// Restoring a status.
    Status,
}

/// One thing that was skipped, changed or failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// Warning or error.
    pub severity: Severity,
    /// Where it arose.
    pub stage: Stage,
    /// The object concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub item: Option<ItemId>,
    /// The namespace it is reported under, if it is not the object's own (a restore reports under the target).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// A stable word for programs, such as `NotFound` or `VolumeDataLeftOut`.
    pub reason: String,
    /// A sentence for people that names the object.
    pub message: String,
}

impl Problem {
    /// An error without an object.
    pub fn error(stage: Stage, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Problem {
            severity: Severity::Error,
            stage,
            item: None,
            namespace: None,
            reason: reason.into(),
            message: message.into(),
        }
    }

    /// A warning without an object.
    pub fn warning(stage: Stage, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Problem { severity: Severity::Warning, ..Problem::error(stage, reason, message) }
    }

    /// The same problem about `item`.
    pub fn about(mut self, item: ItemId) -> Self {
        self.item = Some(item);
        self
    }

    /// The same problem reported under `namespace` (empty: cluster).
    pub fn under(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = Some(namespace.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.item {
            Some(item) => write!(f, "{item}: {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

/// Velero's result list: messages by the place they belong to (spec 1.7).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultList {
    /// About the run itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub velero: Vec<String>,
    /// About cluster-scoped objects.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster: Vec<String>,
    /// About objects of a namespace.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub namespaces: BTreeMap<String, Vec<String>>,
}

impl ResultList {
    /// How many messages it holds.
    pub fn count(&self) -> usize {
        self.velero.len() + self.cluster.len() + self.namespaces.values().map(Vec::len).sum::<usize>()
    }

    fn add(&mut self, problem: &Problem) {
        let text = problem.to_string();
        let place = problem.namespace.as_ref().or(problem.item.as_ref().map(|item| &item.namespace));
        match place {
            None => self.velero.push(text),
            Some(namespace) if namespace.is_empty() => self.cluster.push(text),
            Some(namespace) => self.namespaces.entry(namespace.clone()).or_default().push(text),
        }
    }
}

/// Velero's results document: `{"warnings":…,"errors":…}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Results {
    /// Problems that leave the phase Completed.
    #[serde(default)]
    pub warnings: ResultList,
    /// Problems that make the phase PartiallyFailed.
    #[serde(default)]
    pub errors: ResultList,
}

impl Results {
    /// Sorts `problems` into Velero's document.
    pub fn from_problems<'a>(problems: impl IntoIterator<Item = &'a Problem>) -> Self {
        let mut results = Results::default();
        for problem in problems {
            match problem.severity {
                Severity::Warning => results.warnings.add(problem),
                Severity::Error => results.errors.add(problem),
            }
        }
        results
    }
}

/// How a run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Outcome {
    /// No errors.
    Completed,
    /// At least one object has an error; the rest is there.
    PartiallyFailed,
    /// Nothing usable came of it.
    Failed,
}

impl Outcome {
    /// The outcome of a run that reached its end with `problems`.
    pub fn of(problems: &[Problem]) -> Self {
        if problems.iter().any(|p| p.severity == Severity::Error) {
            Outcome::PartiallyFailed
        } else {
            Outcome::Completed
        }
    }

    /// The exit code of the command: 0, 2 or 1.
    pub fn exit_code(self) -> u8 {
        match self {
            Outcome::Completed => 0,
            Outcome::PartiallyFailed => 2,
            Outcome::Failed => 1,
        }
    }
}
