//! `velero repo maintain`: what no snapshot uses goes, in steps that others may interrupt; the plan comes first.

use super::effort::Effort;
use super::location::{Access, Location};
use super::output::Output;
use super::progress::{Look, Meter};
use super::verify;
use crate::confirm;
use crate::context::Context;
use crate::exit::{Exit, Interrupted};
use crate::output::{bytes, count, printable, printable_lines, time};
use crate::report::RunReport;
use anyhow::{Context as _, anyhow};
use serde::Serialize;
use std::time::{Duration, Instant};
use velero_repo::Error;
use velero_repo::repository::maintenance::{
    self, Amount, Cycle, Maintenance, MaintenanceOptions, MaintenancePlan, MaintenanceReport, PlannedStep, Safety, Step,
};
use velero_repo::repository::open::Repository;

/// Arguments of `repo maintain`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Which tasks
    #[arg(long, value_enum, default_value = "auto", value_name = "MODE")]
    mode: Mode,
    /// Show what would be done and what it would free, and do nothing
    #[arg(long)]
    plan: bool,
    /// How careful: none loses data if anybody else uses the repository meanwhile
    #[arg(long, value_enum, default_value = "full", value_name = "SAFETY")]
    safety: Care,
    /// Become the owner first; the present owner must have stopped running maintenance
    #[arg(long, conflicts_with = "plan")]
    take_ownership: bool,
    /// Do not ask before steps that delete
    #[arg(long)]
    confirm: bool,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    location: Location,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Mode {
    /// What is due
    Auto,
    /// Merge index blobs
    Quick,
    /// Everything
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Care {
    /// Wait until nobody can need what goes; it takes several runs
    Full,
    /// Wait for nothing
    None,
}

#[derive(Serialize)]
struct Document<'a> {
    outcome: &'static str,
    seconds: f64,
    freed: Amount,
    #[serde(flatten)]
    report: &'a MaintenanceReport,
}

/// Maintains a repository.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    args.output.check(context)?;
    let access = if args.plan { Access::Read } else { Access::Write };
    let repository = args.location.open(access, context).await?;
    let options = args.options(context);
    let started = Instant::now();
    let meter = meter(&options);
    let maintenance = Maintenance::new(&repository, options);
    let plan = maintenance.plan().await;
    meter.finish();
    let plan = plan.context("planning maintenance")?;
    if args.plan {
        args.output.show(context, &plan, |context| context.tell(in_words(&plan)))?;
        return Ok(Exit::Completed);
    }
    if !args.may_delete(&plan, context).await? {
        args.output.tell(context, "Nothing was done.");
        return Ok(Exit::Completed);
    }
    let report = args.apply(&repository, &plan, context).await?;
    args.show(&repository, &report, started.elapsed(), context)
}

fn meter(options: &MaintenanceOptions) -> Meter {
    let progress = options.progress.clone();
    Meter::start("maintaining", move || {
        let checked = progress.checked();
        Look { bytes: checked.bytes_read, files: checked.files, ..Look::default() }
    })
}

impl Args {
    fn options(&self, context: &Context) -> MaintenanceOptions {
        MaintenanceOptions {
            cycle: match self.mode {
                Mode::Auto => None,
                Mode::Quick => Some(Cycle::Quick),
                Mode::Full => Some(Cycle::Full),
            },
            safety: match self.safety {
                Care::Full => Safety::Full,
                Care::None => Safety::None,
            },
            workers: self.effort.workers(),
            memory: self.effort.memory,
            cancel: context.cancel.clone(),
            ..MaintenanceOptions::default()
        }
    }

    /// Whether what the plan deletes may go. A plan that deletes nothing needs no answer.
    async fn may_delete(&self, plan: &MaintenancePlan, context: &mut Context) -> anyhow::Result<bool> {
        if self.confirm || !plan.steps.iter().any(deletes) {
            return Ok(true);
        }
        self.output.tell(context, in_words(plan));
        tokio::select! {
            () = context.cancel.cancelled() => Err(Interrupted.into()),
            answer = confirm::ask("Do this?") => answer,
        }
    }

    async fn apply(
        &self,
        repository: &Repository,
        plan: &MaintenancePlan,
        context: &Context,
    ) -> anyhow::Result<MaintenanceReport> {
        if self.take_ownership {
            maintenance::take_ownership(repository).await.context("becoming the owner of maintenance")?;
        }
        let options = self.options(context);
        let meter = meter(&options);
        let report = Maintenance::new(repository, options).apply(plan).await;
        meter.finish();
        report.map_err(|error| match &error {
            Error::Denied { .. } => anyhow!("{error}; --take-ownership makes you the owner, once nobody else runs it"),
            _ => anyhow::Error::new(error).context("maintaining the repository"),
        })
    }

    fn show(
        &self,
        repository: &Repository,
        report: &MaintenanceReport,
        took: Duration,
        context: &mut Context,
    ) -> anyhow::Result<Exit> {
        let whole = report.verified.as_ref().is_none_or(velero_repo::repository::verify::Report::is_whole);
        let (outcome, freed) = (if whole { "Completed" } else { "Failed" }, freed(report));
        let document = Document { outcome, seconds: took.as_secs_f64(), freed, report };
        let text = |context: &mut Context| tell(report, freed, took, context);
        let problems = report.verified.as_ref().map(verify::problems).unwrap_or_default();
        let address = repository.blobs().address();
        let mut run = RunReport::new("repo maintain", address, outcome, problems).took(took);
        run.items = freed.count;
        run.bytes = Some(freed.bytes);
        self.output.finish(context, &document, text, run)
    }
}

/// A plan in lines. Owners and reasons come from the repository, so they may hold anything.
fn in_words(plan: &MaintenancePlan) -> String {
    printable_lines(plan.to_string().trim_end())
}

/// Whether a step takes something away for good.
fn deletes(step: &PlannedStep) -> bool {
    let taken = match &step.step {
        Step::DropDeleted { until, .. } => until.is_some(),
        Step::DeletePacks(deleted) => deleted.packs.count + deleted.markers.count > 0,
        Step::CleanMarkers(amount)
        | Step::DeleteSuperseded(amount)
        | Step::DeleteMerged(amount)
        | Step::CleanLogs(amount) => amount.count > 0,
        Step::Collect(_) | Step::CompactManifests(_) | Step::Rewrite(_) | Step::ExtendLocks(_) => false,
        Step::CompactIndexes(_) | Step::CompactEpoch(_) | Step::AdvanceEpoch(_) | Step::CompactRange(_) => false,
    };
    taken && step.skipped.is_none()
}

/// The packs that were deleted.
fn freed(report: &MaintenanceReport) -> Amount {
    let packs = report.steps.iter().filter_map(|step| match &step.step {
        Step::DeletePacks(deleted) if step.skipped.is_none() => Some(deleted.packs),
        _ => None,
    });
    packs.fold(Amount::default(), |sum, more| Amount { count: sum.count + more.count, bytes: sum.bytes + more.bytes })
}

fn tell(report: &MaintenanceReport, freed: Amount, took: Duration, context: &mut Context) {
    let Some(cycle) = report.cycle else {
        context.tell("No maintenance is due; --mode quick or full runs it all the same.");
        return;
    };
    let style = context.style();
    let name = if cycle == Cycle::Full { "Full" } else { "Quick" };
    context.tell(style.bold(format_args!("{name} maintenance in {}:", time::span(took))));
    for step in &report.steps {
        match &step.skipped {
            None => context.tell(format_args!("  {}", step.step)),
            Some(reason) => {
                let reason = printable(reason);
                context.tell(style.dim(format_args!("  not now: {} ({reason})", step.step)));
            }
        }
    }
    context.tell(format_args!("{} in {} freed.", bytes(freed.bytes), count(freed.count as usize, "pack")));
}
