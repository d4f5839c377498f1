//! What an upload did, as a document and as problems.

use crate::commands::repo::snapshot::document::SnapshotDocument;
use crate::commands::repo::snapshot::troubles;
use serde::Serialize;
use std::time::Duration;
use velero_core::{Problem, Stage};
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
pub fn problems(report: &UploadReport) -> Vec<Problem> {
    let mut problems = Vec::new();
    troubles::add(&mut problems, &report.failed, |text| Problem::error(Stage::Volume, "EntryNotRead", text));
    troubles::add(&mut problems, &report.ignored, |text| Problem::warning(Stage::Volume, "EntryNotRead", text));
    troubles::add(&mut problems, &report.changed, |text| Problem::warning(Stage::Volume, "EntryChanged", text));
    for (what, these) in &report.lost {
        troubles::add(&mut problems, these, |text| Problem::warning(Stage::Volume, word(*what), text));
    }
    problems
}

/// Partially failed when an entry is missing that should be there.
pub fn outcome(report: &UploadReport) -> &'static str {
    if report.failed.count == 0 { "Completed" } else { "PartiallyFailed" }
}
