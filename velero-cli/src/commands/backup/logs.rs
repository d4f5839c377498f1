//! `velero backup logs NAME`.

use crate::context::Context;
use crate::exit::Exit;
use crate::{catalog, connect};
use anyhow::{Context as _, anyhow};
use velero_repo::{BackupName, Document};

/// Arguments of `backup logs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the backup
    #[arg(value_name = "NAME", value_parser = super::name)]
    name: BackupName,
}

/// Prints the log that is stored with the backup.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let store = connect::store(&context.global)?;
    catalog::backup(&store, &args.name).await?;
    let log = store
        .read(&args.name, Document::Log, catalog::DOCUMENT_LIMIT)
        .await
        .with_context(|| format!("reading the log of backup {}", args.name))?
        .ok_or_else(|| anyhow!("backup {} was stored without a log", args.name))?;
    context.out.bytes(&log);
    Ok(Exit::Completed)
}
