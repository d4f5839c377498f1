//! `velero repo snapshot restore`.

use crate::commands::repo::effort::Effort;
use crate::commands::repo::location::{Access, CachedLocation};
use crate::commands::repo::output::Output;
use crate::commands::repo::progress::{Look, Meter};
use crate::confirm;
use crate::context::Context;
use crate::exit::{Exit, Interrupted};
use anyhow::{Context as _, bail};
use report::Restored;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use velero_repo::repository::browse;
use velero_repo::repository::download::{Download, DownloadOptions, DownloadPlan, Overwrite};
use velero_repo::repository::open::Repository;
use velero_repo::repository::tree::LocalSink;

mod report;

/// Arguments of `repo snapshot restore`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A snapshot's identity or a unique beginning of it (at least 4 characters), or an object; behind it a path inside
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
    #[arg(long, conflicts_with = "overwrite")]
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

/// Restores a snapshot, or a part of it.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    args.output.check(context)?;
    let repository = args.location.open(Access::Read, context).await?;
    let what = browse::resolve(&repository, &args.target).await?;
    let lacks = report::lacks(&what.entry);
    let download = Download {
        options: args.options(),
        workers: args.effort.workers(),
        memory: args.effort.memory,
        cancel: context.cancel.clone(),
        ..Download::new(what)
    };
    args.check_apart(&repository)?;
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
    let restored =
        Restored { target: &args.target, directory: &args.directory, took: started.elapsed(), report, lacks };
    restored.show(args.output, context)
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

    /// Refuses a target in the directory of the repository or the cache, and to delete where one of them is.
    fn check_apart(&self, repository: &Repository) -> anyhow::Result<()> {
        let Ok(target) = self.directory.canonicalize() else { return Ok(()) }; // it is not there yet
        for other in repository.blobs().directory().into_iter().chain(self.location.cache_dir()) {
            let Ok(other) = other.canonicalize() else { continue };
            if target.starts_with(&other) || (self.delete_extra && other.starts_with(&target)) {
                bail!("{} is no target: {} has to stay as it is", self.directory.display(), other.display());
            }
        }
        Ok(())
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
}
