//! `velero repo snapshot restore`.

use super::troubles;
use crate::commands::repo::effort::Effort;
use crate::commands::repo::location::{Access, CachedLocation};
use crate::commands::repo::output::Output;
use crate::commands::repo::progress::{Look, Meter};
use crate::confirm;
use crate::context::Context;
use crate::exit::{Exit, Interrupted};
use crate::output::{bytes, count, time};
use crate::report::RunReport;
use anyhow::Context as _;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use velero_core::{Problem, Stage};
use velero_repo::repository::browse;
use velero_repo::repository::download::{Download, DownloadOptions, DownloadPlan, DownloadReport, Overwrite};
use velero_repo::repository::open::Repository;
use velero_repo::repository::tree::LocalSink;

/// Arguments of `repo snapshot restore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A snapshot's identity or a unique beginning of it, or an object; behind it a path inside
    #[arg(value_name = "SNAPSHOT[/PATH]")]
    target: String,
    /// Directory to restore into; it is made if there is none
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    /// What happens to entries that are there already
    #[arg(long, value_enum, default_value = "files", value_name = "WHICH")]
    overwrite: Existing,
    /// Leave out what can not be restored, name it at the end, and go on
    #[arg(long)]
    ignore_errors: bool,
    /// Leave stretches of zeros unwritten, so that they occupy no space
    #[arg(long)]
    sparse: bool,
    /// Do not restore owners
    #[arg(long)]
    skip_owners: bool,
    /// Do not restore permissions
    #[arg(long)]
    skip_permissions: bool,
    /// Do not restore times
    #[arg(long)]
    skip_times: bool,
    /// Delete what the snapshot does not have, and overwrite everything else; asks first
    #[arg(long)]
    delete_extra: bool,
    /// With --delete-extra: do not ask
    #[arg(long, requires = "delete_extra")]
    confirm: bool,
    /// Show what would change, and change nothing
    #[arg(long)]
    plan: bool,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    location: CachedLocation,
}

/// What happens to entries that are there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Existing {
    /// They are errors, and so is a directory that is not empty
    Never,
    /// They stay as they are
    Keep,
    /// Files and links are replaced by files and links
    Files,
    /// Besides, files and empty directories give way to each other
    All,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    outcome: &'static str,
    target: &'a str,
    directory: &'a Path,
    seconds: f64,
    #[serde(flatten)]
    report: &'a DownloadReport,
}

/// Restores a snapshot, or a part of it.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    args.output.check(context)?;
    let repository = args.location.open(Access::Read, context).await?;
    let what = browse::resolve(&repository, &args.target).await?;
    let download = Download {
        options: args.options(),
        workers: args.effort.workers(),
        memory: args.effort.memory,
        cancel: context.cancel.clone(),
        ..Download::new(what)
    };
    if args.plan {
        return args.show_plan(&download, &repository, context).await;
    }
    let directory = args.directory.display();
    std::fs::create_dir_all(&args.directory).with_context(|| format!("making {directory}"))?;
    let sink = Arc::new(LocalSink::open(&args.directory).with_context(|| format!("opening {directory}"))?);
    let plan = match args.delete_extra {
        true => Some(download.plan(&repository, sink.clone()).await.context("planning the restore")?),
        false => None,
    };
    if let Some(plan) = &plan
        && !args.may_delete(plan, context).await?
    {
        args.output.tell(context, "Nothing was changed.");
        return Ok(Exit::Completed);
    }
    let started = Instant::now();
    let meter = meter(&download);
    let result = match &plan {
        Some(plan) => download.apply(plan, &repository, sink).await,
        None => download.run(&repository, sink).await,
    };
    meter.finish();
    let report = result.with_context(|| format!("restoring {} into {directory}", args.target))?;
    args.show(&report, started.elapsed(), context)
}

fn meter(download: &Download) -> Meter {
    let progress = download.progress.clone();
    Meter::start("restoring", move || {
        let status = progress.status();
        let total = (status.total_bytes > 0).then_some(status.total_bytes);
        Look { bytes: status.bytes, total, files: status.files, failed: status.failed }
    })
}

impl Args {
    fn options(&self) -> DownloadOptions {
        DownloadOptions {
            overwrite: match self.overwrite {
                Existing::Never => Overwrite::Never,
                Existing::Keep => Overwrite::Keep,
                Existing::Files => Overwrite::Files,
                Existing::All => Overwrite::All,
            },
            ignore_errors: self.ignore_errors,
            skip_owners: self.skip_owners,
            skip_permissions: self.skip_permissions,
            skip_times: self.skip_times,
            sparse: self.sparse,
            ..DownloadOptions::default()
        }
    }

    /// Prints what the restore would change. A directory that is not there counts as an empty one.
    async fn show_plan(
        &self,
        download: &Download,
        repository: &Repository,
        context: &mut Context,
    ) -> anyhow::Result<Exit> {
        let empty = tempfile::tempdir().context("making a temporary directory")?;
        let directory = if self.directory.exists() { self.directory.as_path() } else { empty.path() };
        let sink = LocalSink::open(directory).with_context(|| format!("opening {}", directory.display()))?;
        let mut plan = download.plan(repository, Arc::new(sink)).await.context("planning the restore")?;
        if !self.delete_extra {
            plan.deleted.clear();
        }
        self.output.show(context, &plan, |context| context.tell(&plan))?;
        Ok(Exit::Completed)
    }

    /// Whether what the plan deletes may go.
    async fn may_delete(&self, plan: &DownloadPlan, context: &mut Context) -> anyhow::Result<bool> {
        if self.confirm || plan.deleted.is_empty() {
            return Ok(true);
        }
        self.output.tell(context, plan);
        tokio::select! {
            () = context.cancel.cancelled() => Err(Interrupted.into()),
            answer = confirm::ask("Restore, and delete these for good?") => answer,
        }
    }

    fn show(&self, report: &DownloadReport, took: Duration, context: &mut Context) -> anyhow::Result<Exit> {
        let outcome = if report.failed.count == 0 { "Completed" } else { "PartiallyFailed" };
        let (target, directory) = (self.target.as_str(), self.directory.as_path());
        let document = Document { outcome, target, directory, seconds: took.as_secs_f64(), report };
        let text = |context: &mut Context| {
            let style = context.style();
            context.tell(format_args!(
                "{}: {}, {}, {} in {}.",
                style.phase(outcome),
                count(report.files as usize, "file"),
                count(report.directories as usize, "directory"),
                bytes(report.bytes),
                time::span(took),
            ));
            if report.kept + report.deleted > 0 {
                context.tell(format_args!("{} left as they were, {} deleted.", report.kept, report.deleted));
            }
        };
        let mut problems = Vec::new();
        troubles::add(&mut problems, &report.failed, |text| Problem::error(Stage::Volume, "EntryNotRestored", text));
        troubles::add(&mut problems, &report.warnings, |text| Problem::warning(Stage::Volume, "EntryDiffers", text));
        let mut run = RunReport::new("repo snapshot restore", target, outcome, problems).took(took);
        run.items = report.files;
        run.bytes = Some(report.bytes);
        self.output.finish(context, &document, text, run)
    }
}
