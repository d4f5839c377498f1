//! Ctrl-C ends a run cleanly with 130.

use crate::{Outcome, command};
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Starts the command against an API server that never answers, and interrupts it once it has connected.
fn interrupted(line: &str) -> (Outcome, tempfile::TempDir) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let directory = tempfile::tempdir().unwrap();
    let kubeconfig = crate::surroundings::kubeconfig(&server.local_addr().unwrap().to_string());
    std::fs::write(directory.path().join("kubeconfig"), kubeconfig).unwrap();
    let child = command(directory.path())
        .args(line.split_whitespace())
        .args(["--kubeconfig", "kubeconfig", "--store", "bucket"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let _connection = server.accept().unwrap();
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(sent.success());
    let started = Instant::now();
    let outcome = Outcome::from(child.wait_with_output().unwrap());
    assert!(started.elapsed() < Duration::from_secs(10), "it did not stop");
    (outcome, directory)
}

#[test]
fn an_interrupted_backup_exits_130_and_stores_nothing() {
    let (outcome, directory) = interrupted("backup create web --report json");
    let outcome = outcome.expect(130);
    assert_eq!(outcome.json()["outcome"], "Interrupted");
    assert_eq!(outcome.json()["exitCode"], 130);
    let bucket = directory.path().join("bucket");
    assert!(!bucket.join("backups").exists(), "something was stored");
}

#[test]
fn an_interrupted_dry_run_exits_130() {
    let (outcome, _) = interrupted("backup create web --dry-run");
    let outcome = outcome.expect(130);
    assert!(outcome.stderr.contains("interrupted") || outcome.stderr.contains("cancelled"), "{}", outcome.stderr);
}
