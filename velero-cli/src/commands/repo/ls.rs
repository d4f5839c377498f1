//! `velero repo ls`.

use super::entry::EntryDocument;
use super::location::{Access, CachedLocation};
use super::output::Output;
use crate::context::Context;
use crate::exit::Exit;
use velero_repo::repository::browse;

/// Arguments of `repo ls`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A snapshot's identity or a unique beginning of it, or an object; behind it a path inside
    #[arg(value_name = "TARGET[/PATH]")]
    target: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    location: CachedLocation,
}

/// Lists a directory, or shows what is no directory.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let repository = args.location.open(Access::Read, context).await?;
    let found = browse::resolve(&repository, &args.target).await?;
    let entries = match found.entry.is_directory() {
        true => browse::entries(&repository, &found.entry.object()?).await?,
        false => vec![found.entry],
    };
    let documents: Vec<_> = entries.iter().map(|entry| EntryDocument::new(&entry.name, entry)).collect();
    args.output.show(context, &documents, |context| documents.iter().for_each(|one| context.out.line(one.line())))?;
    Ok(Exit::Completed)
}
