//! The built command, as a person or a script meets it.
#![allow(clippy::unwrap_used, reason = "a test that can not be set up should end there")]

mod cycle;
mod deletion;
mod demo;
mod help;
mod hostile;
mod interrupt;
mod repo;
mod surroundings;
mod usage;

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What one call of the command gave.
struct Outcome {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Outcome {
    /// Fails the test with everything the command said unless it ended with `code`.
    #[track_caller]
    fn expect(self, code: i32) -> Outcome {
        assert_eq!(self.code, code, "stdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
        self
    }

    /// The only line on stderr.
    #[track_caller]
    fn fault(&self) -> &str {
        let mut lines = self.stderr.lines();
        let line = lines.next().unwrap_or_default();
        assert!(line.starts_with("velero: "), "{:?}", self.stderr);
        assert_eq!(lines.next(), None, "more than one line: {}", self.stderr);
        line
    }

    /// Stdout as JSON.
    #[track_caller]
    fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Outcome {
        Outcome {
            code: output.status.code().expect("the command was killed"),
            stdout: String::from_utf8(output.stdout).expect("stdout is text"),
            stderr: String::from_utf8(output.stderr).expect("stderr is text"),
        }
    }
}

/// The command in an environment that holds nothing of the person who runs the tests.
fn command(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_velero"));
    command.env_clear().env("HOME", directory).env("TZ", "UTC").env("TMPDIR", directory);
    command.current_dir(directory).stdin(Stdio::null());
    command
}

/// Runs the command in `directory`; `line` is split at blanks.
fn velero_in(directory: &Path, line: &str) -> Outcome {
    command(directory).args(line.split_whitespace()).output().expect("the command starts").into()
}

/// Runs the command in an empty directory.
fn velero(line: &str) -> Outcome {
    let directory = tempfile::tempdir().expect("a temporary directory");
    velero_in(directory.path(), line)
}
