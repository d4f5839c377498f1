//! `velero backup delete`: a plan first (objects, bytes, restores that go along), then the deletion.
//!
//! A backup that holds volume snapshots or copies of Velero's is refused, because deleting its documents would leave that data
//! behind with nothing that knows of it.

use super::get::{expiration, readable};
use crate::context::Context;
use crate::exit::{Exit, usage};
use crate::flags::{boolean, selector};
use crate::output::table::Table;
use crate::output::{bytes, count};
use crate::report::{More, RunReport};
use crate::{catalog, confirm, connect};
use anyhow::{Context as _, anyhow};
use jiff::Timestamp;
use serde_json::Value;
use std::time::Instant;
use velero_core::api::{Backup, BackupSpec, LabelSelector};
use velero_repo::store::ObjectInfo;
use velero_repo::{BackupName, BackupStore, Document, RestoreName};

/// Arguments of `backup delete`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Names of backups
    #[arg(value_name = "NAME", value_parser = super::name)]
    names: Vec<BackupName>,
    /// All backups of the store
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    all: Option<bool>,
    /// Backups with these labels
    #[arg(short = 'l', long, value_name = "SELECTOR", value_parser = selector)]
    selector: Option<LabelSelector>,
    /// Only backups whose time is up
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    expired: Option<bool>,
    /// Do not ask
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    confirm: Option<bool>,
    /// Delete backups with volume data that this build can not delete, and leave that data behind
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    leave_volume_data: Option<bool>,
}

/// Deletes backups.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let started = Instant::now();
    args.check()?;
    let store = connect::store(&context.global)?;
    let mut exit = Exit::Completed;
    let chosen = args.choose(&store, &mut exit).await?;
    if exit != Exit::Completed {
        return Err(anyhow!("nothing was deleted, because not every backup could be read; name those to delete"));
    }
    let mut plan = Vec::new();
    for backup in &chosen {
        plan.push(Doomed::of(&store, backup, args.leave_volume_data == Some(true)).await?);
    }
    if plan.is_empty() {
        context.tell("No backup is to be deleted.");
    } else {
        context.tell(table(&plan, context).trim_end());
        if args.confirm != Some(true) && !confirm::ask("Delete these for good?").await? {
            context.tell("Nothing was deleted.");
            return Ok(Exit::Completed);
        }
    }
    for doomed in &plan {
        doomed.delete(&store).await?;
        context.tell(format_args!("Backup {} is deleted.", doomed.name));
    }
    let names: Vec<_> = plan.iter().map(|doomed| doomed.name.as_str()).collect();
    let mut run = RunReport::new("backup delete", names.join(","), "Deleted", Vec::new()).took(started.elapsed());
    run.items = plan.iter().map(|doomed| doomed.objects().count() as u64).sum();
    run.bytes = Some(plan.iter().map(Doomed::bytes).sum());
    Ok(run.finish(context, More::Flag("--report json")))
}

impl Args {
    fn check(&self) -> anyhow::Result<()> {
        let all = self.all == Some(true);
        match (self.names.is_empty(), all, self.selector.is_some()) {
            (true, false, false) if self.expired != Some(true) => {
                Err(usage("nothing is named: give backup names, --all, a label selector with -l, or --expired"))
            }
            (false, true, _) | (false, _, true) | (_, true, true) => {
                Err(usage("backup names, --all and -l exclude each other"))
            }
            _ => Ok(()),
        }
    }

    async fn choose(&self, store: &BackupStore, exit: &mut Exit) -> anyhow::Result<Vec<Backup>> {
        let mut backups = Vec::new();
        for name in &self.names {
            backups.push(named(store, name).await?);
        }
        if self.names.is_empty() {
            backups = readable(catalog::backups(store, &[]).await?, "backup", exit);
        }
        if let Some(selector) = &self.selector {
            backups.retain(|backup| velero_core::selector::matches(selector, &backup.metadata.labels));
        }
        if self.expired == Some(true) {
            let now = Timestamp::now();
            backups.retain(|backup| expiration(backup).is_some_and(|time| time <= now));
        }
        backups.sort_by(|a, b| a.metadata.name.cmp(&b.metadata.name));
        backups.dedup_by(|a, b| a.metadata.name == b.metadata.name);
        Ok(backups)
    }
}

/// The backup of this name, or an empty document if a run that died left objects under it.
async fn named(store: &BackupStore, name: &BackupName) -> anyhow::Result<Backup> {
    let exists = store.exists(name).await.with_context(|| format!("looking for backup {name}"))?;
    if !exists && !store.objects(name).await?.is_empty() {
        return Ok(Backup::new(name.as_str(), BackupSpec::default()));
    }
    catalog::backup(store, name).await
}

/// What goes with one backup.
struct Doomed {
    name: BackupName,
    backup_objects: Vec<ObjectInfo>,
    restores: Vec<(RestoreName, Vec<ObjectInfo>)>,
}

impl Doomed {
    async fn of(store: &BackupStore, backup: &Backup, leave_volume_data: bool) -> anyhow::Result<Doomed> {
        let name = BackupName::new(&backup.metadata.name)?;
        if let (Some(data), false) = (volume_data(store, &name).await?, leave_volume_data) {
            return Err(anyhow!(
                "backup {name} holds {data}, which this build can not delete yet; delete it with Velero, or add \
                 --leave-volume-data to delete the rest and leave that data behind"
            ));
        }
        let what = || format!("planning the deletion of backup {name}");
        let mut restores = Vec::new();
        for (restore, of) in store.restores().await.with_context(what)? {
            if of.as_ref() == Some(&name) {
                let objects = store.restore_objects(&restore).await.with_context(what)?;
                restores.push((restore, objects));
            }
        }
        let backup_objects = store.objects(&name).await.with_context(what)?;
        Ok(Doomed { name, backup_objects, restores })
    }

    fn objects(&self) -> impl Iterator<Item = &ObjectInfo> {
        self.backup_objects.iter().chain(self.restores.iter().flat_map(|(_, objects)| objects))
    }

    fn bytes(&self) -> u64 {
        self.objects().map(|object| object.size).sum()
    }

    /// Deletes the restores first, so that an interrupted deletion can be repeated by the name of the backup.
    async fn delete(&self, store: &BackupStore) -> anyhow::Result<()> {
        for (restore, objects) in &self.restores {
            store.delete(objects).await.with_context(|| format!("deleting restore {restore}"))?;
        }
        store.delete(&self.backup_objects).await.with_context(|| format!("deleting backup {}", self.name))
    }
}

/// The volume data that a backup refers to, in words; `None` if it refers to none.
async fn volume_data(store: &BackupStore, name: &BackupName) -> anyhow::Result<Option<String>> {
    let list = |value: Option<Vec<Value>>| value.unwrap_or_default();
    let snapshots = list(catalog::document(store, name, Document::VolumeSnapshots).await?);
    let copies = list(catalog::document(store, name, Document::PodVolumeBackups).await?);
    let volumes = list(catalog::document(store, name, Document::VolumeInfo).await?);
    let csi = volumes.iter().filter(|v| v["backupMethod"] == "CSISnapshot" && v["skipped"] != true).count();
    let parts: Vec<_> =
        [(snapshots.len(), "volume snapshot"), (copies.len(), "pod volume copy"), (csi, "CSI snapshot")]
            .into_iter()
            .filter(|(n, _)| *n > 0)
            .map(|(n, thing)| count(n, thing))
            .collect();
    Ok((!parts.is_empty()).then(|| parts.join(" and ")))
}

fn table(plan: &[Doomed], context: &Context) -> String {
    let mut table = Table::new(["BACKUP", "OBJECTS", "SIZE", "RESTORES THAT GO ALONG"], context.style());
    for doomed in plan {
        let restores: Vec<_> = doomed.restores.iter().map(|(name, _)| name.as_str()).collect();
        table.row(vec![
            doomed.name.to_string(),
            doomed.objects().count().to_string(),
            bytes(doomed.bytes()),
            if restores.is_empty() { "<none>".into() } else { restores.join(", ") },
        ]);
    }
    table.render()
}
