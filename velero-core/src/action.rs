//! Item actions: what a backup or restore makes of an object on its way (spec 4.4, 4.5, 6.8, 6.11).
//!
//! An action gets one object and what it asked to know of the cluster, and answers with the changed object
//! and further objects to take along. It does no I/O: what it must know it names in `needs`, and the driver
//! lists those resources once before the first call. Built-in actions live in [`backup`] and [`restore`], one
//! file each; a library user adds an own one by implementing [`BackupAction`] or [`RestoreAction`].

use crate::api;
use crate::problem::Problem;
use crate::resource::{GroupResource, ItemId};
use serde_json::Value;
use std::collections::HashMap;

pub mod backup;
pub mod reach;
pub mod restore;

pub use backup::backup_actions;
pub use restore::restore_actions;

/// Which objects an action sees; empty lists mean all. Names are resolved through discovery; a list of
/// includes of which none can be resolved selects nothing.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActionSelector {
    /// Namespaces (globs).
    pub included_namespaces: Vec<String>,
    /// Namespaces left out (globs).
    pub excluded_namespaces: Vec<String>,
    /// Resources, in any spelling that discovery resolves.
    pub included_resources: Vec<String>,
    /// Resources left out.
    pub excluded_resources: Vec<String>,
    /// Label selector in Kubernetes' text form; empty means all.
    pub label_selector: String,
}

impl ActionSelector {
    /// Selects all objects of `resources`.
    pub fn resources<const N: usize>(resources: [&str; N]) -> Self {
        ActionSelector { included_resources: resources.map(str::to_owned).to_vec(), ..Default::default() }
    }
}

/// Objects of the cluster that actions asked for, by resource: decoded and complete.
#[derive(Clone, Debug, Default)]
pub struct Known {
    objects: HashMap<GroupResource, Vec<Value>>,
}

impl Known {
    /// Adds the full list of one resource.
    pub fn insert(&mut self, resource: GroupResource, objects: Vec<Value>) {
        self.objects.insert(resource, objects);
    }

    /// All objects of `resource`; empty if the cluster does not serve it or nobody asked.
    pub fn list(&self, resource: &GroupResource) -> &[Value] {
        self.objects.get(resource).map_or(&[], Vec::as_slice)
    }

    /// One object of `resource`.
    pub fn get(&self, resource: &GroupResource, namespace: &str, name: &str) -> Option<&Value> {
        self.list(resource).iter().find(|object| {
            let metadata = &object["metadata"];
            metadata["name"] == name && metadata["namespace"].as_str().unwrap_or("") == namespace
        })
    }
}

/// An action refused an object; the text says why.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{0}")]
pub struct ActionError(pub String);

/// What a backup action answers.
#[derive(Clone, Debug, Default)]
pub struct BackupOutput {
    /// The changed object; `None` keeps the bytes as received. An object that now carries the annotation
    /// `velero.io/skip-from-backup` is left out of the backup.
    pub item: Option<Value>,
    /// Objects to back up as well.
    pub additional: Vec<ItemId>,
    /// Whether the additional objects are taken even if the filters leave them out.
    pub must_include_additional: bool,
    /// Things to report, such as data that is left out.
    pub problems: Vec<Problem>,
}

/// One action of a backup.
pub trait BackupAction: Send + Sync {
    /// Name, such as `velero.io/pod`; actions run sorted by name.
    fn name(&self) -> &str;

    /// Which objects it sees.
    fn applies_to(&self) -> ActionSelector;

    /// Resources of the cluster that `execute` looks at.
    fn needs(&self) -> Vec<GroupResource> {
        Vec::new()
    }

    /// Looks at `item` on behalf of `backup`. An error keeps the object out of the backup and is reported.
    fn execute(&self, item: &Value, backup: &api::Backup, known: &Known) -> Result<BackupOutput, ActionError>;
}

/// What a restore action is given.
#[derive(Clone, Copy, Debug)]
pub struct RestoreInput<'a> {
    /// The object as changed so far; its namespace is still the source namespace.
    pub item: &'a Value,
    /// The object as it stands in the backup, status included.
    pub item_from_backup: &'a Value,
    /// The restore.
    pub restore: &'a api::Restore,
    /// The resource of the object.
    pub resource: &'a GroupResource,
    /// What the action asked to know of the target cluster.
    pub known: &'a Known,
}

/// What a restore action answers.
#[derive(Clone, Debug, Default)]
pub struct RestoreOutput {
    /// The changed object; `None` leaves it as it is.
    pub item: Option<Value>,
    /// Objects of the archive to restore before this one (source namespace).
    pub additional: Vec<ItemId>,
    /// Whether the object is not restored, and why.
    pub skip: Option<String>,
    /// Things to report.
    pub problems: Vec<Problem>,
}

impl RestoreOutput {
    /// The object is restored as `item`.
    pub fn changed(item: Value) -> Self {
        RestoreOutput { item: Some(item), ..RestoreOutput::default() }
    }

    /// The object is not restored, and why.
    pub fn skipped(reason: impl Into<String>) -> Self {
        RestoreOutput { skip: Some(reason.into()), ..RestoreOutput::default() }
    }
}

/// One action of a restore.
pub trait RestoreAction: Send + Sync {
    /// Name, such as `velero.io/service`; actions run sorted by name.
    fn name(&self) -> &str;

    /// Which objects it sees; namespaces are those of the target.
    fn applies_to(&self) -> ActionSelector;

    /// Resources of the target cluster that `execute` looks at: `configmaps` are listed in the Velero namespace
    /// only, others cluster-wide. The driver adds the objects of these resources that the restore itself will
    /// have created by then, in their target namespaces: Velero asks the cluster at the time of the call.
    fn needs(&self) -> Vec<GroupResource> {
        Vec::new()
    }

    /// Looks at one object. An error keeps it from being restored and is reported.
    fn execute(&self, input: RestoreInput<'_>) -> Result<RestoreOutput, ActionError>;
}
