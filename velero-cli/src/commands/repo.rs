//! `velero repo …`: repositories of volume data, in Kopia's format.

pub mod cat;
mod clock;
pub mod create;
mod effort;
mod entry;
pub mod find;
mod location;
pub mod ls;
pub mod maintain;
mod output;
mod password;
mod progress;
pub mod snapshot;
pub mod status;
pub mod verify;

use crate::context::Context;
use crate::exit::Exit;
use clap::Subcommand;

/// Verbs of `repo`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a repository
    Create(Box<create::Args>),
    /// Show how a repository is made and what it holds
    Status(status::Args),
    /// Check that what the repository has can be restored
    Verify(verify::Args),
    /// Free what no snapshot uses any more, and merge index blobs
    Maintain(maintain::Args),
    /// List a directory of a snapshot
    Ls(ls::Args),
    /// Print a file of a snapshot
    Cat(cat::Args),
    /// Find names in a snapshot
    Find(find::Args),
    /// Take, list, restore, compare and delete snapshots
    #[command(subcommand)]
    Snapshot(snapshot::Verb),
}

impl Verb {
    /// The command in reports.
    pub fn label(&self) -> &'static str {
        match self {
            Verb::Create(_) => "repo create",
            Verb::Status(_) => "repo status",
            Verb::Verify(_) => "repo verify",
            Verb::Maintain(_) => "repo maintain",
            Verb::Ls(_) => "repo ls",
            Verb::Cat(_) => "repo cat",
            Verb::Find(_) => "repo find",
            Verb::Snapshot(verb) => verb.label(),
        }
    }

    /// Whether the verb ends cleanly by itself when it is cancelled.
    pub fn cleans_up(&self) -> bool {
        match self {
            Verb::Create(_) | Verb::Verify(_) | Verb::Maintain(_) => true,
            Verb::Snapshot(verb) => verb.cleans_up(),
            Verb::Status(_) | Verb::Ls(_) | Verb::Cat(_) | Verb::Find(_) => false,
        }
    }

    /// Runs the verb.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<Exit> {
        match self {
            Verb::Create(args) => create::run(*args, context).await,
            Verb::Status(args) => status::run(args, context).await,
            Verb::Verify(args) => verify::run(args, context).await,
            Verb::Maintain(args) => maintain::run(args, context).await,
            Verb::Ls(args) => ls::run(args, context).await,
            Verb::Cat(args) => cat::run(args, context).await,
            Verb::Find(args) => find::run(args, context).await,
            Verb::Snapshot(verb) => verb.run(context).await,
        }
    }
}
