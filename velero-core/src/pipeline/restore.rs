//! From an archived object to the object that a restore writes (spec 6.6, steps 3 to 12).
//!
//! Comes in: the identity and bytes of one object of the archive. Goes out: a [`Prepared`] with its [`Fate`], the
//! objects to restore before it, and what there is to report. Nothing is remembered between objects, so they may be
//! prepared in any order, at once, and again: a plan keeps no bodies, applying it makes them anew.

use crate::action::{Known, RestoreInput};
use crate::api;
use crate::error::Result;
use crate::existing::{BACKUP_LABEL, RESTORE_LABEL, reset};
use crate::managed_fields;
use crate::modifier::Modifiers;
use crate::name::valid_name;
use crate::plan::EmptyVolume;
use crate::problem::{Problem, Stage};
use crate::pv::{release_claim, release_volume};
use crate::resource::{ItemId, Resource};
use crate::restore_hooks::{self, HOOK_NOT_RUN};
use crate::selection::RestoreSelection;
use crate::status;
use crate::table::ResourceTable;
use bytes::Bytes;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;

mod actions;
mod assigned;
mod definition;
mod namespace;
mod volumes;

pub use actions::Actions;
pub use assigned::with_assigned;
pub use definition::{DEFINITIONS, served_by};
pub use namespace::{made_by_controllers, namespace_object};
pub use volumes::{DISK_UNSEEN, VolumeFacts};

/// Where the pipeline finds other objects of the backup.
pub trait Archived {
    /// The bytes of one object; `None` if the backup does not hold it.
    fn get(&self, id: &ItemId) -> Result<Option<Bytes>>;
}

impl Archived for crate::archive::Spool {
    fn get(&self, id: &ItemId) -> Result<Option<Bytes>> {
        crate::archive::Spool::get(self, id)
    }
}

/// Everything that a restore knows before it looks at the first object.
pub struct RestorePipeline {
    /// The restore, with name and uid.
    pub restore: api::Restore,
    /// The gate, which also maps namespaces.
    pub selection: RestoreSelection,
    /// What the target serves, or will once the definitions of this backup are there.
    pub table: Arc<ResourceTable>,
    /// The item actions in order, with what each sees.
    pub actions: Actions,
    /// Objects of the target that the actions look at.
    pub known: Known,
    /// Resource modifiers.
    pub modifiers: Option<Modifiers>,
    /// What the backup knows of volume data.
    pub volumes: VolumeFacts,
}

/// What came of one object.
#[derive(Debug)]
pub struct Prepared {
    /// Its identity in the target.
    pub target: ItemId,
    /// Its `apiVersion`, as it will be written.
    pub api_version: String,
    /// Its kind.
    pub kind: String,
    /// What happens to it.
    pub fate: Fate,
    /// Objects of the archive that are restored before it (source namespaces).
    pub additional: Vec<ItemId>,
    /// Things to report.
    pub problems: Vec<Problem>,
    /// Volumes of it whose data can not be restored.
    pub empty_volumes: Vec<EmptyVolume>,
}

/// What happens to one object.
#[derive(Debug)]
pub enum Fate {
    /// As if the backup did not hold it: completed pods and jobs, and what does not parse (that is reported).
    Ignored,
    /// Left out by a rule or an action.
    Skipped,
    /// It can not be restored; a problem says why.
    Failed,
    /// It is to be written.
    Ready(Box<Desired>),
}

/// An object to be written.
#[derive(Debug)]
pub struct Desired {
    /// The row of the target that serves it.
    pub resource: Arc<Resource>,
    /// The object as it is created: without status and managed fields.
    pub object: Value,
    /// The status that is written after the creation.
    pub status: Option<Value>,
    /// Field manager of the creation.
    pub manager: Option<String>,
    /// The patch that gives it its managed fields after the creation.
    pub managed_fields: Option<Value>,
}

/// One object on its way.
struct Journey<'a> {
    pipeline: &'a RestorePipeline,
    archive: &'a dyn Archived,
    source: &'a ItemId,
    original: &'a Value,
    object: Value,
    made: Prepared,
}

impl RestorePipeline {
    /// What happens to the object `source`, whose bytes are `body`.
    pub fn prepare(&self, source: &ItemId, body: &[u8], archive: &dyn Archived) -> Prepared {
        let target_namespace = self.selection.target_namespace(&source.namespace);
        let mut made = Prepared {
            target: ItemId::new(source.resource.clone(), target_namespace, &source.name),
            api_version: String::new(),
            kind: String::new(),
            fate: Fate::Ignored,
            additional: Vec::new(),
            problems: Vec::new(),
            empty_volumes: Vec::new(),
        };
        let original: Value = match serde_json::from_slice(body) {
            Ok(value @ Value::Object(_)) => value,
            Ok(_) => return made.malformed("it is no JSON object"),
            Err(error) => return made.malformed(&error.to_string()),
        };
        made.api_version = original["apiVersion"].as_str().unwrap_or_default().to_owned();
        made.kind = original["kind"].as_str().unwrap_or_default().to_owned();
        if made.api_version.is_empty() || made.kind.is_empty() || !original["metadata"].is_object() {
            return made.malformed("it has no apiVersion, kind or metadata");
        }
        let journey = Journey { pipeline: self, archive, source, object: original.clone(), original: &original, made };
        journey.travel()
    }
}

impl Prepared {
    fn malformed(mut self, why: &str) -> Self {
        let text = format!("error decoding {}: {why}", self.target);
        self.problems.push(Problem::error(Stage::Archive, "Malformed", text).about(self.target.clone()));
        self
    }
}

impl Journey<'_> {
    fn travel(mut self) -> Prepared {
        self.made.fate = if is_completed(self.original) {
            Fate::Ignored
        } else if self.is_mirror_pod() || !self.volume() {
            Fate::Skipped
        } else {
            reset(&mut self.object);
            match self.actions() {
                Some(fate) => fate,
                None => self.finish(),
            }
        };
        if !matches!(self.made.fate, Fate::Ready(_)) {
            self.made.empty_volumes.clear();
        }
        self.made
    }

    fn is(&self, resource: &str) -> bool {
        self.source.resource.group.is_empty() && self.source.resource.resource == resource
    }

    fn is_mirror_pod(&self) -> bool {
        self.is("pods") && self.original["metadata"]["annotations"].get("kubernetes.io/config.mirror").is_some()
    }

    /// Step 7: whether a PersistentVolume is created at all. Everything else is.
    fn volume(&mut self) -> bool {
        if !self.is("persistentvolumes") {
            return true;
        }
        let restored = self.pipeline.creates_volume(self.original);
        if restored {
            release_volume(&mut self.object, &self.pipeline.restore.spec.namespace_mapping);
            self.made.problems.push(volumes::disk_unseen(&self.made.target, &self.object));
        }
        restored
    }

    /// Step 9. A fate ends the journey.
    fn actions(&mut self) -> Option<Fate> {
        for (reach, action) in self.pipeline.actions.of(&self.source.resource) {
            if !reach.covers(&self.made.target.namespace, &self.labels()) {
                continue;
            }
            let input = RestoreInput {
                item: &self.object,
                item_from_backup: self.original,
                restore: &self.pipeline.restore,
                resource: &self.source.resource,
                known: &self.pipeline.known,
            };
            match action.execute(input) {
                Ok(output) => {
                    self.made.additional.extend(output.additional);
                    self.made.problems.extend(output.problems);
                    if output.skip.is_some() {
                        return Some(Fate::Skipped);
                    }
                    if let Some(item) = output.item {
                        self.object = item;
                    }
                }
                Err(error) => {
                    let text = format!("error preparing {} by {}: {error}", self.made.target, action.name());
                    return Some(self.fail(Stage::Action, "ActionFailed", text));
                }
            }
        }
        None
    }

    fn labels(&self) -> BTreeMap<String, String> {
        let labels = self.object["metadata"]["labels"].as_object();
        let text = |(key, value): (&String, &Value)| Some((key.clone(), value.as_str()?.to_owned()));
        labels.into_iter().flatten().filter_map(text).collect()
    }

    /// Steps 10 to 13.
    fn finish(&mut self) -> Fate {
        if self.is("persistentvolumeclaims") {
            self.claim();
        }
        if let Some(modifiers) = &self.pipeline.modifiers {
            for fault in modifiers.apply(&self.source.resource, &self.source.namespace, &mut self.object) {
                let text = format!("modifying {}: {fault}", self.made.target);
                let problem = Problem::error(Stage::Modifier, "ModifierFailed", text);
                self.made.problems.push(problem.about(self.made.target.clone()));
            }
        }
        if !self.object["metadata"].is_object() {
            let text = format!("{} lost its metadata on the way", self.made.target);
            return self.fail(Stage::Action, "Malformed", text);
        }
        self.label();
        let kind = |field: &str| self.object[field].as_str().unwrap_or_default().to_owned();
        (self.made.api_version, self.made.kind) = (kind("apiVersion"), kind("kind"));
        let Some(row) = self.pipeline.table.by_kind(&self.made.api_version, &self.made.kind).cloned() else {
            let (api_version, kind) = (&self.made.api_version, &self.made.kind);
            let text = format!("{}: the cluster does not serve {kind} of {api_version}", self.made.target);
            return self.fail(Stage::Apply, "NotServed", text);
        };
        self.made.target.resource = row.group_resource();
        self.made.target.name = self.object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        if self.is("pods") {
            self.hooks();
            self.made.empty_volumes.extend(self.pipeline.volumes.of_pod(self.source, &self.made.target));
        }
        self.desired(row)
    }

    /// Step 10, and what is known of the claim's data.
    fn claim(&mut self) {
        let (pipeline, archive) = (self.pipeline, self.archive);
        let volume = self.object["spec"]["volumeName"].as_str().unwrap_or_default().to_owned();
        let lost = if volume.is_empty() { None } else { pipeline.lost_volume(self.source, &volume, archive) };
        release_claim(&mut self.object, |_| lost.is_some());
        if let Some(reason) = lost {
            self.made.empty_volumes.push(EmptyVolume { item: self.made.target.clone(), volume, reason });
        }
    }

    /// Commands that hooks run in the restored pod are not supported yet: each is reported.
    fn hooks(&mut self) {
        for hook in restore_hooks::exec_hooks_of(self.original, &self.pipeline.restore) {
            let problem = Problem::warning(Stage::Hook, HOOK_NOT_RUN, format!("not run: {hook}"));
            self.made.problems.push(problem.about(self.made.target.clone()));
        }
    }

    /// Step 12.
    fn label(&mut self) {
        if !self.made.target.namespace.is_empty() {
            self.object["metadata"]["namespace"] = json!(self.made.target.namespace);
        }
        let metadata = &mut self.object["metadata"];
        if !metadata["labels"].is_object() {
            metadata["labels"] = json!({});
        }
        metadata["labels"][BACKUP_LABEL] = json!(valid_name(&self.pipeline.restore.spec.backup_name));
        metadata["labels"][RESTORE_LABEL] = json!(valid_name(&self.pipeline.restore.metadata.name));
    }

    fn desired(&mut self, resource: Arc<Resource>) -> Fate {
        let by_spec = self.pipeline.selection.restores_status(&self.source.resource);
        let status = self.original.get("status").filter(|_| status::is_restored(&self.object, by_spec)).cloned();
        let ownership = managed_fields::plan(self.original);
        managed_fields::strip(&mut self.object);
        let mut object = self.object.take();
        // Without a subresource the status is part of the object, and there is no later write that could bring it.
        let (status, inline) = if resource.has_status { (status, None) } else { (None, status) };
        if let Some(inline) = inline {
            object["status"] = inline;
        }
        Fate::Ready(Box::new(Desired {
            resource,
            object,
            status,
            manager: ownership.create_manager,
            managed_fields: ownership.needs_patch.then(|| managed_fields::patch(self.original)),
        }))
    }

    fn fail(&mut self, stage: Stage, reason: &str, text: String) -> Fate {
        self.made.problems.push(Problem::error(stage, reason, text).about(self.made.target.clone()));
        Fate::Failed
    }
}

/// Whether a pod or job has run to its end, so that restoring it would run it again.
fn is_completed(object: &Value) -> bool {
    let kind = |api: &str, kind: &str| {
        object["apiVersion"].as_str().is_some_and(|v| v.starts_with(api)) && object["kind"] == kind
    };
    if kind("v1", "Pod") {
        return matches!(object["status"]["phase"].as_str(), Some("Failed" | "Succeeded"));
    }
    kind("batch/", "Job") && object["status"]["completionTime"].as_str().is_some_and(|time| !time.is_empty())
}
