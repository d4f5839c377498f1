//! What a restore leaves in the store: its document, log, results and resource list (spec 1.3, 1.6, 1.7).

use super::Restore;
use super::RestoreReport;
use super::apply::Tally;
use super::session::Session;
use crate::error::Result;
use crate::event::Event;
use bytes::Bytes;
use velero_core::Problem;
use velero_core::api::restore::RestoreProgress;
use velero_core::api::{RestorePhase, RestoreStatus};
use velero_core::plan::Plan;
use velero_core::problem::{Outcome, Results, Severity, Stage};
use velero_repo::store::RestoreDocument;
use velero_repo::{BackupName, RestoreName};

/// The time in RFC 3339, UTC, whole seconds.
pub(super) fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Refuses a restore that the store already has; what a killed run left of its documents is no obstacle.
pub(super) async fn refuse_used_name(driver: &Restore, session: &Session) -> Result<()> {
    if driver.options.keep_out_of_store {
        return Ok(());
    }
    let name = RestoreName::new(session.pipeline.restore.metadata.name.clone())?;
    let backup = BackupName::new(session.pipeline.restore.spec.backup_name.clone())?;
    Ok(driver.store.refuse_existing_restore(&backup, &name).await?)
}

/// Makes the report and stores the documents, the Restore document last. What can not be stored is an error of the
/// report: the objects are in the cluster all the same.
pub(super) async fn finish(
    driver: &Restore,
    session: &Session,
    plan: &Plan,
    tally: Tally,
    started: String,
) -> RestoreReport {
    let mut restore = plan.restore.clone();
    restore.spec = session.pipeline.selection.spec().clone();
    let progress = RestoreProgress { total_items: tally.total, items_restored: tally.restored };
    let mut report = RestoreReport { restore, problems: tally.problems, resource_list: tally.resource_list };
    report.conclude(&started, &progress);
    if driver.options.keep_out_of_store {
        return report;
    }
    let results = Results::from_problems(&report.problems);
    let documents = [
        (RestoreDocument::Log, Ok(log(plan, &report))),
        (RestoreDocument::Results, serde_json::to_vec(&results)),
        (RestoreDocument::ResourceList, resource_list(&report)),
    ];
    for (document, bytes) in documents {
        report.store(driver, document, bytes).await;
    }
    report.conclude(&started, &progress);
    let document = serde_json::to_vec_pretty(&report.restore);
    report.store(driver, RestoreDocument::Restore, document).await;
    report.conclude(&started, &progress);
    report
}

impl RestoreReport {
    /// Computes the status from the problems.
    fn conclude(&mut self, started: &str, progress: &RestoreProgress) {
        let count = |severity| self.problems.iter().filter(|problem| problem.severity == severity).count() as u64;
        let phase = match Outcome::of(&self.problems) {
            Outcome::Completed => RestorePhase::Completed,
            Outcome::PartiallyFailed => RestorePhase::PartiallyFailed,
            Outcome::Failed => RestorePhase::Failed,
        };
        self.restore.status = RestoreStatus {
            phase: Some(phase),
            warnings: count(Severity::Warning),
            errors: count(Severity::Error),
            start_timestamp: Some(started.to_owned()),
            completion_timestamp: Some(now()),
            progress: Some(progress.clone()),
            ..RestoreStatus::default()
        };
    }

    async fn store(&mut self, driver: &Restore, document: RestoreDocument, bytes: serde_json::Result<Vec<u8>>) {
        let (spec, metadata) = (&self.restore.spec, &self.restore.metadata);
        let stored = async {
            let backup = BackupName::new(spec.backup_name.clone())?;
            let restore = RestoreName::new(metadata.name.clone())?;
            let bytes =
                bytes.map_err(|source| velero_core::Error::Document { what: format!("{document:?}"), source })?;
            driver.store.put_restore(&backup, &restore, document, Bytes::from(bytes)).await?;
            Ok::<(), crate::Error>(())
        };
        if let Err(error) = stored.await {
            let text = format!("storing {document:?} of restore {}: {error}", metadata.name);
            let problem = Problem::error(Stage::Store, "NotStored", text);
            (driver.options.observer)(Event::Problem(problem.clone()));
            self.problems.push(problem);
        }
    }
}

/// The resource list as JSON. Its size is known beforehand; a buffer that doubles would be the peak of a large restore.
fn resource_list(report: &RestoreReport) -> serde_json::Result<Vec<u8>> {
    let entries = |list: &Vec<String>| list.iter().map(|entry| entry.len() + 3).sum::<usize>();
    let size = report.resource_list.iter().map(|(key, list)| key.len() + 8 + entries(list)).sum::<usize>();
    let mut json = Vec::with_capacity(size + 8);
    serde_json::to_writer(&mut json, &report.resource_list)?;
    Ok(json)
}

/// The log: what was planned, what became of it, and each problem, one line each.
fn log(plan: &Plan, report: &RestoreReport) -> Vec<u8> {
    let time = now();
    let line = |level: &str, text: String| format!("time=\"{time}\" level={level} msg={text:?}\n");
    let mut log = line("info", format!("restore {} of backup {}", plan.restore.metadata.name, plan.backup.name));
    for step in &plan.steps {
        log += &line("info", format!("step {}: {} objects", step.resource, step.items.len()));
    }
    for problem in &report.problems {
        let level = if problem.severity == Severity::Error { "error" } else { "warning" };
        log += &line(level, problem.to_string());
    }
    let phase = report.restore.status.phase.clone().unwrap_or_default();
    log += &line("info", format!("restore {}: {phase}", plan.restore.metadata.name));
    log.into_bytes()
}
