//! `velero repo snapshot diff`.

use crate::commands::repo::location::{Access, CachedLocation};
use crate::commands::repo::output::Output;
use crate::context::Context;
use crate::exit::Exit;
use crate::output::printable;
use anyhow::Context as _;
use serde::Serialize;
use velero_repo::repository::browse::{self, Found};
use velero_repo::repository::diff::{Change, Difference, diff};
use velero_repo::repository::directory::Entry;

/// Arguments of `repo snapshot diff`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A snapshot's identity or a unique beginning of it (at least 4 characters); behind it a path inside
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
    let before = browse::resolve(&repository, &args.before).await?;
    let after = browse::resolve(&repository, &args.after).await?;
    let (before, after) = comparable(before, after)?;
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
            context.out.line(format_args!("{sign} {}", shown(&difference)));
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

/// Both entries with what is known of both: of an object without an entry that is only what is in it.
fn comparable(before: Found, after: Found) -> anyhow::Result<(Entry, Entry)> {
    if before.attributes && after.attributes {
        return Ok((before.entry, after.entry));
    }
    let bare = |found: Found| found.entry.object().map(|object| Found::object(object).entry);
    Ok((bare(before)?, bare(after)?))
}

/// The path of what differs; of what was named on the command line, the name that it has.
fn shown(difference: &Difference) -> String {
    let names = [&difference.after, &difference.before].into_iter().flatten().map(|entry| entry.name.as_str());
    let mut paths = std::iter::once(difference.path.as_str()).chain(names);
    printable(paths.find(|path| !path.is_empty()).unwrap_or("."))
}
