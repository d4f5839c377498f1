//! A pair of lists: what is in and what is out.

use super::Decision;
use crate::glob::GlobSet;
use crate::problem::{Problem, Stage};
use crate::table::ResourceTable;

/// Includes and excludes, both globs. Excludes win; empty includes mean all (spec 3.4).
#[derive(Clone, Debug, Default)]
pub struct IncludeExclude {
    /// Patterns of what is in; empty means all.
    pub includes: GlobSet,
    /// Patterns of what is out.
    pub excludes: GlobSet,
}

impl IncludeExclude {
    /// The lists as written.
    pub fn new(includes: &[String], excludes: &[String]) -> Self {
        IncludeExclude { includes: GlobSet::new(includes), excludes: GlobSet::new(excludes) }
    }

    /// Lists of resources: names that `table` resolves stand for the resource, others stay globs over `plural.group`. A bare
    /// `*` in the excludes and empty names are ignored, as in Velero.
    pub fn resources(includes: &[String], excludes: &[String], table: &ResourceTable) -> Self {
        let resolve = |name: &String| table.resolve_name(name).map_or_else(|| name.clone(), |r| r.to_string());
        let given = |name: &&String| !name.is_empty();
        IncludeExclude {
            includes: GlobSet::new(includes.iter().filter(given).map(resolve)),
            excludes: GlobSet::new(excludes.iter().filter(|name| given(name) && *name != "*").map(resolve)),
        }
    }

    /// Whether `name` is in.
    pub fn admits(&self, name: &str) -> bool {
        !self.excludes.matches(name) && self.lists(name)
    }

    /// Whether `name` passes the includes alone.
    pub fn lists(&self, name: &str) -> bool {
        self.includes.is_empty() || self.includes.contains("*") || self.includes.matches(name)
    }

    /// Whether nothing is left out, whatever its name.
    pub fn admits_everything(&self) -> bool {
        let all = self.includes.is_empty() || (self.includes.len() == 1 && self.includes.contains("*"));
        self.excludes.is_empty() && all
    }

    /// The decision on `name`, told with `subject` (such as `resource pods`) and the names of both lists.
    pub(super) fn judge(&self, name: &str, subject: &str, lists: [&str; 2]) -> Decision {
        let [includes, excludes] = lists;
        if let Some(pattern) = self.excludes.find(name) {
            Decision::Exclude(format!("{subject} matches {pattern:?} of {excludes}"))
        } else if !self.lists(name) {
            Decision::Exclude(format!("{subject} is not in {includes}"))
        } else {
            Decision::Include(format!("{subject} passes {includes}"))
        }
    }
}

/// What is odd about a list of resources: names that no resource has, malformed patterns. They are worth a warning each,
/// because they silently select nothing.
pub(super) fn resource_list_problems(list: &str, names: &[String], table: &ResourceTable) -> Vec<Problem> {
    let set = GlobSet::new(names);
    let malformed = set.malformed().map(|pattern| {
        let message =
            format!("{list}: pattern {pattern:?} is malformed; it and the patterns sorted behind it match nothing");
        Problem::warning(Stage::Selection, "MalformedPattern", message)
    });
    let unknown = names.iter().filter(|name| !name.contains(['*', '?', '[', '{']) && table.resolve(name).is_none());
    let unknown = unknown.map(|name| {
        let message = format!("{list}: the cluster serves no resource called {name:?}");
        Problem::warning(Stage::Selection, "UnknownResource", message)
    });
    unknown.chain(malformed).chain(ambiguous(list, names, table)).collect()
}

/// Names that several API groups serve: the first is taken, the others are not.
pub(super) fn ambiguous(list: &str, names: &[String], table: &ResourceTable) -> Vec<Problem> {
    let warning = |name: &String| {
        let others: Vec<String> = table.also_meant(name).iter().map(ToString::to_string).collect();
        let meant = table.resolve_name(name).filter(|_| !others.is_empty())?;
        let message =
            format!("{list}: {name:?} means {meant} here; {} must be named with its group", others.join(" or "));
        Some(Problem::warning(Stage::Selection, "AmbiguousResource", message))
    };
    names.iter().filter_map(warning).collect()
}
