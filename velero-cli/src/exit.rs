//! Exit codes, and how an error becomes one line on stderr.
//!
//! 0 completed, 2 partially failed, 1 failed, 64 wrong usage, 130 interrupted. Only a run whose report says
//! PartiallyFailed yields 2, so a script may rely on it.

use crate::output::printable;
use std::fmt;
use std::process::ExitCode;
use velero_core::problem::Outcome;

/// How the command ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All was done.
    Completed,
    /// Some objects have errors; the rest was done.
    PartiallyFailed,
    /// It could not be done.
    Failed,
    /// The command line is wrong.
    Usage,
    /// Ctrl-C or a termination signal.
    Interrupted,
}

impl Exit {
    /// The number that the shell sees.
    pub fn code(self) -> u8 {
        match self {
            Exit::Completed => 0,
            Exit::Failed => 1,
            Exit::PartiallyFailed => 2,
            Exit::Usage => 64,
            Exit::Interrupted => 130,
        }
    }

    /// The exit when what was to be printed was lost: whoever reads it does not know what was done.
    pub fn unread(self) -> Exit {
        match self {
            Exit::Completed | Exit::PartiallyFailed => Exit::Failed,
            other => other,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        ExitCode::from(exit.code())
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Exit {
        match outcome {
            Outcome::Completed => Exit::Completed,
            Outcome::PartiallyFailed => Exit::PartiallyFailed,
            Outcome::Failed => Exit::Failed,
        }
    }
}

/// The command line parses but asks for something that does not fit or is not there yet.
#[derive(Debug)]
pub struct Usage(pub String);

impl fmt::Display for Usage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// An error for wrong usage.
pub fn usage(text: impl Into<String>) -> anyhow::Error {
    Usage(text.into()).into()
}

/// The user or the system asked to stop.
#[derive(Debug)]
pub struct Interrupted;

impl fmt::Display for Interrupted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("interrupted; nothing unfinished is visible in the store")
    }
}

impl std::error::Error for Interrupted {}

/// Which exit code an error deserves.
pub fn of_error(error: &anyhow::Error) -> Exit {
    let cancelled = |e: &(dyn std::error::Error + 'static)| {
        e.is::<Interrupted>()
            || matches!(e.downcast_ref(), Some(velero_k8s::Error::Cancelled))
            || matches!(e.downcast_ref(), Some(velero_repo::Error::Cancelled { .. }))
    };
    if error.chain().any(cancelled) {
        Exit::Interrupted
    } else if error.chain().any(|e| e.is::<Usage>()) {
        Exit::Usage
    } else {
        Exit::Failed
    }
}

/// Prints `velero: <what failed>: <why>` on stderr, in one line, and returns the exit code.
pub fn fail(error: &anyhow::Error) -> Exit {
    crate::output::note(format_args!("velero: {}", one_line(error)));
    of_error(error)
}

/// The chain of causes in one line, with the fix when it is known. A cause that its parent's text repeats already is left
/// out, and nothing in it acts on a terminal.
pub fn one_line(error: &anyhow::Error) -> String {
    let mut line = String::new();
    for cause in error.chain() {
        let text = cause.to_string().split_whitespace().collect::<Vec<_>>().join(" ");
        let text = text.trim_end_matches([';', '.']).to_owned();
        if line.is_empty() {
            line = text;
        } else if !text.is_empty() && !line.contains(&text) {
            line = format!("{line}: {text}");
        }
    }
    let line = printable(&line);
    match error.chain().find_map(fix) {
        Some(fix) => format!("{line}; {fix}"),
        None => line,
    }
}

/// What to do about an error, as far as its class tells.
fn fix(error: &(dyn std::error::Error + 'static)) -> Option<&'static str> {
    if let Some(error) = error.downcast_ref::<velero_repo::Error>() {
        let unsigned = std::error::Error::source(error).is_some_and(|e| e.to_string().contains("signing credential"));
        return match error.kind() {
            _ if unsigned => Some("set the store's credentials (environment, --credentials-file or --profile)"),
            _ if !is_of_store(error) => None,
            velero_repo::ErrorKind::Denied => {
                Some("check the store's credentials (environment, --credentials-file, --profile) and their rights")
            }
            velero_repo::ErrorKind::Unavailable => Some("check the address in --store or VELERO_STORE"),
            _ => None,
        };
    }
    match error.downcast_ref::<velero_k8s::Error>()? {
        velero_k8s::Error::Api { code: 401, .. } => Some("check the credentials in --kubeconfig and --kubecontext"),
        velero_k8s::Error::Api { code: 403, .. } => Some("the account of the kubeconfig lacks this right"),
        velero_k8s::Error::Core(velero_core::Error::Invalid { faults, .. })
            if faults.iter().any(|fault| fault.contains("would come back without")) =>
        {
            Some("add --allow-empty-volumes if an empty volume is fine")
        }
        velero_k8s::Error::Transport { .. } => Some("check --kubeconfig and --kubecontext, and that the server is up"),
        _ => None,
    }
}

/// Whether the store may be at fault. Where the repository or the system refuses, or somebody else is at work, its address
/// and credentials have no part in it.
fn is_of_store(error: &velero_repo::Error) -> bool {
    use velero_repo::Error;
    match error {
        Error::Denied { .. } | Error::Io { .. } | Error::Locked { .. } => false,
        Error::Abandoned { source, .. } | Error::Entry { source, .. } => is_of_store(source),
        Error::Ended { source } => is_of_store(source),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::anyhow;

    #[test]
    fn who_is_refused_because_others_are_at_work_is_not_sent_to_look_at_the_store() {
        use velero_repo::Error;
        let locked = || Error::Locked { what: "maintenance".into(), reason: "under way".into() };
        let denied = || Error::Denied { what: "maintenance".into(), reason: "its owner is another".into() };
        let entry = |source| Error::Entry { operation: "restoring", path: "a".into(), source: Box::new(source) };
        let ended = |source| Error::Ended { source: std::sync::Arc::new(source) };
        for error in [locked(), entry(locked()), ended(locked()), denied(), entry(denied()), ended(denied())] {
            let line = one_line(&error.into());
            assert!(!line.contains("check") && line.contains("maintenance: "), "{line}");
        }
    }

    #[test]
    fn only_a_partial_failure_yields_2() {
        let all = [Exit::Completed, Exit::PartiallyFailed, Exit::Failed, Exit::Usage, Exit::Interrupted];
        let two: Vec<_> = all.into_iter().filter(|exit| exit.code() == 2).collect();
        assert_eq!(two, [Exit::PartiallyFailed]);
    }

    #[test]
    fn errors_map_to_their_codes() {
        let check = |error: anyhow::Error, code: u8| assert_eq!(of_error(&error).code(), code);
        check(anyhow!("broken"), 1);
        check(usage("no such flag").context("backup create"), 64);
        check(anyhow::Error::new(velero_k8s::Error::Cancelled).context("backing up"), 130);
        check(Interrupted.into(), 130);
    }

    #[test]
    fn output_that_is_lost_is_a_failure_of_what_would_be_none() {
        let all = [Exit::Completed, Exit::PartiallyFailed, Exit::Failed, Exit::Usage, Exit::Interrupted];
        assert_eq!(all.map(|exit| exit.unread().code()), [1, 1, 1, 64, 130]);
    }

    #[test]
    fn names_in_an_error_do_not_act_on_a_terminal() {
        assert_eq!(one_line(&anyhow!("a\u{1b}[2J\u{7}")), "a\\u{1b}[2J\\u{7}");
    }

    #[test]
    fn an_error_is_one_line_without_repetition() {
        let error = anyhow!("disk\nfull").context("writing x: disk full").context("backup web");
        assert_eq!(one_line(&error), "backup web: writing x: disk full");
    }
}
