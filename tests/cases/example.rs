//! The example programs run to their end.

use std::process::Command;

#[test]
fn backup_and_restore_brings_the_settings_back() {
    // Cargo builds examples beside the tests of the same run.
    let own = std::env::current_exe().unwrap();
    let program = own.parent().and_then(|deps| deps.parent()).unwrap().join("examples").join("backup_and_restore");
    let run = Command::new(&program).output().unwrap_or_else(|e| panic!("{}: {e}", program.display()));
    let told = String::from_utf8_lossy(&run.stdout);
    assert!(
        run.status.success() && told.ends_with("the settings are back\n"),
        "{told}{}",
        String::from_utf8_lossy(&run.stderr)
    );
}
