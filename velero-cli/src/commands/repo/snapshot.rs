//! `velero repo snapshot …`.

pub mod chosen;
pub mod create;
pub mod delete;
pub mod diff;
mod document;
pub mod list;
pub mod restore;
mod source;
mod troubles;

use crate::context::Context;
use crate::exit::Exit;
use clap::Subcommand;

/// Verbs of `repo snapshot`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Take a snapshot of a directory or a file
    Create(Box<create::Args>),
    /// List snapshots
    List(list::Args),
    /// Restore a snapshot, or a part of it, into a directory
    Restore(Box<restore::Args>),
    /// Show what differs between two snapshots
    Diff(diff::Args),
    /// Delete snapshots; what only they use goes with later maintenance
    Delete(delete::Args),
}

impl Verb {
    /// The command in reports.
    pub fn label(&self) -> &'static str {
        match self {
            Verb::Create(_) => "repo snapshot create",
            Verb::List(_) => "repo snapshot list",
            Verb::Restore(_) => "repo snapshot restore",
            Verb::Diff(_) => "repo snapshot diff",
            Verb::Delete(_) => "repo snapshot delete",
        }
    }

    /// Whether the verb ends cleanly by itself when it is cancelled.
    pub fn cleans_up(&self) -> bool {
        matches!(self, Verb::Create(_) | Verb::Restore(_) | Verb::Delete(_))
    }

    /// Runs the verb.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<Exit> {
        match self {
            Verb::Create(args) => create::run(*args, context).await,
            Verb::List(args) => list::run(args, context).await,
            Verb::Restore(args) => restore::run(*args, context).await,
            Verb::Diff(args) => diff::run(args, context).await,
            Verb::Delete(args) => delete::run(args, context).await,
        }
    }
}
