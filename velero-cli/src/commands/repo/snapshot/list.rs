//! `velero repo snapshot list`.

use super::chosen;
use super::document::SnapshotDocument;
use super::source::Filter;
use crate::commands::backup::get::readable;
use crate::commands::repo::location::{Access, CachedLocation};
use crate::commands::repo::output::Output;
use crate::context::Context;
use crate::exit::Exit;
use crate::output::table::Table;
use crate::output::{Style, bytes, note, printable, time};
use velero_repo::repository::manifest::ManifestId;
use velero_repo::repository::snapshot::Snapshot;

/// Arguments of `repo snapshot list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only snapshots of this source; without the path, of all paths
    #[arg(long, value_name = "USER@HOST:PATH", value_parser = Filter::parse)]
    source: Option<Filter>,
    /// Incomplete snapshots too
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    location: CachedLocation,
}

/// Lists snapshots.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let repository = args.location.open(Access::Read, context).await?;
    let manifests = chosen::all(&repository).await?;
    let mut exit = Exit::Completed;
    let read = |record| Snapshot::from_record(record).map_err(anyhow::Error::new);
    let entries =
        manifests.iter().map(|record| (record.id.to_string(), read(record).map(|one| (record.id.clone(), one))));
    let mut snapshots = readable(entries.collect(), "snapshot", &mut exit);
    snapshots.retain(|(_, snapshot)| {
        (args.all || snapshot.is_complete())
            && args.source.as_ref().is_none_or(|filter| filter.matches(&snapshot.source))
    });
    snapshots.sort_by_key(|(_, snapshot): &(ManifestId, Snapshot)| snapshot.start_time);
    let documents: Vec<_> = snapshots.iter().map(|(id, snapshot)| SnapshotDocument::new(id, snapshot)).collect();
    let address = repository.blobs().address();
    let text = |context: &mut Context| match documents.is_empty() {
        true => note(format_args!("No snapshots in {address}.")),
        false => {
            let table = table(&documents, context.out.style());
            context.out.bytes(table.as_bytes());
        }
    };
    args.output.show(context, &documents, text)?;
    Ok(exit)
}

/// The table of snapshots.
pub fn table(documents: &[SnapshotDocument], style: Style) -> String {
    let mut table = Table::new(["ID", "SOURCE", "STARTED", "SIZE", "FILES", "ERRORS", "NOTES"], style);
    for one in documents {
        let started = one.start_time.timestamp().to_string();
        table.row(vec![
            one.id.to_string(),
            printable(&one.source.to_string()),
            time::absolute(Some(&started), ""),
            bytes(one.total_size),
            one.file_count.to_string(),
            one.error_count.to_string(),
            one.notes(),
        ]);
    }
    table.render()
}
