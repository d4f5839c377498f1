//! The command grammar: Velero's nouns and verbs, in both orders (`backup get`, `get backups`).
//!
//! Faults of the command line are one line on stderr and exit code 64; help and version go to stdout.

use crate::commands::{backup, completion, demo, repo, restore, version};
use crate::context::Context;
use crate::exit::Exit;
use crate::global::Global;
use crate::output::{Out, note};
use clap::error::ErrorKind;
use clap::{Parser, Subcommand};
use std::ffi::OsString;

/// Back up, plan and restore Kubernetes clusters in Velero's format, with no server in the cluster
#[derive(Debug, Parser)]
#[command(name = "velero", version, disable_help_subcommand = true, subcommand_required = true)]
#[command(arg_required_else_help = true, max_term_width = 110, infer_subcommands = false)]
#[command(after_help = "New here? `velero demo` shows a backup and a restore in seconds, with no cluster.")]
pub struct Cli {
    #[command(flatten)]
    pub global: Global,
    #[command(subcommand)]
    pub command: Command,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make, read and delete backups
    #[command(subcommand, visible_alias = "backups")]
    Backup(backup::Verb),
    /// Plan and make restores, and read about them
    #[command(subcommand, visible_alias = "restores")]
    Restore(restore::Verb),
    /// Keep volume data in repositories in Kopia's format
    #[command(subcommand)]
    Repo(repo::Verb),
    /// List backups or restores
    #[command(subcommand)]
    Get(Get),
    /// Make a backup or a restore
    #[command(subcommand)]
    Create(Create),
    /// Describe backups or restores
    #[command(subcommand)]
    Describe(Describe),
    /// Delete backups, or what is kept about restores
    #[command(subcommand)]
    Delete(Delete),
    /// Show a backup and a restore of a small application, with no cluster, network or configuration
    Demo(demo::Args),
    /// Print a completion script for a shell
    Completion(completion::Args),
    /// Print the version
    Version(version::Args),
}

#[derive(Debug, Subcommand)]
pub enum Get {
    /// List backups
    #[command(visible_alias = "backup")]
    Backups(backup::get::Args),
    /// List restores
    #[command(visible_alias = "restore")]
    Restores(restore::get::Args),
}

#[derive(Debug, Subcommand)]
pub enum Create {
    /// Back up the cluster
    #[command(visible_alias = "backups")]
    Backup(Box<backup::create::Args>),
    /// Restore a backup
    #[command(visible_alias = "restores")]
    Restore(Box<restore::create::Args>),
}

#[derive(Debug, Subcommand)]
pub enum Describe {
    /// Describe backups
    #[command(visible_alias = "backup")]
    Backups(backup::describe::Args),
    /// Describe restores
    #[command(visible_alias = "restore")]
    Restores(restore::describe::Args),
}

#[derive(Debug, Subcommand)]
pub enum Delete {
    /// Delete backups
    #[command(visible_alias = "backups")]
    Backup(backup::delete::Args),
    /// Delete what is kept about restores
    #[command(visible_alias = "restores")]
    Restore(restore::delete::Args),
}

impl Command {
    /// The umbrella verbs as noun and verb.
    fn normal(self) -> Command {
        match self {
            Command::Get(Get::Backups(args)) => Command::Backup(backup::Verb::Get(args)),
            Command::Get(Get::Restores(args)) => Command::Restore(restore::Verb::Get(args)),
            Command::Create(Create::Backup(args)) => Command::Backup(backup::Verb::Create(args)),
            Command::Create(Create::Restore(args)) => Command::Restore(restore::Verb::Create(args)),
            Command::Describe(Describe::Backups(args)) => Command::Backup(backup::Verb::Describe(args)),
            Command::Describe(Describe::Restores(args)) => Command::Restore(restore::Verb::Describe(args)),
            Command::Delete(Delete::Backup(args)) => Command::Backup(backup::Verb::Delete(args)),
            Command::Delete(Delete::Restore(args)) => Command::Restore(restore::Verb::Delete(args)),
            other => other,
        }
    }

    /// The command in reports.
    pub fn label(&self) -> &'static str {
        match self {
            Command::Backup(verb) => verb.label(),
            Command::Restore(verb) => verb.label(),
            Command::Repo(verb) => verb.label(),
            Command::Demo(_) => "demo",
            Command::Completion(_) => "completion",
            Command::Version(_) => "version",
            Command::Get(_) => "get",
            Command::Create(_) => "create",
            Command::Describe(_) => "describe",
            Command::Delete(_) => "delete",
        }
    }

    /// Whether the command ends cleanly by itself when it is cancelled.
    pub fn cleans_up(&self) -> bool {
        match self {
            Command::Repo(verb) => verb.cleans_up(),
            other => matches!(other.label(), "backup create" | "restore create" | "restore apply"),
        }
    }

    /// Runs the command.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<Exit> {
        match self.normal() {
            Command::Backup(verb) => verb.run(context).await,
            Command::Restore(verb) => verb.run(context).await,
            Command::Repo(verb) => verb.run(context).await,
            Command::Demo(args) => demo::run(args, context).await,
            Command::Completion(args) => completion::run(&args, context),
            Command::Version(args) => version::run(&args, context),
            // `normal` leaves none of these.
            Command::Get(_) | Command::Create(_) | Command::Describe(_) | Command::Delete(_) => Ok(Exit::Usage),
        }
    }
}

/// Parses the command line; otherwise prints what is to be printed and returns the exit code.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Cli, Exit> {
    match Cli::try_parse_from(arguments) {
        Ok(cli) => Ok(Cli { command: cli.command.normal(), global: cli.global }),
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                let mut out = Out::new(false);
                out.bytes(error.render().to_string().as_bytes());
                Err(if out.has_failed() { Exit::Completed.unread() } else { Exit::Completed })
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                note(error.render().to_string().trim_end());
                Err(Exit::Usage)
            }
            _ => {
                note(format_args!("velero: {}", fault(&error)));
                Err(Exit::Usage)
            }
        },
    }
}

/// A fault of the command line in one sentence: what is wrong, what may have been meant, where to read on.
fn fault(error: &clap::Error) -> String {
    let text = error.render().to_string();
    let (message, usage) = text.split_once("\nUsage:").unwrap_or((&text, ""));
    let message = message.split("\nFor more information").next().unwrap_or_default();
    let mut sentences: Vec<String> = Vec::new();
    for paragraph in message.trim().split("\n\n") {
        let one = paragraph.split_whitespace().collect::<Vec<_>>().join(" ");
        let one = one.trim_start_matches("error: ").trim_start_matches("tip: ");
        sentences.push(one.trim_end_matches('.').to_owned());
    }
    let command: Vec<_> =
        usage.split_whitespace().take_while(|w| w.starts_with(|c: char| c.is_ascii_lowercase())).collect();
    if !command.is_empty() {
        sentences.push(format!("see `{} --help`", command.join(" ")));
    }
    sentences.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_grammar_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn faults_are_one_sentence_with_the_fix() {
        let check = |line: &str, parts: &[&str]| {
            let error = Cli::try_parse_from(line.split(' ')).unwrap_err();
            let fault = fault(&error);
            assert!(!fault.contains('\n'), "{fault}");
            for part in parts {
                assert!(fault.contains(part), "{line}: {fault}");
            }
        };
        check(
            "velero backup create web --include-namespace a",
            &["--include-namespace'", "--include-namespaces", "--help"],
        );
        check("velero backup frobnicate", &["frobnicate"]);
        check("velero backup create Web!", &["Web!", "lower-case"]);
        check("velero backup get -o xml", &["xml", "json"]);
        check("velero restore plan", &["--from-backup"]);
    }

    #[test]
    fn umbrella_verbs_are_the_same_commands() {
        for (one, other) in [
            ("velero get backups a", "velero backup get a"),
            ("velero get backup a", "velero backups get a"),
            ("velero create backup a", "velero backup create a"),
            ("velero describe restore a", "velero restore describe a"),
            ("velero delete restore a", "velero restore delete a"),
        ] {
            let read = |line: &str| Cli::try_parse_from(line.split(' ')).unwrap().command.normal();
            assert_eq!(format!("{:?}", read(one)), format!("{:?}", read(other)));
        }
    }
}
