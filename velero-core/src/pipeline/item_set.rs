//! A set of objects that costs little more than their names: what a backup has seen, written or still wants.
//!
//! Hundreds of thousands of objects pass through a backup, and each leaves its identity here: about 80 bytes for a
//! name of 40. Resource and namespace are stored once.

use crate::resource::{GroupResource, ItemId};
use std::collections::{BTreeMap, HashSet};

type Names = HashSet<Box<str>>;
type Namespaces = BTreeMap<Box<str>, Names>;

/// A set of objects.
#[derive(Clone, Debug, Default)]
pub struct ItemSet {
    resources: BTreeMap<GroupResource, Namespaces>,
    len: u64,
}

impl ItemSet {
    /// Adds an object; `false` if it was there.
    pub fn insert(&mut self, resource: &GroupResource, namespace: &str, name: &str) -> bool {
        let names = self.names_mut(resource, namespace);
        if names.contains(name) {
            return false;
        }
        names.insert(name.into());
        self.len += 1;
        true
    }

    fn names_mut(&mut self, resource: &GroupResource, namespace: &str) -> &mut Names {
        if !self.resources.contains_key(resource) {
            self.resources.insert(resource.clone(), Namespaces::new());
        }
        let namespaces = self.resources.get_mut(resource).expect("inserted above");
        if !namespaces.contains_key(namespace) {
            namespaces.insert(namespace.into(), Names::new());
        }
        namespaces.get_mut(namespace).expect("inserted above")
    }

    /// Whether the object is in the set.
    pub fn contains(&self, resource: &GroupResource, namespace: &str, name: &str) -> bool {
        let names = self.resources.get(resource).and_then(|namespaces| namespaces.get(namespace));
        names.is_some_and(|names| names.contains(name))
    }

    /// Takes an object out; `false` if it was not there.
    pub fn remove(&mut self, resource: &GroupResource, namespace: &str, name: &str) -> bool {
        let names = self.resources.get_mut(resource).and_then(|namespaces| namespaces.get_mut(namespace));
        let removed = names.is_some_and(|names| names.remove(name));
        self.len -= u64::from(removed);
        removed
    }

    /// Number of objects.
    pub fn len(&self) -> u64 {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The resources that have objects, sorted.
    pub fn resources(&self) -> impl Iterator<Item = &GroupResource> {
        let filled = |namespaces: &Namespaces| namespaces.values().any(|names| !names.is_empty());
        self.resources.iter().filter(move |(_, namespaces)| filled(namespaces)).map(|(resource, _)| resource)
    }

    /// Namespace and name of each object of `resource`, in the byte order of `namespace/name`.
    pub fn of<'a>(&'a self, resource: &GroupResource) -> impl Iterator<Item = (&'a str, &'a str)> {
        let mut namespaces: Vec<_> = self.resources.get(resource).into_iter().flatten().collect();
        // `a-b/x` comes before `a/x`: the slash takes part in the order.
        namespaces.sort_by_cached_key(|(namespace, _)| format!("{namespace}/"));
        namespaces.into_iter().flat_map(|(namespace, names)| {
            let mut names: Vec<&str> = names.iter().map(AsRef::as_ref).collect();
            names.sort_unstable();
            names.into_iter().map(move |name| (namespace.as_ref(), name))
        })
    }

    /// Every object, sorted by resource and then as in [`ItemSet::of`].
    pub fn ids(&self) -> impl Iterator<Item = ItemId> + '_ {
        self.resources.keys().flat_map(|resource| {
            self.of(resource).map(|(namespace, name)| ItemId::new(resource.clone(), namespace, name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_are_told_apart_by_resource_namespace_and_name() {
        let mut set = ItemSet::default();
        let (pods, claims) = (GroupResource::parse("pods"), GroupResource::parse("persistentvolumeclaims"));
        assert!(set.insert(&pods, "a", "x"));
        assert!(!set.insert(&pods, "a", "x"));
        assert!(set.insert(&pods, "b", "x") && set.insert(&claims, "a", "x"));
        assert!(set.contains(&claims, "a", "x") && !set.contains(&claims, "b", "x"));
        assert!(set.remove(&claims, "a", "x") && !set.remove(&claims, "a", "x"));
        assert_eq!((set.len(), set.resources().count()), (2, 1));
    }

    #[test]
    fn objects_are_listed_in_the_byte_order_of_namespace_and_name() {
        let mut set = ItemSet::default();
        let pods = GroupResource::parse("pods");
        let mut expected = vec!["a/y", "a-b/x", "a/b", "b/a", "a.c/x"];
        for text in &expected {
            let (namespace, name) = text.split_once('/').unwrap();
            set.insert(&pods, namespace, name);
        }
        expected.sort();
        let listed: Vec<String> = set.of(&pods).map(|(ns, name)| format!("{ns}/{name}")).collect();
        assert_eq!(listed, expected);
    }
}
