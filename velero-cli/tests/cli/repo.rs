//! `velero repo`, on a repository in a directory.

mod caching;
mod faults;
mod looking;
mod maintenance;
mod restoring;
mod snapshots;
mod verification;

use crate::{Outcome, command};
use std::path::Path;

/// Password of all repositories here.
const PASSWORD: &str = "correct horse";

/// A directory with a repository `repo` and a tree `tree`.
struct Place(tempfile::TempDir);

impl Place {
    /// A repository of the identity `me@here`, and a tree of two files and a link.
    fn new() -> Place {
        let place = Place::empty();
        place.run("create --identity me@here").expect(0);
        place.write("tree/docs/readme", b"read me");
        place.write("tree/large", &vec![7; 100_000]);
        std::os::unix::fs::symlink("docs/readme", place.path().join("tree/link")).unwrap();
        place
    }

    fn empty() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn write(&self, file: &str, bytes: &[u8]) {
        let path = self.path().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    /// Runs `velero repo LINE` on the repository, with the password in the environment.
    fn run(&self, line: &str) -> Outcome {
        self.run_with(line, &[("VELERO_REPO_PASSWORD", PASSWORD)])
    }

    fn run_with(&self, line: &str, variables: &[(&str, &str)]) -> Outcome {
        let mut command = command(self.path());
        command.arg("repo").args(line.split_whitespace()).envs(variables.iter().copied());
        if !line.contains("--repo ") && !line.contains("--volume-namespace") {
            command.args(["--repo", "repo"]);
        }
        command.output().unwrap().into()
    }

    /// Runs it with a stdout that takes nothing.
    fn run_full(&self, line: &str) -> Outcome {
        let mut command = command(self.path());
        command.arg("repo").args(line.split_whitespace()).args(["--repo", "repo"]);
        let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
        command.env("VELERO_REPO_PASSWORD", PASSWORD).stdout(full).stderr(std::process::Stdio::piped());
        command.output().unwrap().into()
    }

    /// Takes a snapshot of the tree and answers its document.
    fn save(&self) -> serde_json::Value {
        self.run("snapshot create tree --identity me@here -o json").expect(0).json()
    }
}
