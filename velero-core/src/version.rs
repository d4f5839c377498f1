//! Which version of an API a restore takes, when the backup holds its objects in several (feature `EnableAPIGroupVersions`).
//!
//! Comes in: the versions that the backup holds of a resource, those that the target serves of its group, and what the user
//! prefers. Goes out: one version of the backup. In this order (spec 6.2): the user's first that both have; the one that the
//! target prefers; the one that the source preferred; the highest that both have; and where the two have nothing in common,
//! what the source preferred, as without the feature.

use crate::resource::GroupResource;
use crate::table::ResourceTable;
use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;

/// Versions of an API, and the preferred one among them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// All of them, highest first ([`Versions::new`] sorts them).
    pub all: Vec<String>,
    /// The preferred one.
    pub preferred: String,
}

impl Versions {
    /// The versions `all`, sorted.
    pub fn new(all: impl IntoIterator<Item = String>, preferred: impl Into<String>) -> Self {
        let mut all: Vec<String> = all.into_iter().collect();
        sort(&mut all);
        Versions { all, preferred: preferred.into() }
    }

    /// The versions of API group `group` in `table`; `None` if it is not served.
    pub fn served(group: &str, table: &ResourceTable) -> Option<Self> {
        let mut all: Vec<String> = Vec::new();
        for row in table.rows().iter().filter(|row| row.group == group) {
            if !all.contains(&row.version) {
                all.push(row.version.clone());
            }
        }
        let preferred = all.first()?.clone();
        Some(Versions::new(all, preferred))
    }

    fn has(&self, version: &str) -> bool {
        self.all.iter().any(|one| one == version)
    }

    /// All but the highest, as Velero takes the highest for the preferred one here.
    fn lower(&self) -> &[String] {
        self.all.get(1..).unwrap_or_default()
    }
}

/// The version to restore of a resource that the backup holds in the versions `source`.
pub fn choose<'a>(source: &'a Versions, target: Option<&'a Versions>, user: &'a [String]) -> &'a str {
    let Some(target) = target else { return &source.preferred };
    let by_user = user.iter().find(|version| target.has(version) && source.has(version));
    let by_target = || Some(&target.preferred).filter(|version| source.has(version));
    let by_source = || Some(&source.preferred).filter(|version| target.has(version));
    let shared = || target.lower().iter().find(|version| source.lower().contains(version));
    by_user.or_else(by_target).or_else(by_source).or_else(shared).unwrap_or(&source.preferred)
}

/// Sorts versions as Kubernetes ranks them: `v2`, `v1`, `v1beta2`, `v1beta1`, `v2alpha1`, then all else by the alphabet.
pub fn sort(versions: &mut [String]) {
    versions.sort_by(|a, b| match (rank(a), rank(b)) {
        (None, None) => a.cmp(b),
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => Reverse(a).cmp(&Reverse(b)),
    });
}

/// Stability, major and minor number of a version such as `v2beta1`.
fn rank(version: &str) -> Option<(u8, u64, u64)> {
    let text = version.strip_prefix('v')?;
    let number = |text: &str| text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten();
    for (stability, word) in [(1, "beta"), (0, "alpha")] {
        if let Some((major, minor)) = text.split_once(word) {
            return Some((stability, number(major)?, number(minor)?));
        }
    }
    Some((2, number(text)?, 0))
}

/// What the user prefers, as the ConfigMap `enableapigroupversions` says it: lines `resource.group=version,version`. White
/// space counts for nothing. Second come the lines that say nothing.
pub fn priorities(text: &str) -> (BTreeMap<GroupResource, Vec<String>>, Vec<String>) {
    let (mut priorities, mut odd) = (BTreeMap::new(), Vec::new());
    for line in text.lines() {
        let plain: String = line.split_whitespace().collect();
        match plain.split_once('=') {
            _ if plain.is_empty() => {}
            Some((resource, versions)) if !resource.is_empty() && !versions.is_empty() && !versions.contains('=') => {
                let versions = versions.split(',').map(str::to_owned).collect();
                priorities.insert(GroupResource::parse(resource), versions);
            }
            _ => odd.push(line.to_owned()),
        }
    }
    (priorities, odd)
}

#[cfg(test)]
mod tests;
