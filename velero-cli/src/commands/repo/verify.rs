//! `velero repo verify`: whether what the repository has can be restored, and what is hurt if not.

use super::effort::Effort;
use super::location::{Access, Location};
use super::output::Output;
use super::progress::{Look, Meter};
use super::snapshot::chosen;
use crate::context::Context;
use crate::exit::{Exit, usage};
use crate::output::{bytes, count, printable, time};
use crate::report::{Problems, RunReport};
use anyhow::Context as _;
use serde::Serialize;
use std::time::{Duration, Instant};
use velero_core::{Problem, Severity, Stage};
use velero_repo::repository::open::Repository;
use velero_repo::repository::verify::{Damage, Hurt, Level, Report, SnapshotReport, VerifyOptions, verify};

/// Percentage of contents that are read when nothing else is said.
const SAMPLE: u8 = 10;

/// Arguments of `repo verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only these snapshots: identities or unique beginnings of them, at least 4 characters [default: all]
    #[arg(value_name = "SNAPSHOT")]
    snapshots: Vec<String>,
    /// How thoroughly [default: metadata]
    #[arg(long, value_enum, value_name = "LEVEL")]
    level: Option<LevelName>,
    /// With --level sampled: how many of a hundred contents are read [default: 10]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(1..=100))]
    sample: Option<u8>,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    location: Location,
}

/// How thoroughly; each level includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum LevelName {
    /// The index, and that every pack is there and long enough
    Index,
    /// Every directory of every snapshot
    Metadata,
    /// The bytes of some contents
    Sampled,
    /// The bytes of all contents
    Everything,
}

#[derive(Serialize)]
struct Document<'a> {
    outcome: &'static str,
    seconds: f64,
    #[serde(flatten)]
    report: &'a Report,
}

/// Verifies a repository.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    args.output.check(context)?;
    let level = args.level()?;
    let repository = args.location.open(Access::Verify, context).await?;
    let options = args.options(level, &repository, context).await?;
    let started = Instant::now();
    let progress = options.progress.clone();
    let meter = Meter::start("verifying", move || {
        let (checked, total) = (progress.checked(), progress.bytes_to_read());
        let total = (total > 0).then_some(total);
        Look { bytes: checked.bytes_read, total, files: checked.files, failed: 0 }
    });
    let result = verify(&repository, &options).await;
    meter.finish();
    let report = result.context("verifying the repository")?;
    show(&args, &report, started.elapsed(), context)
}

impl Args {
    fn level(&self) -> anyhow::Result<Level> {
        match (self.level, self.sample) {
            (Some(LevelName::Sampled), percent) | (None, percent @ Some(_)) => {
                // Other contents each time, so that many small checks become a large one.
                let seed = jiff::Timestamp::now().as_nanosecond() as u64;
                Ok(Level::Sampled { percent: percent.unwrap_or(SAMPLE), seed })
            }
            (Some(_), Some(_)) => Err(usage("--sample goes with --level sampled only")),
            (Some(LevelName::Index), None) => Ok(Level::Index),
            (Some(LevelName::Metadata) | None, None) => Ok(Level::Metadata),
            (Some(LevelName::Everything), None) => Ok(Level::Everything),
        }
    }

    async fn options(&self, level: Level, repository: &Repository, context: &Context) -> anyhow::Result<VerifyOptions> {
        let mut options = VerifyOptions { workers: self.effort.workers(), ..VerifyOptions::new(level) };
        if !self.snapshots.is_empty() {
            let all = chosen::all(repository).await?;
            for text in &self.snapshots {
                options.snapshots.push(chosen::one(&all, text)?.id.clone());
            }
        }
        options.memory = self.effort.memory.unwrap_or((1 + options.workers as u64) * (64 << 20));
        options.cancel = context.cancel.clone();
        Ok(options)
    }
}

fn show(args: &Args, report: &Report, took: Duration, context: &mut Context) -> anyhow::Result<Exit> {
    let outcome = if report.is_whole() { "Completed" } else { "Failed" };
    let document = Document { outcome, seconds: took.as_secs_f64(), report };
    let checked = report.checked;
    let text = |context: &mut Context| {
        let style = context.style();
        let verdict = match report.is_whole() {
            true => style.green("Nothing is damaged"),
            false => style.red("The repository is damaged"),
        };
        context.tell(format_args!("{verdict}: {}.", restorable(&report.snapshots)));
        context.tell(format_args!(
            "Checked {}, {}, {} ({} read) in {}.",
            count(checked.blobs as usize, "blob"),
            count(checked.files as usize, "file"),
            count(checked.contents as usize, "content"),
            bytes(checked.bytes_read),
            time::span(took),
        ));
    };
    let mut run = RunReport::new("repo verify", &report.repository, outcome, problems(report)).took(took);
    run.items = checked.contents_read;
    run.bytes = Some(checked.bytes_read);
    args.output.finish(context, &document, text, run)
}

/// How many snapshots are hurt, and how many never were whole.
fn restorable(snapshots: &[SnapshotReport]) -> String {
    let lost = snapshots.iter().filter(|snapshot| !snapshot.restorable).count();
    let incomplete = snapshots.iter().filter(|snapshot| !snapshot.incomplete.is_empty()).count();
    let mut text = format!("{lost} of {} can not be restored whole", count(snapshots.len(), "snapshot"));
    if incomplete > 0 {
        let are = if incomplete == 1 { "is" } else { "are" };
        text.push_str(&format!("; {incomplete} {are} incomplete"));
    }
    text
}

/// Damages as errors with the files that they hurt, oddities as warnings. Names may hold anything, so they are escaped.
pub fn problems(report: &Report) -> Problems {
    let error = |text: String| Problem::error(Stage::Volume, "Damaged", printable(&text));
    let warning = |text: String| Problem::warning(Stage::Volume, "Odd", printable(&text));
    let errors = report.damages.iter().map(|damage| error(in_words(damage)));
    let warnings = report.warnings.iter().map(|one| warning(format!("{}: {}", one.what, one.reason)));
    let mut problems = Problems::from(errors.chain(warnings).collect::<Vec<_>>());
    problems.add_unnamed(Severity::Error, report.more_damages);
    problems.add_unnamed(Severity::Warning, report.more_warnings);
    problems
}

/// `p123…: it is missing; snapshot 4f2…: 3 entries: a, b, …`.
fn in_words(damage: &Damage) -> String {
    let hurts = damage.hurts.iter().map(|hurt| format!("; snapshot {}: {}", hurt.snapshot, entries(hurt)));
    format!("{}: {}", damage.what, damage.reason) + &hurts.collect::<String>()
}

/// What of a snapshot is hurt. Without a path it is all of it: its manifest, or the only file that it has.
fn entries(hurt: &Hurt) -> String {
    let name = |path: &String| match path.as_str() {
        "" => "all of it".to_owned(),
        "/" => "its root directory".to_owned(),
        path => path.to_owned(),
    };
    let names: Vec<_> = hurt.paths.iter().map(name).collect();
    let number = count(hurt.files as usize, "entry");
    match (&names[..], &hurt.paths[..]) {
        ([], _) => number,
        ([only], [path]) if hurt.files == 1 && ["", "/"].contains(&path.as_str()) => only.clone(),
        _ => {
            let more = if hurt.files > names.len() as u64 { ", …" } else { "" };
            format!("{number}: {}{more}", names.join(", "))
        }
    }
}

#[cfg(test)]
mod tests;
