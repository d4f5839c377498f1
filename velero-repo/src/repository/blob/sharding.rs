//! Where a directory keeps a blob: `.shards` and the algorithm behind it.
//!
//! Comes in: the bytes of `.shards`; names. Goes out: relative paths. Refused: shards of no length, and names that would
//! lead out of the repository.

use crate::error::{Error, Result};
use crate::repository::name::BlobId;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// File at the root that holds the parameters.
pub(super) const SHARDS_FILE: &str = ".shards";
/// What the names of all files end with.
pub(super) const SUFFIX: &str = ".f";

/// The parameters of sharding, as `.shards` holds them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shards {
    /// Lengths of the directory names, outermost first, of names that no override speaks of.
    pub default: Vec<usize>,
    /// Names up to this length lie in the root.
    #[serde(rename = "maxNonShardedLength", default)]
    pub max_non_sharded_length: usize,
    /// Other lengths, by the beginning of the name; the first that fits counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub overrides: Vec<Override>,
}

/// Shards of the names with one prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Override {
    /// What the names begin with.
    pub prefix: String,
    /// Lengths of the directory names, outermost first.
    pub shards: Vec<usize>,
}

impl Shards {
    /// What a new repository gets.
    pub fn new() -> Self {
        Shards { default: vec![1, 3], max_non_sharded_length: 20, overrides: Vec::new() }
    }

    /// What a repository without `.shards` has.
    pub fn absent() -> Self {
        Shards { default: vec![3, 3], ..Shards::new() }
    }

    /// Reads `.shards`.
    ///
    /// # Errors
    /// Corrupt: another shape, or a shard of length 0.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        let shards: Shards =
            serde_json::from_slice(bytes).map_err(|reason| Error::corrupt(SHARDS_FILE, reason.to_string()))?;
        let mut lengths = shards.overrides.iter().flat_map(|one| &one.shards).chain(&shards.default);
        match lengths.any(|length| *length == 0) {
            true => Err(Error::corrupt(SHARDS_FILE, "a shard has no length")),
            false => Ok(shards),
        }
    }

    /// The path of a blob, relative to the root.
    ///
    /// # Errors
    /// Invalid: a name of which a part would be `.` or `..`.
    pub fn path(&self, id: &BlobId) -> Result<PathBuf> {
        let name = id.as_str();
        let mut rest = name;
        let mut path = PathBuf::new();
        if name.len() > self.max_non_sharded_length {
            let special = self.overrides.iter().find(|one| name.starts_with(&one.prefix));
            for length in special.map_or(&self.default, |one| &one.shards) {
                let Some((shard, more)) = rest.split_at_checked(*length).filter(|(_, more)| !more.is_empty()) else {
                    break;
                };
                if matches!(shard, "." | "..") {
                    return Err(Error::invalid(format!("blob name {name:?}"), "it leads out of the repository"));
                }
                path.push(shard);
                rest = more;
            }
        }
        path.push(format!("{rest}{SUFFIX}"));
        Ok(path)
    }
}

impl Default for Shards {
    fn default() -> Self {
        Shards::new()
    }
}
