//! The way of an object through a backup, as a state machine without I/O.
//!
//! Comes in: an [`Item`], listed or fetched. Goes out: a [`Step`] that says what became of it, the bytes to write if it
//! is in, and everything to report. The machine keeps which objects it has met, so each is written once however often it
//! comes, and which related objects it still wants ([`Pipeline::take_wanted`]); the driver fetches them when the lists
//! are through, because most arrive by themselves. Objects that no action looks at pass as received, never decoded.

use super::hooks::HookWatch;
use super::item_set::ItemSet;
use super::volumes::VolumeLedger;
use crate::action::reach::Reach;
use crate::action::{BackupAction, Known};
use crate::api;
use crate::archive::check_writable;
use crate::error::Result;
use crate::item::Item;
use crate::problem::{Problem, Stage};
use crate::resource::{GroupResource, ItemId};
use crate::selection::{BackupSelection, Decision, NamespaceFacts, NamespaceTracker, Reached};
use crate::table::ResourceTable;
use serde_json::Value;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

mod acted;
mod claim_users;
mod step;
mod wanted;

pub use step::{Entry, Fate, Finished, Step, Wanted};

use acted::Acted;
use claim_users::ClaimUsers;

type Labels = BTreeMap<String, String>;

/// The state of one backup.
pub struct Pipeline<'a> {
    selection: BackupSelection,
    table: Arc<ResourceTable>,
    backup: api::Backup,
    actions: Vec<(&'a dyn BackupAction, Reach)>,
    actions_on: HashMap<GroupResource, Vec<usize>>,
    known: Known,
    asked: HashSet<GroupResource>,
    seen: ItemSet,
    unwritten: ItemSet,
    related: ItemSet,
    must_include: ItemSet,
    users: ClaimUsers,
    namespaces: NamespaceTracker,
    hooks: HookWatch,
    volumes: VolumeLedger,
}

impl<'a> Pipeline<'a> {
    /// A pipeline for `backup`; `namespaces` are those that exist. Refuses actions and hooks whose selectors are not valid.
    pub fn new(
        backup: api::Backup,
        selection: BackupSelection,
        table: Arc<ResourceTable>,
        namespaces: &[NamespaceFacts],
        actions: impl IntoIterator<Item = &'a dyn BackupAction>,
    ) -> Result<Self> {
        let resolve = |action: &'a dyn BackupAction| {
            let what = format!("action {}", action.name());
            Reach::resolve(&what, &action.applies_to(), &table).map(|reach| (action, reach))
        };
        let mut actions = actions.into_iter().map(resolve).collect::<Result<Vec<_>>>()?;
        actions.sort_by(|(a, _), (b, _)| a.name().cmp(b.name()));
        let actions_on = by_resource(&actions, &table);
        let hooks = HookWatch::new(&backup.spec, &table)?;
        let namespaces = NamespaceTracker::new(&selection, namespaces);
        Ok(Pipeline {
            selection,
            table,
            backup,
            actions,
            actions_on,
            known: Known::default(),
            asked: HashSet::new(),
            seen: ItemSet::default(),
            unwritten: ItemSet::default(),
            related: ItemSet::default(),
            must_include: ItemSet::default(),
            users: ClaimUsers::default(),
            namespaces,
            hooks,
            volumes: VolumeLedger::default(),
        })
    }

    /// The gate.
    pub fn selection(&self) -> &BackupSelection {
        &self.selection
    }

    /// Whether objects of `resource` are looked into. Of all others identity and labels are enough to decide.
    pub fn looks_into(&self, resource: &GroupResource) -> bool {
        is_volume_related(resource) || self.actions_on.contains_key(resource)
    }

    /// Resources that the actions on `resource` look at and that nobody asked for yet; each is named once, and the
    /// driver answers with [`Pipeline::learn`] before it offers an object of `resource`.
    pub fn needs(&mut self, resource: &GroupResource) -> Vec<GroupResource> {
        let concerned = self.actions_on.get(resource).into_iter().flatten();
        let needs: Vec<GroupResource> = concerned.flat_map(|index| self.actions[*index].0.needs()).collect();
        needs.into_iter().filter(|need| self.asked.insert(need.clone())).collect()
    }

    /// Takes in all objects of a resource that was asked for.
    pub fn learn(&mut self, resource: GroupResource, objects: Vec<Value>) {
        self.known.insert(resource, objects);
    }

    /// Decides about `item` and runs the actions on it.
    pub fn offer(&mut self, item: &Item, reached: Reached) -> Step {
        if reached == Reached::Listed {
            self.namespaces.saw_item(item, &self.selection);
        }
        let reason = match self.selection.decide(item, reached) {
            Decision::Include(reason) => reason,
            Decision::Exclude(reason) => return Step { fate: Fate::LeftOut(reason), problems: Vec::new() },
        };
        let id = item.id();
        if !self.seen.insert(&id.resource, &id.namespace, &id.name) {
            return Step { fate: Fate::Seen, problems: Vec::new() };
        }
        let mut problems = Vec::new();
        let fate = match self.transform(item, &id, &mut problems) {
            Ok(entry) => Fate::Written(Box::new(entry), reason),
            Err(Halt::LeftOut(reason)) => Fate::LeftOut(reason),
            Err(Halt::Failed(problem)) => {
                problems.push(*problem);
                Fate::Failed
            }
        };
        if !matches!(fate, Fate::Written(..)) {
            self.unwritten.insert(&id.resource, &id.namespace, &id.name);
        }
        Step { fate, problems }
    }

    fn transform(&mut self, item: &Item, id: &ItemId, problems: &mut Vec<Problem>) -> Result<Entry, Halt> {
        if !self.looks_into(&id.resource) {
            return self.entry(item, id.clone());
        }
        let acted = self.act(item, id, decode(item, id)?, problems)?;
        problems.extend(self.want_claim_users(item, &acted.object, id));
        let changed = acted.changed.then(|| encode(item, id, &acted.object)).transpose()?;
        let item = changed.as_ref().unwrap_or(item);
        let place = self.place(item, id)?;
        self.observe(&place, &acted.object, &item.labels, problems);
        self.entry(item, place)
    }

    /// Runs the actions that see the object, each on what the one before left.
    fn act(&mut self, item: &Item, id: &ItemId, object: Value, problems: &mut Vec<Problem>) -> Result<Acted, Halt> {
        let mut acted = Acted { object, changed: false };
        for index in self.actions_on.get(&id.resource).cloned().unwrap_or_default() {
            let (action, reach) = &self.actions[index];
            if !reach.covers(&item.namespace, &item.labels) {
                continue;
            }
            let name = action.name();
            let answer = action.execute(&acted.object, &self.backup, &self.known);
            let mut output =
                answer.map_err(|e| failed(id, "ActionFailed", format!("action {name} refused it: {e}")))?;
            problems.append(&mut output.problems);
            if acted.take(&mut output) {
                return Err(Halt::LeftOut(format!("left out by action {name}")));
            }
            let reached = if output.must_include_additional { Reached::MustInclude } else { Reached::Related };
            for additional in output.additional {
                problems.extend(self.want(additional, reached, id));
            }
        }
        Ok(acted)
    }

    /// The place of the object in the archive. An action may move it, but not onto another object.
    fn place(&mut self, item: &Item, id: &ItemId) -> Result<ItemId, Halt> {
        if item.namespace == id.namespace && item.name == id.name {
            return Ok(id.clone());
        }
        let place = ItemId::new(id.resource.clone(), &item.namespace, &item.name);
        if !self.seen.insert(&place.resource, &place.namespace, &place.name) {
            let message = format!("an action moved it to {place}, which is in the backup already");
            return Err(failed(id, "Collision", message));
        }
        self.unwritten.insert(&id.resource, &id.namespace, &id.name);
        Ok(place)
    }

    /// Reports what belongs to the object and is not saved with it.
    fn observe(&mut self, id: &ItemId, object: &Value, labels: &Labels, problems: &mut Vec<Problem>) {
        if !id.resource.group.is_empty() {
            return;
        }
        match id.resource.resource.as_str() {
            "persistentvolumeclaims" => problems.extend(self.volumes.claim(id, object)),
            "persistentvolumes" => self.volumes.volume(id, object),
            "pods" => {
                problems.extend(self.volumes.pod(id, object));
                problems.extend(self.hooks.left_out(id, object, labels));
            }
            _ => {}
        }
    }

    fn entry(&self, item: &Item, id: ItemId) -> Result<Entry, Halt> {
        let version = item.resource.version.clone();
        check_writable(&id, &version).map_err(|e| failed(&id, "Unwritable", e.to_string()))?;
        let preferred = self.table.get(&id.resource).is_some_and(|row| row.version == version);
        Ok(Entry { id, version, preferred, body: item.body.clone() })
    }

    /// Whether the Namespace object `name` is taken, now that everything else has been listed.
    pub fn decide_namespace(&self, name: &str) -> Decision {
        self.namespaces.decide(name)
    }

    /// Number of objects written.
    pub fn written(&self) -> u64 {
        self.seen.len() - self.unwritten.len()
    }

    /// Ends the backup.
    pub fn finish(self) -> Finished {
        let mut written = self.seen;
        for id in self.unwritten.ids() {
            written.remove(&id.resource, &id.namespace, &id.name);
        }
        let (volumes, problems) = self.volumes.finish();
        Finished { written, volumes, problems }
    }
}

/// Why an object is not written.
enum Halt {
    LeftOut(String),
    Failed(Box<Problem>),
}

fn failed(id: &ItemId, reason: &str, message: String) -> Halt {
    Halt::Failed(Box::new(Problem::error(Stage::Action, reason, message).about(id.clone())))
}

fn decode(item: &Item, id: &ItemId) -> Result<Value, Halt> {
    item.value().map_err(|e| failed(id, "Malformed", format!("{e}: {}", e.source)))
}

fn encode(item: &Item, id: &ItemId, object: &Value) -> Result<Item, Halt> {
    item.with_value(object).map_err(|e| failed(id, "Malformed", format!("an action spoiled it: {}", e.source)))
}

/// Which actions see each resource: asked once for each, not for each object.
fn by_resource(actions: &[(&dyn BackupAction, Reach)], table: &ResourceTable) -> HashMap<GroupResource, Vec<usize>> {
    let mut seen_by: HashMap<GroupResource, Vec<usize>> = HashMap::new();
    for resource in table.preferred().map(|row| row.group_resource()) {
        for (index, _) in actions.iter().enumerate().filter(|(_, (_, reach))| reach.covers_resource(&resource)) {
            seen_by.entry(resource.clone()).or_default().push(index);
        }
    }
    seen_by
}

/// Whether objects of `resource` are read for volumes and hooks.
fn is_volume_related(resource: &GroupResource) -> bool {
    let names = ["pods", "persistentvolumeclaims", "persistentvolumes"];
    resource.group.is_empty() && names.contains(&resource.resource.as_str())
}
