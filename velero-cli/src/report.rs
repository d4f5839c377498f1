//! What a run did: in words for people, and with `--report json` as one JSON object on stdout.
//!
//! Comes in: the report of a driver. Goes out: text and the exit code, both computed from the problems and the phase.

use crate::context::Context;
use crate::exit::{Exit, one_line};
use crate::output::count;
use serde::Serialize;
use std::time::Duration;
use velero_core::{Problem, Severity};

/// Problems of one severity that are printed before the rest is only counted.
const SHOWN: usize = 20;

/// The machine-readable report of a run. Fields that make no sense for a command are absent.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RunReport {
    /// Version of this document, 1.
    pub version: u32,
    /// What ran, such as `backup create`.
    pub command: &'static str,
    /// Name of the backup or restore.
    pub name: String,
    /// The backup that a restore read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub backup: Option<String>,
    /// `Completed`, `PartiallyFailed`, `Failed`, `FailedValidation`, `Planned` or `Interrupted`.
    pub outcome: String,
    /// The exit code of the command.
    pub exit_code: u8,
    /// Objects backed up, restored, planned or deleted.
    pub items: u64,
    /// Bytes stored or deleted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// Number of errors.
    pub errors: usize,
    /// Number of warnings.
    pub warnings: usize,
    /// Every problem.
    pub problems: Vec<Problem>,
    /// Why the run ended early.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Where the documents of the run lie.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub documents: Option<String>,
    /// How long it took.
    pub seconds: f64,
}

impl RunReport {
    /// A report with the counts of `problems`.
    pub fn new(command: &'static str, name: impl Into<String>, outcome: impl ToString, problems: Vec<Problem>) -> Self {
        let errors = problems.iter().filter(|p| p.severity == Severity::Error).count();
        RunReport {
            version: 1,
            command,
            name: name.into(),
            outcome: outcome.to_string(),
            errors,
            warnings: problems.len() - errors,
            problems,
            ..RunReport::default()
        }
    }

    /// The same report of a run that took `duration`.
    pub fn took(mut self, duration: Duration) -> Self {
        self.seconds = duration.as_secs_f64();
        self
    }

    /// The exit code that the outcome deserves.
    pub fn exit(&self) -> Exit {
        match self.outcome.as_str() {
            "Completed" | "Planned" | "Deleted" => Exit::Completed,
            "PartiallyFailed" => Exit::PartiallyFailed,
            "Interrupted" => Exit::Interrupted,
            _ => Exit::Failed,
        }
    }

    /// Tells the problems, prints the JSON form if it is wanted, and returns the exit code. `more` is the command that
    /// shows what the list of problems leaves out.
    pub fn finish(mut self, context: &mut Context, more: &str) -> Exit {
        let exit = self.exit();
        self.exit_code = exit.code();
        tell_problems(context, &self.problems, more);
        print(context, &self);
        exit
    }
}

/// Prints the report of a command that ended with `error`, if reports are wanted.
pub fn of_error(context: &Context, command: &'static str, error: &anyhow::Error, exit: Exit) {
    let outcome = if exit == Exit::Interrupted { "Interrupted" } else { "Failed" };
    let mut report = RunReport::new(command, "", outcome, Vec::new());
    report.exit_code = exit.code();
    report.error = Some(one_line(error));
    print(context, &report);
}

fn print(context: &Context, report: &RunReport) {
    if context.reports() {
        match serde_json::to_string_pretty(report) {
            Ok(text) => crate::output::Out::new(false).line(text),
            Err(error) => crate::output::note(format_args!("velero: printing the report: {error}")),
        }
    }
}

/// Lists problems, errors first.
pub fn tell_problems(context: &mut Context, problems: &[Problem], more: &str) {
    let style = context.style();
    for (severity, word) in [(Severity::Error, "error"), (Severity::Warning, "warning")] {
        let these: Vec<_> = problems.iter().filter(|p| p.severity == severity).collect();
        if these.is_empty() {
            continue;
        }
        let heading = format!("{}:", count(these.len(), word));
        let heading = if severity == Severity::Error { style.red(heading) } else { style.yellow(heading) };
        context.tell(heading);
        for problem in these.iter().take(SHOWN) {
            context.tell(format_args!("  {problem}"));
        }
        if these.len() > SHOWN {
            context.tell(format_args!("  and {} more; see `{more}`", these.len() - SHOWN));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use velero_core::Stage;

    #[test]
    fn the_exit_code_follows_the_outcome() {
        let check = |outcome: &str, code: u8| {
            assert_eq!(RunReport::new("backup create", "b", outcome, vec![]).exit().code(), code, "{outcome}");
        };
        check("Completed", 0);
        check("Planned", 0);
        check("PartiallyFailed", 2);
        check("Failed", 1);
        check("FailedValidation", 1);
        check("Interrupted", 130);
        check("SomethingNew", 1);
    }

    #[test]
    fn problems_are_counted_by_severity() {
        let problems = vec![
            Problem::error(Stage::Apply, "Conflict", "a"),
            Problem::warning(Stage::Volume, "VolumeDataLeftOut", "b"),
            Problem::warning(Stage::Volume, "VolumeDataLeftOut", "c"),
        ];
        let report = RunReport::new("restore create", "r", "PartiallyFailed", problems);
        assert_eq!((report.errors, report.warnings), (1, 2));
    }
}
