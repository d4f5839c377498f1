//! `velero repo cat`.

use super::location::{Access, CachedLocation};
use crate::context::Context;
use crate::exit::Exit;
use std::io::{ErrorKind, Write};
use velero_repo::Error;
use velero_repo::repository::browse;

/// Arguments of `repo cat`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A snapshot's identity or a unique beginning of it (at least 4 characters), or an object; behind it the path of a file
    #[arg(value_name = "TARGET[/PATH]")]
    target: String,
    #[command(flatten)]
    location: CachedLocation,
}

/// Prints a file. A reader that goes away ends it, and is no fault.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let repository = args.location.open(Access::Read, context).await?;
    let found = browse::resolve(&repository, &args.target).await?;
    let mut stdout = std::io::stdout();
    let written = browse::read_to(&repository, &found.entry, &mut stdout).await.map(drop);
    let flushed = |source| Error::Io { operation: "writing", path: "stdout".to_owned(), source };
    match written.and_then(|()| stdout.flush().map_err(flushed)) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::BrokenPipe => Ok(Exit::Completed),
        done => Ok(done.map(|()| Exit::Completed)?),
    }
}
