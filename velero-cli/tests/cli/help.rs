//! The help of every command, as people read it.

use crate::velero;

const COMMANDS: [&str; 38] = [
    "",
    "backup",
    "backup create",
    "backup get",
    "backup describe",
    "backup logs",
    "backup download",
    "backup delete",
    "restore",
    "restore plan",
    "restore apply",
    "restore create",
    "restore get",
    "restore describe",
    "restore logs",
    "restore delete",
    "repo",
    "repo create",
    "repo status",
    "repo verify",
    "repo maintain",
    "repo ls",
    "repo cat",
    "repo find",
    "repo snapshot",
    "repo snapshot create",
    "repo snapshot list",
    "repo snapshot restore",
    "repo snapshot diff",
    "repo snapshot delete",
    "get",
    "create",
    "describe",
    "delete",
    "demo",
    "completion",
    "version",
    "get backups",
];

#[test]
fn every_command_has_help() {
    for command in COMMANDS {
        let outcome = velero(&format!("{command} --help")).expect(0);
        assert_eq!(outcome.stderr, "");
        // The flags that every command takes are shown once, with the command itself.
        let help = match command {
            "" => outcome.stdout.as_str(),
            _ => outcome.stdout.split("\nGlobal options:").next().unwrap_or_default(),
        };
        let name = if command.is_empty() { "velero".to_owned() } else { command.replace(' ', "_") };
        insta::assert_snapshot!(name, help);
    }
}

#[test]
fn completion_scripts_exist_for_four_shells() {
    for (shell, part) in [
        ("bash", "_velero"),
        ("zsh", "#compdef velero"),
        ("fish", "complete -c velero"),
        ("powershell", "Register-ArgumentCompleter"),
    ] {
        let outcome = velero(&format!("completion {shell}")).expect(0);
        assert!(outcome.stdout.contains(part), "{shell}");
    }
}

#[test]
fn version_names_the_format() {
    let outcome = velero("version --client-only").expect(0);
    assert!(outcome.stdout.contains("1.1.0"), "{}", outcome.stdout);
}
