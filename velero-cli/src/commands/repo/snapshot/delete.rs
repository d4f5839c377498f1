//! `velero repo snapshot delete`: which go is shown first. Their contents stay until maintenance finds them unused.

use super::chosen;
use super::document::SnapshotDocument;
use super::list::table;
use crate::commands::repo::location::{Access, CachedLocation};
use crate::commands::repo::output::Output;
use crate::confirm;
use crate::context::Context;
use crate::exit::{Exit, Interrupted, one_line};
use crate::output::{bytes, count, note, printable};
use crate::report::RunReport;
use anyhow::Context as _;
use serde::Serialize;
use std::time::Instant;
use velero_repo::Error;
use velero_repo::repository::maintenance::{DeletionPlan, MaintenanceOptions};
use velero_repo::repository::manifest::{ManifestId, Record};
use velero_repo::repository::open::Repository;
use velero_repo::repository::session::{Session, SessionOptions};
use velero_repo::repository::snapshot::Snapshot;

/// Arguments of `repo snapshot delete`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Identities of snapshots, or unique beginnings of them (at least 4 characters)
    #[arg(value_name = "SNAPSHOT", required = true)]
    snapshots: Vec<String>,
    /// Do not ask
    #[arg(long)]
    confirm: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    location: CachedLocation,
}

#[derive(Serialize)]
struct Document<'a> {
    deleted: &'a [SnapshotDocument<'a>],
    seconds: f64,
}

/// Deletes snapshots.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    args.output.check(context)?;
    let repository = args.location.open(Access::Write, context).await?;
    let all = chosen::all(&repository).await?;
    let mut doomed = args.snapshots.iter().map(|text| chosen::one(&all, text)).collect::<anyhow::Result<Vec<_>>>()?;
    doomed.sort_by(|a, b| a.id.cmp(&b.id));
    doomed.dedup_by(|a, b| a.id == b.id);
    let snapshots: Vec<_> = doomed.iter().map(|record| (&record.id, read(record))).collect();
    let documents: Vec<_> = snapshots.iter().map(|(id, snapshot)| SnapshotDocument::new(id, snapshot)).collect();
    args.output.tell(context, table(&documents, context.style()).trim_end());
    let ids: Vec<_> = doomed.iter().map(|record| record.id.clone()).collect();
    if !args.confirm && !ask(&args, &repository, &ids, context).await? {
        args.output.tell(context, "Nothing was deleted.");
        return Ok(Exit::Completed);
    }
    let started = Instant::now();
    delete(&repository, &ids, context).await.context("deleting snapshots")?;
    let document = Document { deleted: &documents, seconds: started.elapsed().as_secs_f64() };
    let text = |context: &mut Context| {
        let number = count(documents.len(), "snapshot");
        context.tell(format_args!("{number} deleted. `velero repo maintain` frees what no snapshot uses any more."));
    };
    let names: Vec<_> = ids.iter().map(ManifestId::as_str).collect();
    let mut report = RunReport::new("repo snapshot delete", names.join(","), "Deleted", Vec::new());
    report.items = documents.len() as u64;
    args.output.finish(context, &document, text, report.took(started.elapsed()))
}

/// What the manifest says; nothing where it can not be read, because that must not keep it from being deleted.
fn read(record: &Record) -> Snapshot {
    Snapshot::from_record(record).unwrap_or_else(|error| {
        note(format_args!("velero: snapshot {}: {}", record.id, one_line(&error.into())));
        Snapshot::default()
    })
}

/// Tells what the deletion would free, and asks.
async fn ask(args: &Args, repository: &Repository, ids: &[ManifestId], context: &mut Context) -> anyhow::Result<bool> {
    let options = MaintenanceOptions { cancel: context.cancel.clone(), ..MaintenanceOptions::default() };
    let freed = match DeletionPlan::new(repository, ids, &options).await {
        Err(error @ Error::Cancelled { .. }) => return Err(error.into()),
        Err(error) => format!("What that frees is not known: {}.", one_line(&error.into())),
        Ok(DeletionPlan { reclaimable: Some(amount), earliest, .. }) => {
            format!("Maintenance can then free {}, not before {earliest}.", bytes(amount.bytes))
        }
        Ok(plan) => format!("What that frees is not known: {}.", printable(&plan.warning.unwrap_or_default())),
    };
    args.output.tell(context, freed);
    tokio::select! {
        () = context.cancel.cancelled() => Err(Interrupted.into()),
        answer = confirm::ask("Delete these for good?") => answer,
    }
}

async fn delete(repository: &Repository, ids: &[ManifestId], context: &Context) -> anyhow::Result<()> {
    let options = SessionOptions { cancel: context.cancel.clone(), ..SessionOptions::default() };
    let session = Session::begin(repository, options).await?;
    for id in ids {
        session.delete_manifest(id)?;
    }
    session.commit().await?;
    Ok(())
}
