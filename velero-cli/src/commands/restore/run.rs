//! The part that `restore create` and `restore apply` share: options, progress, what is told at the end, and where the
//! documents of the restore go.

use crate::context::Context;
use crate::exit::Exit;
use crate::flags::boolean;
use crate::output::progress::Progress;
use crate::output::{count, time};
use crate::report::{More, RunReport};
use anyhow::Context as _;
use serde::Serialize;
use std::path::{Path, PathBuf};
use std::time::Instant;
use velero_core::api::RestorePhase;
use velero_core::{Problem, Results, Stage};
use velero_k8s::{RestoreOptions, RestoreReport};

/// Flags of a restore that writes.
#[derive(Debug, clap::Args)]
pub struct RunFlags {
    /// Restore claims empty when this build can not restore their data
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    pub allow_empty_volumes: Option<bool>,
    /// Write the restore's documents into this directory and nothing into the store (for read-only credentials)
    #[arg(long, value_name = "DIR")]
    pub report_dir: Option<PathBuf>,
    /// Objects written at once
    #[arg(long, value_name = "N", default_value_t = RestoreOptions::default().concurrency, value_parser = positive)]
    pub concurrency: usize,
    /// Accepted for Velero's sake; the command always waits
    #[arg(short, long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    wait: Option<bool>,
}

fn positive(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|n| *n > 0).ok_or_else(|| "expected a number above zero".into())
}

impl RunFlags {
    /// Options for the driver. A report directory that can not be written is found out here, before anything changes.
    pub fn options(&self, progress: &Progress, context: &Context) -> anyhow::Result<RestoreOptions> {
        if let Some(directory) = &self.report_dir {
            writable(directory)?;
        }
        Ok(RestoreOptions {
            allow_empty_volumes: self.allow_empty_volumes == Some(true),
            keep_out_of_store: self.report_dir.is_some(),
            observer: progress.observer(),
            cancel: context.cancel.clone(),
            concurrency: self.concurrency,
            api_group_versions: context.global.api_group_versions(),
            ..RestoreOptions::default()
        })
    }

    /// Tells how the run ended and keeps its documents.
    pub fn finish(
        &self,
        command: &'static str,
        mut report: RestoreReport,
        started: Instant,
        context: &mut Context,
    ) -> Exit {
        let kept = self.keep(&report).unwrap_or_else(|error| {
            // The objects are in the cluster all the same, so the rest of the report is told.
            let text = format!("the documents of the restore could not be kept: {error:#}");
            report.problems.push(Problem::error(Stage::Store, "ReportNotWritten", text));
            report.restore.status.phase = Some(RestorePhase::PartiallyFailed);
            None
        });
        let RestoreReport { restore, problems, resource_list } = &report;
        let (name, style) = (&restore.metadata.name, context.style());
        let phase = restore.status.phase.clone().unwrap_or_default().to_string();
        let items: usize = resource_list.values().map(Vec::len).sum();
        context.tell(format_args!(
            "Restore {} of backup {}: {}. {} in {}{}.",
            style.bold(name),
            restore.spec.backup_name,
            style.phase(&phase),
            count(items, "object"),
            time::span(started.elapsed()),
            actions(resource_list.values().flatten().map(String::as_str)),
        ));
        restore.status.validation_errors.iter().for_each(|fault| context.tell(format_args!("  {fault}")));
        let mut more = format!("velero restore describe {name}");
        if let Some(directory) = &kept {
            context.tell(format_args!("The documents of the restore are in {}.", directory.display()));
            if self.report_dir.is_none() {
                context.tell("The store did not take all of them; --report-dir DIR leaves the store alone.");
            }
            more = format!("less {}", directory.join(format!("{name}-problems.json")).display());
        }
        let mut run = RunReport::new(command, name, &phase, problems.clone()).took(started.elapsed());
        run.backup = Some(restore.spec.backup_name.clone());
        run.items = items as u64;
        run.documents = kept.map(|directory| directory.display().to_string());
        run.finish(context, More::Command(&more))
    }

    /// Writes the documents to the report directory, or to a fresh one if the store did not take them.
    fn keep(&self, report: &RestoreReport) -> anyhow::Result<Option<PathBuf>> {
        let refused = report.problems.iter().any(|problem| problem.stage == Stage::Store && problem.item.is_none());
        let directory = match &self.report_dir {
            Some(directory) => directory.clone(),
            None if refused => {
                let prefix = format!("velero-restore-{}-", report.restore.metadata.name);
                tempfile::Builder::new().prefix(&prefix).tempdir().context("making a directory for the report")?.keep()
            }
            None => return Ok(None),
        };
        write_documents(&directory, report)?;
        Ok(Some(directory))
    }
}

/// `: 3 created, 1 skipped` from the actions in brackets at the end of resource list entries.
fn actions<'a>(entries: impl Iterator<Item = &'a str>) -> String {
    let mut counts = std::collections::BTreeMap::<&str, usize>::new();
    for entry in entries {
        let action = entry.rsplit_once('(').map_or("", |(_, action)| action.trim_end_matches(')'));
        *counts.entry(action).or_default() += 1;
    }
    let parts: Vec<_> =
        counts.iter().filter(|(a, _)| !a.is_empty()).map(|(action, n)| format!("{n} {action}")).collect();
    if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) }
}

fn writable(directory: &Path) -> anyhow::Result<()> {
    let cannot = || format!("the report directory {} can not be written", directory.display());
    std::fs::create_dir_all(directory).with_context(cannot)?;
    tempfile::NamedTempFile::new_in(directory).with_context(cannot)?;
    Ok(())
}

fn write_documents(directory: &Path, report: &RestoreReport) -> anyhow::Result<()> {
    let name = &report.restore.metadata.name;
    write(directory, &format!("{name}.json"), &report.restore)?;
    write(directory, &format!("{name}-results.json"), &Results::from_problems(&report.problems))?;
    write(directory, &format!("{name}-problems.json"), &report.problems as &Vec<Problem>)?;
    write(directory, &format!("{name}-resource-list.json"), &report.resource_list)
}

fn write(directory: &Path, file: &str, value: &impl Serialize) -> anyhow::Result<()> {
    let path = directory.join(file);
    let mut text = serde_json::to_vec_pretty(value)?;
    text.push(b'\n');
    std::fs::write(&path, text).with_context(|| format!("writing {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_are_counted_by_their_last_bracket() {
        let check = |entries: &[&str], expected: &str| assert_eq!(actions(entries.iter().copied()), expected);
        check(&["a/b(created)", "a/c(created)", "d (x)(skipped)"], ": 2 created, 1 skipped");
        check(&[], "");
    }
}
