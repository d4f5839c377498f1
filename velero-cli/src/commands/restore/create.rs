//! `velero restore create [NAME] --from-backup B`.

use super::request::Request;
use super::run::RunFlags;
use crate::connect::{self, Target};
use crate::context::Context;
use crate::exit::Exit;
use crate::flags::Format;
use crate::output::document;
use crate::output::progress::Progress;
use crate::output::table::LabelColumns;
use anyhow::Context as _;
use std::time::Instant;

/// Arguments of `restore create`.
#[derive(Debug, clap::Args)]
#[command(after_help = "`velero restore plan` takes the same flags and shows what would be written.")]
pub struct Args {
    /// Print the Restore document and restore nothing
    #[arg(short, long, value_enum, value_name = "FORMAT")]
    output: Option<Format>,
    #[command(flatten)]
    columns: LabelColumns,
    #[command(flatten)]
    run: RunFlags,
    #[command(flatten)]
    request: Request,
}

/// Restores a backup.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let started = Instant::now();
    args.request.check()?;
    let namespace = context.global.namespace.clone();
    if let Some(format) = args.output {
        let restore = args.request.unresolved(&namespace)?;
        match format {
            Format::Table => {
                let table = super::get::table(&[restore], &args.columns, context.out.style());
                context.out.bytes(table.as_bytes());
            }
            format => document::print(context, &restore, format)?,
        }
        return Ok(Exit::Completed);
    }
    let store = connect::store(&context.global)?;
    let modifiers = args.request.modifiers()?;
    let restore = args.request.document(&store, &namespace).await?;
    let Target { cluster, name: target } = connect::cluster(&context.global).await?;
    let progress = Progress::start();
    let mut options = args.run.options(&progress, context)?;
    options.resource_modifiers = modifiers;
    let what = format!("restoring backup {} into {target}", restore.spec.backup_name);
    let result = velero_k8s::Restore::new(cluster, store).with_options(options).run(restore).await;
    progress.finish();
    Ok(args.run.finish("restore create", result.context(what)?, started, context))
}
