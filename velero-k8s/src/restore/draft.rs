//! The first half of planning: which objects of the archive take part, and in which step. Nothing is asked of the
//! cluster here.
//!
//! Resources come in priority order. An object that an action wants to have first is usually of an earlier resource and
//! gets there by itself. If the filter left it out, it joins the step of its resource; if that comes too late, it is
//! moved to a step of its own before the one that needs it.

use super::session::{Session, labels_of};
use crate::error::Result;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use velero_core::pipeline::item_set::ItemSet;
use velero_core::pipeline::restore::{DEFINITIONS, Fate, Prepared};
use velero_core::plan::{EmptyVolume, PlannedItem, PlannedWrite, Step};
use velero_core::problem::Stage;
use velero_core::{GroupResource, ItemId, Problem};

const NAMESPACES: &str = "namespaces";

/// Which objects take part, in steps; every object that can be written is still taken as one to create.
#[derive(Default)]
pub(super) struct Draft {
    pub steps: Vec<Step>,
    pub problems: Vec<Problem>,
    pub empty_volumes: Vec<EmptyVolume>,
    /// Target namespaces and the source namespace after which each is made.
    pub namespaces: BTreeMap<String, String>,
}

/// Priority of the resource, then 0 for its own step and less for one that must come before it.
type Place = (usize, i32);

struct Drafting<'a> {
    session: &'a Session,
    has_selector: bool,
    positions: HashMap<GroupResource, usize>,
    /// Objects that were reached through others.
    related: ItemSet,
    steps: BTreeMap<(Place, GroupResource, String, String), Vec<PlannedItem>>,
    shared: HashSet<Arc<str>>,
    /// Objects of the resource at hand; a step is given room for them at once, since growing doubles its memory.
    expected: usize,
    draft: Draft,
}

impl Draft {
    /// Goes through the archive.
    pub(super) fn make(session: &Session) -> Result<Draft> {
        let order = order(session);
        let spec = &session.pipeline.restore.spec;
        let mut drafting = Drafting {
            session,
            has_selector: spec.label_selector.is_some() || !spec.or_label_selectors.is_empty(),
            positions: order.iter().cloned().enumerate().map(|(at, resource)| (resource, at)).collect(),
            related: ItemSet::default(),
            steps: BTreeMap::new(),
            shared: HashSet::new(),
            expected: 0,
            draft: Draft::default(),
        };
        drafting.archive_itself();
        for (position, resource) in order.iter().enumerate() {
            drafting.resource(resource, position)?;
        }
        Ok(drafting.finish())
    }
}

/// Restore order: definitions first, whatever the priorities say (spec 6.2).
fn order(session: &Session) -> Vec<GroupResource> {
    let mut order = session.priorities.order(&session.source.spool.resources(), &session.pipeline.table);
    order.sort_by_key(|resource| !resource.is(DEFINITIONS));
    order
}

impl Drafting<'_> {
    fn archive_itself(&mut self) {
        let spool = &self.session.source.spool;
        if !spool.has_resources() {
            let text = "the backup has no resources directory: zero items to be restored";
            self.draft.problems.push(Problem::warning(Stage::Archive, "Empty", text));
        }
        let note = |note| Problem::warning(Stage::Archive, "Ignored", format!("in the archive: {note}"));
        self.draft.problems.extend(spool.notes().map(note));
    }

    fn resource(&mut self, resource: &GroupResource, position: usize) -> Result<()> {
        let session = self.session;
        let spool = &session.source.spool;
        self.expected =
            spool.namespaces(resource).iter().map(|namespace| spool.names(resource, namespace).count()).sum();
        for namespace in spool.namespaces(resource) {
            if !session.pipeline.selection.collects(resource, namespace).is_included() {
                continue;
            }
            for name in spool.names(resource, namespace) {
                let id = ItemId::new(resource.clone(), namespace, name);
                if self.related.contains(resource, namespace, name) {
                    continue;
                }
                let Some(body) = self.read(&id)? else { continue };
                if self.has_selector && !session.pipeline.selection.selects(resource, &labels_of(&body)) {
                    continue;
                }
                match resource.is(NAMESPACES) {
                    true => self.namespace(name),
                    false => self.object(&id, &body, (position, 0))?,
                }
            }
        }
        Ok(())
    }

    fn read(&mut self, id: &ItemId) -> Result<Option<bytes::Bytes>> {
        Ok(self.session.source.spool.get(id)?)
    }

    fn namespace(&mut self, source: &str) {
        let target = self.session.pipeline.selection.target_namespace(source);
        if !self.draft.namespaces.contains_key(target) {
            self.draft.namespaces.insert(target.to_owned(), source.to_owned());
        }
    }

    fn object(&mut self, id: &ItemId, body: &[u8], place: Place) -> Result<()> {
        if !id.namespace.is_empty() {
            self.namespace(&id.namespace);
        }
        let mut prepared = self.session.pipeline.prepare(id, body, &self.session.source.spool);
        for related in std::mem::take(&mut prepared.additional) {
            self.related(&related, place)?;
        }
        self.record(id, prepared, place);
        Ok(())
    }

    /// An object that must be there before what stands at `place`.
    fn related(&mut self, id: &ItemId, place: Place) -> Result<()> {
        let session = self.session;
        if !session.pipeline.selection.admits_related(id).is_included() {
            return Ok(());
        }
        let position = self.positions.get(&id.resource).copied();
        let in_time = position.is_some_and(|position| position < place.0);
        let collected = session.pipeline.selection.collects(&id.resource, &id.namespace).is_included();
        let body = self.read(id)?;
        let labelled =
            |body: &[u8]| !self.has_selector || session.pipeline.selection.selects(&id.resource, &labels_of(body));
        if in_time && collected && body.as_deref().is_some_and(labelled) {
            return Ok(());
        }
        if !self.related.insert(&id.resource, &id.namespace, &id.name) {
            return Ok(());
        }
        match (body, position) {
            (Some(body), Some(position)) if in_time => self.object(id, &body, (position, 0)),
            (Some(body), _) => self.object(id, &body, (place.0, place.1 - 1)),
            (None, _) => {
                let text = format!("{id} is wanted by an object of the restore and is not in the backup");
                self.draft.problems.push(Problem::warning(Stage::Archive, "NotInBackup", text).about(id.clone()));
                Ok(())
            }
        }
    }

    fn record(&mut self, source: &ItemId, prepared: Prepared, place: Place) {
        self.draft.problems.extend(prepared.problems);
        self.draft.empty_volumes.extend(prepared.empty_volumes);
        let mut item = PlannedItem::new(&prepared.target, source, PlannedWrite::Create);
        match prepared.fate {
            Fate::Ignored => return,
            Fate::Skipped => item.write = PlannedWrite::Skip,
            Fate::Failed => item.write = PlannedWrite::Fail,
            Fate::Ready(desired) => {
                item.then.managed_fields = desired.managed_fields.is_some();
                item.then.status = desired.status.is_some();
                let merged = prepared.kind == "ServiceAccount" && prepared.api_version == "v1";
                item.then.patch_if_exists = self.session.updates() || merged;
            }
        }
        item.namespace = self.shared(&item.namespace);
        let key = (place, prepared.target.resource, prepared.api_version, prepared.kind);
        let room = self.expected;
        self.steps.entry(key).or_insert_with(|| Vec::with_capacity(room)).push(item);
    }

    /// One copy of each namespace serves all of its objects.
    fn shared(&mut self, namespace: &Arc<str>) -> Arc<str> {
        if let Some(shared) = self.shared.get(namespace) {
            return shared.clone();
        }
        self.shared.insert(namespace.clone());
        namespace.clone()
    }

    fn finish(mut self) -> Draft {
        for ((_, resource, api_version, kind), mut items) in self.steps {
            items.shrink_to_fit();
            items.sort_unstable_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
            let mut step = Step { resource, api_version, kind, items };
            self.draft.problems.extend(drop_doubles(&mut step));
            self.draft.steps.push(step);
        }
        self.draft
    }
}

/// Of objects that map to the same target only the first is written; the others are reported.
fn drop_doubles(step: &mut Step) -> Vec<Problem> {
    let same = |a: &PlannedItem, b: &PlannedItem| !a.name.is_empty() && a.name == b.name && a.namespace == b.namespace;
    let doubles: Vec<usize> = (1..step.items.len()).filter(|at| same(&step.items[at - 1], &step.items[*at])).collect();
    let mut problems = Vec::new();
    for at in doubles {
        let (source, target) = (step.source(&step.items[at]), step.target(&step.items[at]));
        step.items[at].write = PlannedWrite::Skip;
        let text = format!("{source} is not restored: another object of the backup takes the place of {target}");
        problems.push(Problem::warning(Stage::Selection, "NameTaken", text).about(target));
    }
    problems
}
