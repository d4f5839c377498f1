//! Features that a repository demands of its users.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::FORMAT_BLOB;
use super::document::is_zero;
use crate::{Error, Result};

/// The features that this engine understands; both are about index blobs.
const KNOWN: [&str; 2] = ["index-v1", "index-v2"];

/// One demanded feature.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RequiredFeature {
    /// Its name.
    #[serde(default)]
    pub feature: String,
    /// What those do who do not know it.
    #[serde(default, rename = "ifNotUnderstood")]
    pub if_not_understood: IfNotUnderstood,
    /// Fields of later versions, kept as they are.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// What a program does that does not know a demanded feature.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct IfNotUnderstood {
    /// Warn and go on, rather than refuse.
    #[serde(default)]
    pub warn: bool,
    /// For the user.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub message: String,
    /// Where to read more.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub url: String,
    /// The version that knows it.
    #[serde(default, rename = "upgradeToVersion", skip_serializing_if = "is_zero")]
    pub upgrade_to_version: String,
    /// Fields of later versions, kept as they are.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// Refuses unknown features; returns a warning for each that allows to go on.
pub(crate) fn check(features: &[RequiredFeature]) -> Result<Vec<String>> {
    let mut warnings = Vec::new();
    for one in features.iter().filter(|one| !KNOWN.contains(&one.feature.as_str())) {
        let advice = &one.if_not_understood;
        let mut reason =
            format!("the repository needs the feature {:?}, which this version does not know", one.feature);
        for (lead, text) in
            [(": ", &advice.message), (", see ", &advice.url), (", upgrade to ", &advice.upgrade_to_version)]
        {
            if !text.is_empty() {
                reason.push_str(lead);
                reason.push_str(text);
            }
        }
        if !advice.warn {
            return Err(Error::invalid(FORMAT_BLOB, reason));
        }
        warnings.push(reason);
    }
    Ok(warnings)
}
