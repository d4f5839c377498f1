//! The table of resources that a cluster serves, made by discovery and used by every decision.
//!
//! Comes in: rows in the server's order, preferred versions first for each group. Goes out: names resolved
//! as Velero resolves them (spec: short names, plural, singular, any case, partial groups). Rows that can not
//! be listed, created, got and deleted, and subresources, are refused at the door: Velero ignores them too.

use crate::order::shows_same;
use crate::resource::{GroupResource, Resource};
use std::collections::HashMap;
use std::sync::Arc;

/// What a cluster serves. The first row of a group-resource is its preferred version.
#[derive(Clone, Debug, Default)]
pub struct ResourceTable {
    rows: Vec<Arc<Resource>>,
    preferred: HashMap<GroupResource, usize>,
    kinds: HashMap<(String, String), usize>,
}

impl ResourceTable {
    /// Builds the table from `rows` in the server's order. For each group-resource the first row is taken as
    /// the preferred version; later rows of it are kept as further served versions. Groups called
    /// `extensions` move to the end, as in Velero.
    pub fn new(rows: impl IntoIterator<Item = Resource>) -> Self {
        let mut table = ResourceTable::default();
        let (last, first): (Vec<_>, Vec<_>) = rows.into_iter().partition(|r| r.group == "extensions");
        for row in first.into_iter().chain(last) {
            table.add(row);
        }
        table
    }

    /// Adds one row at the end; a row that can not be backed up and restored is ignored.
    pub fn add(&mut self, row: Resource) {
        let usable = ["list", "create", "get", "delete"].iter().all(|verb| row.can(verb));
        if !usable || row.plural.contains('/') {
            return;
        }
        let at = self.rows.len();
        self.preferred.entry(row.group_resource()).or_insert(at);
        self.kinds.entry((row.api_version(), row.kind.clone())).or_insert(at);
        self.rows.push(Arc::new(row));
    }

    /// The preferred row of each group-resource, in order.
    pub fn preferred(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.rows.iter().enumerate().filter(|(i, r)| self.preferred[&r.group_resource()] == *i).map(|(_, r)| r)
    }

    /// Every row, all versions, in order.
    pub fn rows(&self) -> &[Arc<Resource>] {
        &self.rows
    }

    /// The preferred row of exactly this group-resource.
    pub fn get(&self, resource: &GroupResource) -> Option<&Arc<Resource>> {
        self.preferred.get(resource).map(|i| &self.rows[*i])
    }

    /// The row of this group-resource at `version`, if served.
    pub fn get_version(&self, resource: &GroupResource, version: &str) -> Option<&Arc<Resource>> {
        self.rows.iter().find(|r| r.version == version && r.group_resource() == *resource)
    }

    /// The row that serves `kind` of `api_version`.
    pub fn by_kind(&self, api_version: &str, kind: &str) -> Option<&Arc<Resource>> {
        self.kinds.get(&(api_version.to_owned(), kind.to_owned())).map(|i| &self.rows[*i])
    }

    /// The preferred row that `name` means: a short name, plural or singular, in any case, alone or followed by a group or
    /// the beginning of one (`deploy`, `Deployments`, `deployment.apps`, `volumesnapshot.snapshot`). Of several groups the
    /// first in the server's order wins, as in Velero (spec 3.1).
    pub fn resolve(&self, name: &str) -> Option<&Arc<Resource>> {
        let mut wanted = GroupResource::parse(name);
        wanted.resource = self.expand_short_name(&wanted).unwrap_or(wanted.resource);
        let plural = wanted.resource.to_lowercase();
        let named = |row: &&Arc<Resource>| row.plural == plural || row.singular_name() == plural;
        let of_group = |row: &&Arc<Resource>| wanted.group.is_empty() || row.group == wanted.group;
        let exact = self.preferred().find(|row| named(row) && of_group(row));
        exact.or_else(|| self.preferred().find(|row| named(row) && row.group.starts_with(&wanted.group)))
    }

    /// The resource that `name` means, or `None` if the cluster serves none such.
    pub fn resolve_name(&self, name: &str) -> Option<GroupResource> {
        self.resolve(name).map(|row| row.group_resource())
    }

    /// Other resources that `name` may mean, when it names no group and [`ResourceTable::resolve`] takes the first of several;
    /// groups that show the same objects are not among them.
    pub fn also_meant(&self, name: &str) -> Vec<GroupResource> {
        let Some(first) = self.resolve(name).filter(|_| !name.contains('.')) else { return Vec::new() };
        let plural = name.to_lowercase();
        let meant = |row: &&Arc<Resource>| {
            let named = row.plural == plural || row.singular_name() == plural || row.plural == first.plural;
            named || row.short_names.iter().any(|short| short == name)
        };
        let other = |row: &&Arc<Resource>| row.group_resource() != first.group_resource() && !shows_same(row, first);
        self.preferred().filter(meant).filter(other).map(|row| row.group_resource()).collect()
    }

    /// The plural behind a short name, which is compared with its case; a group must be equal, or else begin like it. Only the
    /// name is expanded, as in Velero: without a group the plural may then mean the resource of an earlier group.
    fn expand_short_name(&self, name: &GroupResource) -> Option<String> {
        let short = |row: &&Arc<Resource>| row.short_names.contains(&name.resource);
        let exact = self.preferred().find(|row| short(row) && (name.group.is_empty() || row.group == name.group));
        exact
            .or_else(|| self.preferred().find(|row| short(row) && row.group.starts_with(&name.group)))
            .map(|row| row.plural.clone())
    }
}
