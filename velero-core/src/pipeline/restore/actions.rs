//! The item actions of a restore, with what each of them sees.

use crate::action::RestoreAction;
use crate::action::reach::Reach;
use crate::error::Result;
use crate::resource::GroupResource;
use crate::table::ResourceTable;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// The item actions of a restore, with the objects that each sees.
pub struct Actions {
    all: Vec<(Reach, Arc<dyn RestoreAction>)>,
    by_resource: HashMap<GroupResource, Vec<usize>>,
}

impl Actions {
    /// Resolves what each of `actions` sees of `resources`; they run in the given order.
    pub fn new(
        actions: Vec<Arc<dyn RestoreAction>>,
        table: &ResourceTable,
        resources: &[GroupResource],
    ) -> Result<Self> {
        let reach = |action: Arc<dyn RestoreAction>| {
            Reach::resolve(action.name(), &action.applies_to(), table).map(|reach| (reach, action))
        };
        let all = actions.into_iter().map(reach).collect::<Result<Vec<_>>>()?;
        let seen_by = |resource: &GroupResource| {
            let covers = |(at, (reach, _)): (usize, &(Reach, _))| reach.covers_resource(resource).then_some(at);
            all.iter().enumerate().filter_map(covers).collect()
        };
        let by_resource = resources.iter().map(|resource| (resource.clone(), seen_by(resource))).collect();
        Ok(Actions { all, by_resource })
    }

    /// Names in order.
    pub fn names(&self) -> Vec<String> {
        self.all.iter().map(|(_, action)| action.name().to_owned()).collect()
    }

    /// Resources of the target that actions look at for the given resources, with the names of those actions.
    pub fn needs(&self) -> BTreeMap<GroupResource, Vec<&str>> {
        let used: BTreeSet<usize> = self.by_resource.values().flatten().copied().collect();
        let mut needs: BTreeMap<GroupResource, Vec<&str>> = BTreeMap::new();
        for (_, action) in used.into_iter().map(|at| &self.all[at]) {
            for resource in action.needs() {
                needs.entry(resource).or_default().push(action.name());
            }
        }
        needs
    }

    pub(super) fn of(&self, resource: &GroupResource) -> impl Iterator<Item = &(Reach, Arc<dyn RestoreAction>)> {
        self.by_resource.get(resource).into_iter().flatten().map(|at| &self.all[*at])
    }
}
