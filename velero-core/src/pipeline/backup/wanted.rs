//! Objects that others need: which of them are still to be fetched.

use super::{Pipeline, Wanted};
use crate::item::Item;
use crate::problem::{Problem, Stage};
use crate::resource::{GroupResource, ItemId};
use crate::selection::Reached;
use bytes::Bytes;
use std::collections::BTreeMap;

const DEFINITIONS: &str = "customresourcedefinitions.apiextensions.k8s.io";

impl Pipeline<'_> {
    /// Notes a related object unless it is here already or the filters would leave it out anyway.
    pub(super) fn want(&mut self, id: ItemId, reached: Reached, parent: &ItemId) -> Option<Problem> {
        let Some(resource) = self.table.get(&id.resource) else {
            let message = format!("related {id} is left out: the cluster serves no such resource");
            return Some(Problem::warning(Stage::Action, "NotServed", message).about(parent.clone()));
        };
        if self.seen.contains(&id.resource, &id.namespace, &id.name) {
            return None;
        }
        let outline = Item {
            resource: resource.clone(),
            namespace: id.namespace,
            name: id.name,
            uid: String::new(),
            labels: BTreeMap::new(),
            terminating: false,
            body: Bytes::new(),
        };
        if self.selection.decide(&outline, reached).is_included() {
            let set = if reached == Reached::MustInclude { &mut self.must_include } else { &mut self.related };
            set.insert(&id.resource, &outline.namespace, &outline.name);
        }
        None
    }

    /// The related objects that have not come yet, sorted; each is named once, until another object asks for it again.
    pub fn take_wanted(&mut self) -> Vec<Wanted> {
        let must_include = std::mem::take(&mut self.must_include);
        let mut related = std::mem::take(&mut self.related);
        for id in must_include.ids() {
            related.remove(&id.resource, &id.namespace, &id.name);
        }
        let ways = [(must_include, Reached::MustInclude), (related, Reached::Related)];
        let mut wanted = Vec::new();
        for (set, reached) in ways {
            let missing = set.ids().filter(|id| !self.seen.contains(&id.resource, &id.namespace, &id.name));
            wanted.extend(missing.filter_map(|id| {
                let resource = self.table.get(&id.resource)?.clone();
                Some(Wanted { resource, namespace: id.namespace, name: id.name, reached })
            }));
        }
        wanted
    }

    /// Wants the definitions of the custom resources written so far, unless the request names or excludes CRDs itself
    /// (spec 4.2). Groups without a dot are never custom.
    pub fn wanted_definitions(&self) -> Vec<Wanted> {
        let definitions = GroupResource::parse(DEFINITIONS);
        let Some(row) = self.table.get(&definitions) else { return Vec::new() };
        if self.selection.excludes_resource(&definitions) || self.selection.includes_resource(&definitions) {
            return Vec::new();
        }
        let names = self.seen.resources().filter(|r| r.group.contains('.')).map(ToString::to_string);
        let missing = names.filter(|name| !self.seen.contains(&definitions, "", name));
        missing
            .map(|name| Wanted { resource: row.clone(), namespace: String::new(), name, reached: Reached::Related })
            .collect()
    }
}
