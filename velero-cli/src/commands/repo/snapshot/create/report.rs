//! What an upload did, as a document and as problems.

use crate::commands::repo::snapshot::document::SnapshotDocument;
use serde::Serialize;
use std::time::Duration;
use velero_core::{Problem, Stage};
use velero_repo::repository::upload::{Lost, Trouble, Troubles, UploadReport};

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
    failed: TroublesDocument<'a>,
    ignored: TroublesDocument<'a>,
    changed: TroublesDocument<'a>,
    lost: Vec<LostDocument<'a>>,
}

/// How many, and the first of them.
#[derive(Serialize)]
struct TroublesDocument<'a> {
    count: u64,
    named: Vec<EntryDocument<'a>>,
}

#[derive(Serialize)]
struct EntryDocument<'a> {
    path: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct LostDocument<'a> {
    what: &'static str,
    #[serde(flatten)]
    troubles: TroublesDocument<'a>,
}

impl<'a> From<&'a Troubles> for TroublesDocument<'a> {
    fn from(troubles: &'a Troubles) -> Self {
        let entry = |one: &'a Trouble| EntryDocument { path: &one.path, reason: &one.reason };
        TroublesDocument { count: troubles.count, named: troubles.named.iter().map(entry).collect() }
    }
}

impl<'a> UploadDocument<'a> {
    /// The document of an upload that took `duration`.
    pub fn new(
        snapshot: &'a SnapshotDocument<'a>,
        report: &'a UploadReport,
        outcome: &'a str,
        duration: Duration,
    ) -> Self {
        let lost =
            |(what, troubles): (&Lost, &'a Troubles)| LostDocument { what: word(*what), troubles: troubles.into() };
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
            failed: (&report.failed).into(),
            ignored: (&report.ignored).into(),
            changed: (&report.changed).into(),
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
    add(&mut problems, &report.failed, |text| Problem::error(Stage::Volume, "EntryNotRead", text));
    add(&mut problems, &report.ignored, |text| Problem::warning(Stage::Volume, "EntryNotRead", text));
    add(&mut problems, &report.changed, |text| Problem::warning(Stage::Volume, "EntryChanged", text));
    for (what, troubles) in &report.lost {
        add(&mut problems, troubles, |text| Problem::warning(Stage::Volume, word(*what), text));
    }
    problems
}

fn add(problems: &mut Vec<Problem>, troubles: &Troubles, problem: impl Fn(String) -> Problem) {
    problems.extend(troubles.named.iter().map(|one| problem(format!("{}: {}", one.path, one.reason))));
    let unnamed = troubles.count - troubles.named.len() as u64;
    if unnamed > 0 {
        problems.push(problem(format!("the same with {unnamed} more entries")));
    }
}

/// Partially failed when an entry is missing that should be there.
pub fn outcome(report: &UploadReport) -> &'static str {
    if report.failed.count == 0 { "Completed" } else { "PartiallyFailed" }
}
