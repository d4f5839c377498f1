//! `velero restore …`.

pub mod apply;
pub mod create;
pub mod delete;
pub mod describe;
pub mod get;
pub mod logs;
pub mod plan;
mod request;
mod run;

use crate::context::Context;
use crate::exit::Exit;
use clap::Subcommand;
use velero_repo::RestoreName;

/// Verbs of `restore`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show what a restore would do, and change nothing
    Plan(Box<plan::Args>),
    /// Carry out a plan that `restore plan --out` saved
    Apply(apply::Args),
    /// Restore a backup
    Create(Box<create::Args>),
    /// List restores
    Get(get::Args),
    /// Describe restores
    Describe(describe::Args),
    /// Print the log of a restore
    Logs(logs::Args),
    /// Delete what is kept about restores; restored objects stay
    Delete(delete::Args),
}

impl Verb {
    /// The command in reports.
    pub fn label(&self) -> &'static str {
        match self {
            Verb::Plan(_) => "restore plan",
            Verb::Apply(_) => "restore apply",
            Verb::Create(_) => "restore create",
            Verb::Get(_) => "restore get",
            Verb::Describe(_) => "restore describe",
            Verb::Logs(_) => "restore logs",
            Verb::Delete(_) => "restore delete",
        }
    }

    /// Runs the verb.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<Exit> {
        match self {
            Verb::Plan(args) => plan::run(*args, context).await,
            Verb::Apply(args) => apply::run(args, context).await,
            Verb::Create(args) => create::run(*args, context).await,
            Verb::Get(args) => get::run(args, context).await,
            Verb::Describe(args) => describe::run(args, context).await,
            Verb::Logs(args) => logs::run(args, context).await,
            Verb::Delete(args) => delete::run(args, context).await,
        }
    }
}

/// Reads a restore name from the command line.
pub fn name(text: &str) -> Result<RestoreName, String> {
    RestoreName::new(text).map_err(|error| error.to_string())
}
