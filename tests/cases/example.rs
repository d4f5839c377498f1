//! The example programs run to their end.

#![allow(clippy::unwrap_used)] // a test may panic

use std::process::Command;

#[test]
fn backup_and_restore_brings_the_settings_back() {
    ends("backup_and_restore", "the settings are back\n");
}

#[test]
fn a_restored_snapshot_is_what_was_lost() {
    ends("snapshot", "the notes are back\n");
}

/// Runs an example program, whose last words are `last`.
fn ends(name: &str, last: &str) {
    // Cargo builds examples beside the tests of the same run.
    let own = std::env::current_exe().unwrap();
    let program = own.parent().and_then(|deps| deps.parent()).unwrap().join("examples").join(name);
    let run = Command::new(&program).output().unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(run.status.success() && told.ends_with(last), "{told}{}", String::from_utf8_lossy(&run.stderr));
}
