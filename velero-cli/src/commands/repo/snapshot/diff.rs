//! `velero repo snapshot diff`.

use crate::commands::repo::entry::printable;
use crate::commands::repo::location::{Access, CachedLocation};
use crate::commands::repo::output::Output;
use crate::context::Context;
use crate::exit::Exit;
use anyhow::Context as _;
use serde::Serialize;
use velero_repo::repository::browse;
use velero_repo::repository::diff::{Change, Difference, diff};

/// Arguments of `repo snapshot diff`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A snapshot's identity or a unique beginning of it; behind it a path inside
    #[arg(value_name = "A[/PATH]")]
    before: String,
    /// The one that it is compared with
    #[arg(value_name = "B[/PATH]")]
    after: String,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    location: CachedLocation,
}

#[derive(Default, Serialize)]
struct Document {
    added: u64,
    removed: u64,
    changed: u64,
    differences: Vec<Difference>,
}

/// Shows what differs.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let repository = args.location.open(Access::Read, context).await?;
    let before = browse::resolve(&repository, &args.before).await?.entry;
    let after = browse::resolve(&repository, &args.after).await?.entry;
    let mut document = Document::default();
    let each = |difference: Difference| {
        let (count, sign) = match difference.change {
            Change::Added => (&mut document.added, '+'),
            Change::Removed => (&mut document.removed, '-'),
            Change::Changed => (&mut document.changed, '~'),
        };
        *count += 1;
        if args.output.is_json() {
            document.differences.push(difference);
        } else {
            context.out.line(format_args!("{sign} {}", printable(&difference.path)));
        }
    };
    diff(&repository, &before, &after, each).await.context("comparing")?;
    let Document { added, removed, changed, .. } = document;
    let text = |context: &mut Context| {
        context.out.line(format_args!("{added} added, {removed} removed, {changed} changed"));
    };
    args.output.show(context, &document, text)?;
    Ok(Exit::Completed)
}
