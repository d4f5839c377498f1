//! `velero restore logs NAME`.

use crate::context::Context;
use crate::exit::Exit;
use crate::{catalog, connect};
use anyhow::{Context as _, anyhow};
use velero_repo::RestoreName;
use velero_repo::store::RestoreDocument;

/// Arguments of `restore logs`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the restore
    #[arg(value_name = "NAME", value_parser = super::name)]
    name: RestoreName,
}

/// Prints the log that is stored with the restore.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let store = connect::store(&context.global)?;
    catalog::restore(&store, &args.name).await?;
    let log = store
        .read_restore(&args.name, RestoreDocument::Log, catalog::DOCUMENT_LIMIT)
        .await
        .with_context(|| format!("reading the log of restore {}", args.name))?
        .ok_or_else(|| anyhow!("restore {} was stored without a log", args.name))?;
    context.out.bytes(&log);
    Ok(Exit::Completed)
}
