//! `velero backup …`.

pub mod create;
pub mod delete;
pub mod describe;
pub mod download;
pub mod dry_run;
pub mod get;
pub mod json;
pub mod logs;
mod spec_file;

use crate::context::Context;
use crate::exit::Exit;
use clap::Subcommand;
use velero_repo::BackupName;

/// Verbs of `backup`.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Back up the cluster
    Create(Box<create::Args>),
    /// List backups
    Get(get::Args),
    /// Describe backups
    Describe(describe::Args),
    /// Print the log of a backup
    Logs(logs::Args),
    /// Download the tarball of a backup
    Download(download::Args),
    /// Delete backups and what is kept about their restores
    Delete(delete::Args),
}

impl Verb {
    /// The command in reports.
    pub fn label(&self) -> &'static str {
        match self {
            Verb::Create(_) => "backup create",
            Verb::Get(_) => "backup get",
            Verb::Describe(_) => "backup describe",
            Verb::Logs(_) => "backup logs",
            Verb::Download(_) => "backup download",
            Verb::Delete(_) => "backup delete",
        }
    }

    /// Runs the verb.
    pub async fn run(self, context: &mut Context) -> anyhow::Result<Exit> {
        match self {
            Verb::Create(args) => create::run(*args, context).await,
            Verb::Get(args) => get::run(args, context).await,
            Verb::Describe(args) => describe::run(args, context).await,
            Verb::Logs(args) => logs::run(args, context).await,
            Verb::Download(args) => download::run(args, context).await,
            Verb::Delete(args) => delete::run(args, context).await,
        }
    }
}

/// Reads a backup name from the command line.
pub fn name(text: &str) -> Result<BackupName, String> {
    BackupName::new(text).map_err(|error| error.to_string())
}
