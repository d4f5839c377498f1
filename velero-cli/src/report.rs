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
/// Severities with their words, in the order in which they are told.
const SEVERITIES: [(Severity, &str); 2] = [(Severity::Error, "error"), (Severity::Warning, "warning")];

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
    /// Number of errors, those that are only counted with them.
    pub errors: usize,
    /// Number of warnings, those that are only counted with them.
    pub warnings: usize,
    /// Every problem that has a name.
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

/// Problems of a run. Of very many only the first have names; all are counted.
#[derive(Debug, Default)]
pub struct Problems {
    named: Vec<Problem>,
    more_errors: usize,
    more_warnings: usize,
}

impl Problems {
    /// Adds one.
    pub fn push(&mut self, problem: Problem) {
        self.named.push(problem);
    }

    /// Adds some of which nothing but their number is known.
    pub fn add_unnamed(&mut self, severity: Severity, number: u64) {
        let more = match severity {
            Severity::Error => &mut self.more_errors,
            Severity::Warning => &mut self.more_warnings,
        };
        *more += number as usize;
    }
}

impl From<Vec<Problem>> for Problems {
    fn from(named: Vec<Problem>) -> Problems {
        Problems { named, ..Problems::default() }
    }
}

/// What shows the problems that a list leaves out.
#[derive(Clone, Copy, Debug)]
pub enum More<'a> {
    /// This command.
    Command(&'a str),
    /// The same command with this flag.
    Flag(&'a str),
}

impl RunReport {
    /// A report with the counts of `problems`.
    pub fn new(
        command: &'static str,
        name: impl Into<String>,
        outcome: impl ToString,
        problems: impl Into<Problems>,
    ) -> Self {
        let Problems { named, more_errors, more_warnings } = problems.into();
        let errors = of(&named, Severity::Error).count();
        RunReport {
            version: 1,
            command,
            name: name.into(),
            outcome: outcome.to_string(),
            errors: errors + more_errors,
            warnings: named.len() - errors + more_warnings,
            problems: named,
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

    /// Tells the problems, prints the JSON form if it is wanted, and returns the exit code. `more` shows what the list of
    /// problems leaves out.
    pub fn finish(mut self, context: &mut Context, more: More<'_>) -> Exit {
        let exit = self.exit();
        self.exit_code = exit.code();
        tell_counted(context, &self.problems, [self.errors, self.warnings], more);
        print(context, &self);
        exit
    }
}

/// Prints the report of a command that ended with `error`, if reports are wanted.
pub fn of_error(context: &mut Context, command: &'static str, error: &anyhow::Error, exit: Exit) {
    let outcome = if exit == Exit::Interrupted { "Interrupted" } else { "Failed" };
    let mut report = RunReport::new(command, "", outcome, Vec::new());
    report.exit_code = exit.code();
    report.error = Some(one_line(error));
    print(context, &report);
}

fn print(context: &mut Context, report: &RunReport) {
    if context.reports() {
        match serde_json::to_string_pretty(report) {
            Ok(text) => context.out.line(text),
            Err(error) => crate::output::note(format_args!("velero: printing the report: {error}")),
        }
    }
}

/// Lists problems, errors first.
pub fn tell_problems(context: &mut Context, problems: &[Problem], more: More<'_>) {
    let totals = SEVERITIES.map(|(severity, _)| of(problems, severity).count());
    tell_counted(context, problems, totals, more);
}

/// Lists problems of which there are `totals`, some of them without a name.
fn tell_counted(context: &mut Context, problems: &[Problem], totals: [usize; 2], more: More<'_>) {
    let style = context.style();
    for ((severity, word), total) in SEVERITIES.into_iter().zip(totals).filter(|(_, total)| *total > 0) {
        let heading = format!("{}:", count(total, word));
        context.tell(if severity == Severity::Error { style.red(heading) } else { style.yellow(heading) });
        for problem in of(problems, severity).take(SHOWN) {
            context.tell(format_args!("  {problem}"));
        }
        if let Some(rest) = rest(of(problems, severity).count(), total, more) {
            context.tell(format_args!("  {rest}"));
        }
    }
}

/// How many more there are than those that are shown, and what shows them.
fn rest(named: usize, total: usize, more: More<'_>) -> Option<String> {
    let left = total.saturating_sub(named.min(SHOWN));
    let place = match more {
        _ if left == 0 => return None,
        _ if named <= SHOWN => ", which are only counted".to_owned(),
        More::Command(command) => format!("; see `{command}`"),
        More::Flag(flag) if named == total => format!("; {flag} names them all"),
        More::Flag(flag) => format!("; {flag} names {named} of the {total}"),
    };
    Some(format!("and {left} more{place}"))
}

fn of(problems: &[Problem], severity: Severity) -> impl Iterator<Item = &Problem> {
    problems.iter().filter(move |problem| problem.severity == severity)
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

    #[test]
    fn problems_without_a_name_count_too() {
        let mut problems = Problems::from(vec![Problem::error(Stage::Volume, "EntryNotRead", "a")]);
        problems.add_unnamed(Severity::Error, 1500);
        problems.add_unnamed(Severity::Warning, 7);
        let report = RunReport::new("repo snapshot create", "s", "PartiallyFailed", problems);
        assert_eq!((report.errors, report.warnings, report.problems.len()), (1501, 7, 1));
    }

    #[test]
    fn what_is_not_shown_is_counted_and_named_only_where_it_can_be_found() {
        let check = |named, total, expected: Option<&str>| {
            assert_eq!(rest(named, total, More::Flag("-o json")).as_deref(), expected, "{named} {total}");
        };
        check(0, 0, None);
        check(20, 20, None);
        check(21, 21, Some("and 1 more; -o json names them all"));
        check(1000, 2500, Some("and 2480 more; -o json names 1000 of the 2500"));
        check(3, 5, Some("and 2 more, which are only counted"));
        let other = rest(25, 25, More::Command("velero backup describe web"));
        assert_eq!(other.as_deref(), Some("and 5 more; see `velero backup describe web`"));
    }
}
