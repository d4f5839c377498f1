//! `velero repo ls`.

use super::entry::EntryDocument;
use super::location::{Access, CachedLocation};
use super::output::Output;
use crate::context::Context;
use crate::exit::Exit;
use velero_repo::repository::browse;
use velero_repo::repository::directory::Entry;

/// Arguments of `repo ls`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A snapshot's identity or a unique beginning of it (at least 4 characters), or an object; behind it a path inside
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
    let mut list = args.output.list(context);
    let mut each = |entry: &Entry| list.show(&EntryDocument::new(&entry.name, entry), EntryDocument::line);
    if found.entry.is_directory() {
        let mut listing = browse::Listing::open(&repository, &found.entry.object()?).await?;
        while let Some(entry) = listing.next().await? {
            each(&entry)?;
        }
    } else {
        each(&found.entry)?;
    }
    list.end()?;
    Ok(Exit::Completed)
}
