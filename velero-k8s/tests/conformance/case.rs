//! The grammar of a case.
//!
//! A file maps names to lists of steps. `$ns` is the case's own namespace, `$id` a few letters of its own; a step may
//! `save` parts of its answer under names, which later steps use as `$name`.

use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A behaviour, shown in steps.
#[derive(Debug)]
pub struct Case {
    /// The behaviour as a sentence.
    pub name: String,
    /// The steps as written, with `$ns` and `$id`.
    steps: Value,
}

impl Case {
    /// The cases of a file.
    pub fn read(file: &str, text: &str) -> Result<Vec<Case>, String> {
        let cases: BTreeMap<String, Value> = serde_saphyr::from_str(text).map_err(|e| e.to_string())?;
        let case = |(name, steps)| Case { name: format!("{file}: {name}"), steps };
        let cases: Vec<_> = cases.into_iter().map(case).collect();
        cases.iter().try_for_each(|case| case.steps("a", "b").map(drop))?;
        Ok(cases)
    }

    /// The steps for a run in `namespace`.
    pub fn steps(&self, namespace: &str, id: &str) -> Result<Vec<Step>, String> {
        let text = self.steps.to_string().replace("$ns", namespace).replace("$id", id);
        serde_json::from_str(&text).map_err(|e| format!("{}: {e}", self.name))
    }
}

/// One call and what must come of it.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Step {
    /// `create`, `get`, `list`, `patch`, `patchStatus`, `updateStatus`, `delete` or `discover`.
    #[serde(rename = "do")]
    pub verb: String,
    /// The resource, such as `deployments.apps`.
    #[serde(rename = "in")]
    pub resource: String,
    /// The version, if not the preferred one.
    pub version: Option<String>,
    /// The namespace, if not the case's own.
    pub namespace: Option<String>,
    /// The object's name.
    #[serde(default)]
    pub name: String,
    /// The object or patch that is sent.
    #[serde(default)]
    pub send: Value,
    /// The label selector of a list.
    pub selector: Option<String>,
    /// Whether a list asks for metadata alone.
    #[serde(default)]
    pub metadata_only: bool,
    /// Repeats the step until it holds: a real server's controllers take a moment.
    #[serde(default)]
    pub until: bool,
    /// Fields of the answer, by part; `*` stands for any value.
    #[serde(default)]
    pub has: Value,
    /// Pointers to fields that the answer must not have.
    #[serde(default)]
    pub lacks: Vec<String>,
    /// The names that a list must show, in any order.
    pub names: Option<Vec<String>>,
    /// Whether there is nothing: `get` finds no object, `delete` nothing to delete.
    #[serde(default)]
    pub none: bool,
    /// The error that must come.
    pub error: Option<Refusal>,
    /// Parts of the answer to keep, as pointers.
    #[serde(default)]
    pub save: BTreeMap<String, String>,
}

/// An expected error.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Refusal {
    /// HTTP status.
    pub code: u16,
    /// The reason.
    pub reason: Option<String>,
    /// The whole message.
    pub message: Option<String>,
    /// Parts of the message.
    #[serde(default)]
    pub says: Vec<String>,
    /// All causes, in any order.
    pub causes: Option<Vec<String>>,
}
