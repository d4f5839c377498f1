//! What an upload did, as a document and as problems.

use crate::commands::repo::snapshot::document::SnapshotDocument;
use crate::commands::repo::snapshot::troubles;
use crate::output::{bytes, count};
use crate::report::Problems;
use serde::Serialize;
use std::time::Duration;
use velero_core::Severity;
use velero_repo::repository::upload::{Lost, Troubles, UploadReport};

/// The document of `repo snapshot create -o json`: the snapshot and how it came about.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UploadDocument<'a> {
    #[serde(flatten)]
    snapshot: &'a SnapshotDocument<'a>,
    outcome: &'a str,
    seconds: f64,
    read_files: u64,
    read_bytes: u64,
    cached_files: u64,
    cached_bytes: u64,
    excluded_files: u64,
    excluded_bytes: u64,
    excluded_directories: u64,
    repaired: u64,
    failed: &'a Troubles,
    ignored: &'a Troubles,
    changed: &'a Troubles,
    lost: Vec<LostDocument<'a>>,
}

/// Entries of which the format can not carry something.
#[derive(Serialize)]
struct LostDocument<'a> {
    what: &'static str,
    #[serde(flatten)]
    troubles: &'a Troubles,
}

impl<'a> UploadDocument<'a> {
    /// The document of an upload that took `duration`.
    pub fn new(
        snapshot: &'a SnapshotDocument<'a>,
        report: &'a UploadReport,
        outcome: &'a str,
        duration: Duration,
    ) -> Self {
        let lost = |(what, troubles): (&Lost, &'a Troubles)| LostDocument { what: word(*what), troubles };
        UploadDocument {
            snapshot,
            outcome,
            seconds: duration.as_secs_f64(),
            read_files: report.read_files,
            read_bytes: report.read_bytes,
            cached_files: report.cached_files,
            cached_bytes: report.cached_bytes,
            excluded_files: report.excluded_files,
            excluded_bytes: report.excluded_bytes,
            excluded_directories: report.excluded_directories,
            repaired: report.repaired,
            failed: &report.failed,
            ignored: &report.ignored,
            changed: &report.changed,
            lost: report.lost.iter().map(lost).collect(),
        }
    }
}

/// What the format can not carry, as a word for programs.
fn word(what: Lost) -> &'static str {
    match what {
        Lost::Special(_) => "SpecialFile",
        Lost::Extended => "ExtendedAttributes",
        Lost::HardLink => "HardLink",
        Lost::Time => "Time",
        Lost::RootName => "RootName",
        _ => "Other",
    }
}

/// Everything that a person should know: entries that are not in the snapshot are errors, what differs is a warning.
pub fn problems(report: &UploadReport) -> Problems {
    let mut problems = Problems::default();
    troubles::add(&mut problems, &report.failed, Severity::Error, "EntryNotRead");
    troubles::add(&mut problems, &report.ignored, Severity::Warning, "EntryNotRead");
    troubles::add(&mut problems, &report.changed, Severity::Warning, "EntryChanged");
    for (what, these) in &report.lost {
        troubles::add(&mut problems, these, Severity::Warning, word(*what));
    }
    problems
}

/// What rules kept out of the snapshot, if anything.
pub fn left_out(report: &UploadReport) -> Option<String> {
    let (files, size) = (report.excluded_files, bytes(report.excluded_bytes));
    let files = (files > 0).then(|| format!("{} ({size})", count(files as usize, "file")));
    let directories = report.excluded_directories;
    let directories = (directories > 0).then(|| count(directories as usize, "directory"));
    let what: Vec<_> = files.into_iter().chain(directories).collect();
    (!what.is_empty()).then(|| format!("{} left out by rules.", what.join(" and ")))
}

/// Partially failed when an entry is missing that should be there.
pub fn outcome(report: &UploadReport) -> &'static str {
    if report.failed.count == 0 { "Completed" } else { "PartiallyFailed" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rules_left_out_is_one_line() {
        let said = |excluded_files, excluded_bytes, excluded_directories| {
            let report = UploadReport { excluded_files, excluded_bytes, excluded_directories, ..Default::default() };
            left_out(&report)
        };
        assert_eq!(said(0, 0, 0), None);
        assert_eq!(said(4, 6 << 20, 0).unwrap(), "4 files (6.0 MiB) left out by rules.");
        assert_eq!(said(1, 7, 2).unwrap(), "1 file (7 bytes) and 2 directories left out by rules.");
        assert_eq!(said(0, 0, 1).unwrap(), "1 directory left out by rules.");
    }
}
