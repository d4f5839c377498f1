//! What a restore did, as a document, as text and as problems.

use crate::commands::repo::output::Output;
use crate::commands::repo::snapshot::troubles;
use crate::context::Context;
use crate::exit::Exit;
use crate::output::{bytes, count, printable, time};
use crate::report::{Problems, RunReport};
use serde::Serialize;
use std::path::Path;
use std::time::Duration;
use velero_core::{Problem, Severity, Stage};
use velero_repo::repository::directory::Entry;
use velero_repo::repository::download::{DownloadReport, Trouble};

/// A restore that is done.
pub struct Restored<'a> {
    /// What was restored, as the command line names it.
    pub target: &'a str,
    /// Where to.
    pub directory: &'a Path,
    /// How long it took.
    pub took: Duration,
    /// What was done.
    pub report: DownloadReport,
    /// What the snapshot itself lacks, in sentences.
    pub lacks: Vec<String>,
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

impl Restored<'_> {
    /// Prints what was done, and whatever is absent or differs.
    pub fn show(&self, output: Output, context: &mut Context) -> anyhow::Result<Exit> {
        let outcome = if self.report.failed.count == 0 { "Completed" } else { "PartiallyFailed" };
        let (target, directory, took) = (self.target, self.directory, self.took);
        let report = &self.with_lacks();
        let document = Document { outcome, target, directory, seconds: took.as_secs_f64(), report };
        let text = |context: &mut Context| {
            let style = context.style();
            context.tell(format_args!("{}: {} in {}.", style.phase(outcome), what(report), time::span(took)));
            if report.kept + report.deleted > 0 {
                context.tell(format_args!("{} left as they were, {} deleted.", report.kept, report.deleted));
            }
        };
        let mut run = RunReport::new("repo snapshot restore", target, outcome, self.problems()).took(took);
        run.items = report.files;
        run.bytes = Some(report.bytes);
        output.finish(context, &document, text, run)
    }

    /// The report, with what the snapshot lacks among its warnings: the target as a whole is not what was backed up.
    fn with_lacks(&self) -> DownloadReport {
        let mut report = self.report.clone();
        let lacks = self.lacks.iter().map(|reason| Trouble { path: String::new(), reason: reason.clone() });
        report.warnings.count += self.lacks.len() as u64;
        report.warnings.named.splice(..0, lacks);
        report
    }

    fn problems(&self) -> Problems {
        let lacks = self.lacks.iter().map(|text| Problem::warning(Stage::Volume, "SnapshotLacks", printable(text)));
        let mut problems = Problems::from(lacks.collect::<Vec<_>>());
        troubles::add(&mut problems, &self.report.failed, Severity::Error, "EntryNotRestored");
        troubles::add(&mut problems, &self.report.warnings, Severity::Warning, "EntryDiffers");
        problems
    }
}

/// `2 files, 1 directory, 3 links, 4.0 KiB`.
fn what(report: &DownloadReport) -> String {
    let files = count(report.files as usize, "file");
    let directories = count(report.directories as usize, "directory");
    let links = (report.links > 0).then(|| count(report.links as usize, "link"));
    let parts = [files, directories].into_iter().chain(links).chain([bytes(report.bytes)]);
    parts.collect::<Vec<_>>().join(", ")
}

/// What an entry lacks since its snapshot was taken: no restore brings it back.
pub fn lacks(entry: &Entry) -> Vec<String> {
    let Some(summary) = &entry.summary else { return Vec::new() };
    let absent = summary.failed.saturating_add(summary.ignored_errors);
    let stopped = (!summary.incomplete.is_empty())
        .then(|| format!("the snapshot is incomplete ({}): what it had not reached is absent", summary.incomplete));
    let are = if absent == 1 { "is" } else { "are" };
    let failed = (absent > 0).then(|| {
        let number = count(usize::try_from(absent).unwrap_or(usize::MAX), "entry");
        format!("{number} could not be read when the snapshot was taken, and {are} absent")
    });
    stopped.into_iter().chain(failed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use velero_repo::repository::directory::Summary;

    fn restored(report: DownloadReport, lacks: Vec<String>) -> Restored<'static> {
        Restored { target: "4f", directory: Path::new("here"), took: Duration::ZERO, report, lacks }
    }

    #[test]
    fn links_are_mentioned_where_there_are_any() {
        let report = DownloadReport { files: 2, directories: 1, bytes: 4096, ..Default::default() };
        assert_eq!(what(&report), "2 files, 1 directory, 4.0 KiB");
        let report = DownloadReport { links: 1, ..Default::default() };
        assert_eq!(what(&report), "0 files, 0 directories, 1 link, 0 bytes");
    }

    #[test]
    fn what_the_snapshot_lacks_is_a_warning_in_text_and_document() {
        let entry = |summary: Summary| Entry { summary: Some(Box::new(summary)), ..Entry::default() };
        assert!(lacks(&entry(Summary::default())).is_empty() && lacks(&Entry::default()).is_empty());
        let summary = Summary { failed: 2, ignored_errors: 1, incomplete: "canceled".into(), ..Summary::default() };
        let lacks = lacks(&entry(summary));
        assert!(lacks[0].contains("incomplete (canceled)") && lacks[1].starts_with("3 entries"), "{lacks:?}");
        let restored = restored(DownloadReport::default(), lacks);
        let warnings = restored.with_lacks().warnings;
        assert_eq!((warnings.count, warnings.named.len()), (2, 2));
        let run = RunReport::new("repo snapshot restore", "4f", "Completed", restored.problems());
        assert_eq!((run.warnings, run.exit()), (2, Exit::Completed));
    }
}
