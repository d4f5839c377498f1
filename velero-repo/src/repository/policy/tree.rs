//! Which policy counts for which directory and file of one tree.
//!
//! Comes in: the policy of the root, and those that are set for paths below it. Goes out: for each name on the way down,
//! what counts there. As in Kopia a policy that is set below the root stands alone: what it does not say is not taken
//! from above, but is what Kopia takes for unset, such as no compression; and it counts for all below it that has none
//! of its own. (Only ignore rules and the size limit of files go on counting; `rules` sees to that.)
//!
//! Paths come from the repository, so nothing here goes down by recursion.

use super::{POLICY, Policy};
use crate::error::Result;
use crate::repository::manifest::{Manifests, Record, TYPE, labels};
use crate::repository::snapshot::Source;
use std::collections::BTreeMap;
use std::sync::Arc;

/// A place in the tree, and what counts there. Cheap to clone.
#[derive(Debug)]
pub struct Tree<T> {
    places: Arc<Vec<Place<T>>>,
    at: usize,
}

#[derive(Debug)]
struct Place<T> {
    value: Arc<T>,
    defined: bool,
    children: BTreeMap<String, usize>,
    /// The place that stands for all other names in this one.
    others: usize,
}

struct Draft<T> {
    above: usize,
    own: Option<T>,
    children: BTreeMap<String, usize>,
}

impl<T> Clone for Tree<T> {
    fn clone(&self) -> Self {
        Tree { places: self.places.clone(), at: self.at }
    }
}

impl<T> Tree<T> {
    /// What counts for the root, and for paths below it, which are relative; of two for one path the later counts.
    pub fn new(root: T, below: impl IntoIterator<Item = (String, T)>) -> Self {
        let mut drafts = vec![Draft { above: 0, own: Some(root), children: BTreeMap::new() }];
        for (path, value) in below {
            let mut at = 0;
            for name in path.split('/').filter(|name| !name.is_empty()) {
                let next = drafts.len();
                let found = *drafts[at].children.entry(name.to_owned()).or_insert(next); // `at` is a draft
                if found == next {
                    drafts.push(Draft { above: at, own: None, children: BTreeMap::new() });
                }
                at = found;
            }
            drafts[at].own = Some(value); // a draft
        }
        let count = drafts.len();
        let mut places: Vec<Place<T>> = Vec::with_capacity(2 * count);
        for (at, draft) in drafts.into_iter().enumerate() {
            let defined = draft.own.is_some();
            // The root has its own value, and all others come after what they lie in.
            let value = draft.own.map_or_else(|| places[draft.above].value.clone(), Arc::new);
            places.push(Place { value, defined, children: draft.children, others: count + at });
        }
        for at in 0..count {
            let value = places[at].value.clone(); // the first `count` places are there
            places.push(Place { value, defined: false, children: BTreeMap::new(), others: count + at });
        }
        Tree { places: Arc::new(places), at: 0 }
    }

    fn place(&self) -> &Place<T> {
        &self.places[self.at] // only places that were made are ever pointed at
    }

    /// What counts here.
    pub fn value(&self) -> &Arc<T> {
        &self.place().value
    }

    /// What was set for just this place.
    pub fn defined(&self) -> Option<&Arc<T>> {
        Some(self.value()).filter(|_| self.place().defined)
    }

    /// The place of an entry in this one.
    #[must_use]
    pub fn child(&self, name: &str) -> Self {
        let place = self.place();
        let at = place.children.get(name).copied().unwrap_or(place.others);
        Tree { places: self.places.clone(), at }
    }

    /// All that was set.
    pub fn values(&self) -> impl Iterator<Item = &Arc<T>> {
        self.places.iter().filter(|place| place.defined).map(|place| &place.value)
    }
}

/// The policies that are set for paths below that of `source`, as they stand, with these paths relative to it.
///
/// # Errors
/// Corrupt: one of them is not readable.
pub fn below(manifests: &Manifests, source: &Source) -> Result<Vec<(String, Policy)>> {
    let all = labels([(TYPE, POLICY), ("policyType", "path"), ("username", &source.user), ("hostname", &source.host)]);
    let mut records: Vec<_> = manifests.find(&all).collect();
    records.sort_by(|one, other| (one.modified, &one.id).cmp(&(other.modified, &other.id)));
    let above = format!("{}/", source.path.trim_end_matches('/'));
    let path = |record: &Record| {
        let below = record.label("path")?.strip_prefix(&above)?;
        (!below.is_empty()).then(|| below.to_owned())
    };
    let found = records.into_iter().filter_map(|record| Some((path(record)?, record)));
    found.map(|(path, record)| Ok((path, record.document()?))).collect()
}

#[cfg(test)]
mod tests {
    use super::{Tree, below};
    use crate::repository::gojson::Time;
    use crate::repository::manifest::{ManifestId, Merge, Record};
    use crate::repository::policy::{Policy, labels_of};
    use crate::repository::snapshot::Source;

    #[test]
    fn the_nearest_one_counts_for_all_below_it() {
        let paths = [("a/b", 1), ("a/b/c/d", 2), ("x", 3), ("a/b", 4)].map(|(path, value)| (path.to_owned(), value));
        let tree = Tree::new(0, paths);
        let at = |path: &str| path.split('/').fold(tree.clone(), |tree, name| tree.child(name));
        for (path, expected) in
            [("a", 0), ("b", 0), ("a/b", 4), ("a/b/c", 4), ("a/b/c/d", 2), ("a/b/c/d/e/f", 2), ("a/b/x", 4), ("x", 3)]
        {
            assert_eq!(**at(path).value(), expected, "{path}");
        }
        assert!(tree.defined().is_some() && at("a/b").defined().is_some());
        assert!(at("a").defined().is_none() && at("a/b/c").defined().is_none() && at("x/y").defined().is_none());
        assert_eq!(tree.values().map(|value| **value).max(), Some(4));
    }

    #[test]
    fn a_path_as_long_as_a_repository_can_name_it_is_no_danger() {
        let tree = Tree::new(0, [("a/".repeat(1_000_000), 1)]);
        assert_eq!(**tree.child("a").value(), 0);
    }

    #[test]
    fn policies_are_found_below_their_source_only() {
        let of = |user: &str, path: &str| Source::new("h", user, path);
        let mut merge = Merge::default();
        for (number, source) in
            [of("u", "/data"), of("u", "/data/a"), of("u", "/database"), of("v", "/data/b"), of("u", "/data/a/b")]
                .iter()
                .enumerate()
        {
            let (id, time) = (ManifestId::from_random([number as u8; 16]), Time::from_nanos(number as i64));
            merge.add(Record::new(id, labels_of(source), time, &Policy::default()).unwrap());
        }
        let manifests = merge.finish();
        let paths =
            |source: &Source| below(&manifests, source).unwrap().into_iter().map(|(path, _)| path).collect::<Vec<_>>();
        assert_eq!(paths(&of("u", "/data")), ["a", "a/b"]);
        assert_eq!(paths(&of("u", "/")), ["data", "data/a", "database", "data/a/b"]);
        assert!(paths(&of("v", "/database")).is_empty());
    }
}
