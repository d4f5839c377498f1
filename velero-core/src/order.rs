//! Order of resources and items: of a backup's collection, of its `orderedResources`, and of a restore's steps (spec 3.2,
//! 3.8, 6.3).
//!
//! Comes in: the table of resources, or what an archive holds; goes out: lists. Pods come before claims and claims before
//! volumes, so that hooks of a pod surround its snapshots; restores bring what others need first.

mod priorities;

pub use priorities::Priorities;

use crate::resource::{GroupResource, ItemId, Resource};
use crate::table::ResourceTable;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The resources a backup may collect, in order: preferred versions in discovery order, the core group sorted (pods, claims,
/// volumes, the rest). Resources that two groups serve are all listed; which of them is collected depends on the filter:
/// [`without_cohabitants`].
pub fn backup_order(table: &ResourceTable) -> Vec<Arc<Resource>> {
    let mut rows: Vec<Arc<Resource>> = table.preferred().cloned().collect();
    let mut groups: HashMap<String, usize> = HashMap::new();
    for row in &rows {
        let next = groups.len();
        groups.entry(row.group.clone()).or_insert(next);
    }
    rows.sort_by_key(|row| (groups[&row.group], core_rank(row)));
    rows
}

fn core_rank(row: &Resource) -> usize {
    let first = ["pods", "persistentvolumeclaims", "persistentvolumes"];
    match row.group.as_str() {
        "" => first.iter().position(|plural| row.plural == *plural).unwrap_or(first.len()),
        _ => 0,
    }
}

/// Resources that a server may serve under two groups with the same objects in both.
const COHABITANTS: [(&str, [&str; 2]); 5] = [
    ("deployments", ["extensions", "apps"]),
    ("daemonsets", ["extensions", "apps"]),
    ("replicasets", ["extensions", "apps"]),
    ("networkpolicies", ["extensions", "networking.k8s.io"]),
    ("events", ["", "events.k8s.io"]),
];

/// Which pair of [`COHABITANTS`] `row` is one of.
fn pair(row: &Resource) -> Option<usize> {
    COHABITANTS.iter().position(|(plural, groups)| row.plural == *plural && groups.contains(&row.group.as_str()))
}

/// Whether two rows show the same objects under two groups.
pub(crate) fn shows_same(one: &Resource, other: &Resource) -> bool {
    pair(one).is_some() && pair(one) == pair(other)
}

/// Of rows that show the same objects under two groups only the first. `rows` must have passed the filter already: who asks
/// for `events.events.k8s.io` alone gets it.
pub fn without_cohabitants(rows: impl IntoIterator<Item = Arc<Resource>>) -> Vec<Arc<Resource>> {
    let mut seen = BTreeSet::new();
    rows.into_iter().filter(|row| pair(row).is_none_or(|pair| seen.insert(pair))).collect()
}

/// Items of `orderedResources` for one plural, in order: `ns/name` or `name`. The key is a plural without group and counts for
/// every group. White space around names is ignored; Velero 1.18 would not find such names.
pub fn ordered_items(ordered: &BTreeMap<String, String>, resource: &GroupResource) -> Vec<ItemId> {
    let names = ordered.get(&resource.resource).map_or("", String::as_str);
    let item = |name: &str| {
        let (namespace, name) = name.split_once('/').unwrap_or(("", name));
        ItemId::new(resource.clone(), namespace, name)
    };
    names.split(',').map(str::trim).filter(|name| !name.is_empty()).map(item).collect()
}

/// Items after [`arrange`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arranged<T> {
    /// All items: first the ordered ones, then the rest as they came.
    pub items: Vec<T>,
    /// How many of `items` were named by the order; they share one item block.
    pub ordered: usize,
    /// Items named by the order that were not there: worth a warning each.
    pub missing: Vec<ItemId>,
}

/// Moves the items named in `order` to the front, in that order. An item that comes twice stays twice.
pub fn arrange<T>(items: Vec<T>, order: &[ItemId], id: impl Fn(&T) -> ItemId) -> Arranged<T> {
    let rank: HashMap<&ItemId, usize> = order.iter().enumerate().rev().map(|(at, item)| (item, at)).collect();
    let mut found = BTreeSet::new();
    let (mut front, rest): (Vec<_>, Vec<_>) = items
        .into_iter()
        .map(|item| (rank.get(&id(&item)).copied(), item))
        .inspect(|(at, _)| found.extend(*at))
        .partition(|(at, _)| at.is_some());
    front.sort_by_key(|(at, _)| *at);
    let missing = order.iter().filter(|item| !found.contains(&rank[item])).cloned().collect();
    let ordered = front.len();
    Arranged { items: front.into_iter().chain(rest).map(|(_, item)| item).collect(), ordered, missing }
}
