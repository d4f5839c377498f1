//! `velero repo status`.

use super::location::{Access, CachedLocation};
use super::output::Output;
use crate::context::Context;
use crate::exit::Exit;
use crate::output::describe::Page;
use crate::output::{Style, bytes, printable};
use anyhow::Context as _;
use jiff::Timestamp;
use serde::Serialize;
use std::path::PathBuf;
use velero_repo::repository::maintenance::{Cycle, MaintenanceStatus};
use velero_repo::repository::open::{CacheStatus, Repository};
use velero_repo::repository::status::{Status, Sum};

/// Arguments of `repo status`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    location: CachedLocation,
}

/// How a repository is made.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FormatDocument {
    unique_id: String,
    version: u8,
    hash: String,
    encryption: String,
    splitter: String,
    ecc: String,
    ecc_overhead_percent: u32,
    key_derivation: String,
    password_can_change: bool,
    max_pack_size: u64,
    index_version: u8,
    epochs: bool,
}

impl FormatDocument {
    /// That of `repository`.
    pub fn of(repository: &Repository) -> FormatDocument {
        let format = repository.format();
        let parameters = &format.parameters;
        FormatDocument {
            unique_id: format.unique_id.iter().map(|byte| format!("{byte:02x}")).collect(),
            version: parameters.version,
            hash: parameters.hash.clone(),
            encryption: parameters.encryption.clone(),
            splitter: format.splitter().to_owned(),
            ecc: parameters.ecc.clone(),
            ecc_overhead_percent: parameters.ecc_overhead_percent,
            key_derivation: format.key_derivation().to_owned(),
            password_can_change: parameters.enable_password_change,
            max_pack_size: parameters.max_pack_size,
            index_version: parameters.index_version,
            epochs: parameters.epochs.enabled,
        }
    }
}

#[derive(Serialize)]
struct SumDocument {
    count: u64,
    bytes: u64,
}

impl From<Sum> for SumDocument {
    fn from(sum: Sum) -> Self {
        SumDocument { count: sum.count, bytes: sum.bytes }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    repository: String,
    identity: String,
    format: FormatDocument,
    data_packs: SumDocument,
    metadata_packs: SumDocument,
    indexes: SumDocument,
    sessions: SumDocument,
    others: SumDocument,
    contents: SumDocument,
    packed_bytes: u64,
    deleted_contents: SumDocument,
    snapshots: u64,
    incomplete_snapshots: u64,
    unreadable_snapshots: u64,
    sources: u64,
    epoch: Option<u64>,
    watermark: Option<Timestamp>,
    velero: bool,
    maintenance: MaintenanceStatus,
    /// Null without `--cache-dir`.
    cache: Option<CacheDocument>,
}

#[derive(Serialize)]
struct CacheDocument {
    directory: PathBuf,
    files: u64,
    bytes: u64,
    limit: u64,
}

impl From<CacheStatus> for CacheDocument {
    fn from(status: CacheStatus) -> Self {
        let CacheStatus { directory, limit, files, bytes } = status;
        CacheDocument { directory, files, bytes, limit }
    }
}

/// Shows a repository.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let repository = args.location.open(Access::Read, context).await?;
    let status = repository.status().await.context("looking at the repository")?;
    let maintenance = MaintenanceStatus::of(&repository).await.context("looking at maintenance")?;
    let cache = repository.cache_status().await.context("looking at the cache")?;
    let document = document(&repository, status, maintenance, cache);
    let text = |context: &mut Context| {
        let page = page(&document, context.out.style());
        context.out.bytes(page.as_bytes());
    };
    args.output.show(context, &document, text)?;
    Ok(Exit::Completed)
}

fn document(
    repository: &Repository,
    status: Status,
    maintenance: MaintenanceStatus,
    cache: Option<CacheStatus>,
) -> Document {
    Document {
        repository: repository.blobs().address().to_owned(),
        identity: repository.identity().to_string(),
        format: FormatDocument::of(repository),
        data_packs: status.data_packs.into(),
        metadata_packs: status.metadata_packs.into(),
        indexes: status.indexes.into(),
        sessions: status.sessions.into(),
        others: status.others.into(),
        contents: status.contents.into(),
        packed_bytes: status.packed_bytes,
        deleted_contents: status.deleted_contents.into(),
        snapshots: status.snapshots,
        incomplete_snapshots: status.incomplete_snapshots,
        unreadable_snapshots: status.unreadable_snapshots,
        sources: status.sources,
        epoch: status.epoch,
        watermark: status.watermark,
        velero: status.is_veleros,
        maintenance,
        cache: cache.map(CacheDocument::from),
    }
}

fn page(document: &Document, style: Style) -> String {
    let mut page = Page::new(style);
    page.field(0, "Repository", &document.repository);
    page.field(0, "Velero's", if document.velero { "yes" } else { "no" });
    page.field(0, "You", printable(&document.identity));
    format_section(&mut page, &document.format);
    page.section("Contents");
    let holds = |sum: &SumDocument| format!("{}, {}", sum.count, bytes(sum.bytes));
    page.field(1, "Snapshots", snapshots(document));
    page.field(1, "Contents", format!("{}, {} packed", holds(&document.contents), bytes(document.packed_bytes)));
    page.field(1, "Deleted contents", holds(&document.deleted_contents));
    page.section("Blobs");
    for (label, sum) in [
        ("Data packs", &document.data_packs),
        ("Metadata packs", &document.metadata_packs),
        ("Indexes", &document.indexes),
        ("Sessions", &document.sessions),
        ("Others", &document.others),
    ] {
        page.field(1, label, holds(sum));
    }
    if let Some(epoch) = document.epoch {
        page.section("Epochs");
        page.field(1, "Current", epoch.to_string());
        page.field(1, "Deletion watermark", document.watermark.map_or("<none>".to_owned(), |time| time.to_string()));
    }
    maintenance_section(&mut page, &document.maintenance);
    if let Some(cache) = &document.cache {
        page.section("Cache");
        page.field(1, "Directory", cache.directory.display().to_string());
        page.field(1, "Holds", format!("{}, {} of {}", cache.files, bytes(cache.bytes), bytes(cache.limit)));
    }
    page.render()
}

fn maintenance_section(page: &mut Page, maintenance: &MaintenanceStatus) {
    page.section("Maintenance");
    let whose = if maintenance.is_owner { "you" } else { "somebody else" };
    page.field(
        1,
        "Owner",
        match maintenance.owner.as_str() {
            "" => "<none>".to_owned(),
            owner => format!("{} ({whose})", printable(owner)),
        },
    );
    let due = match maintenance.due {
        None => "nothing".to_owned(),
        Some(cycle) => {
            let cycle = if cycle == Cycle::Full { "full" } else { "quick" };
            if maintenance.is_owner { format!("{cycle}, yours") } else { format!("{cycle}, the owner's") }
        }
    };
    page.field(1, "Due", due);
    page.field(1, "Next quick", maintenance.next_quick.to_string());
    page.field(1, "Next full", maintenance.next_full.to_string());
    page.field(1, "Last collection", maintenance.collected.map_or("<none>".to_owned(), |time| time.to_string()));
    if let Some(damage) = &maintenance.schedule_damage {
        page.field(1, "Schedule", printable(damage));
    }
}

fn format_section(page: &mut Page, format: &FormatDocument) {
    page.section("Format");
    page.field(1, "Unique ID", &format.unique_id);
    page.field(1, "Version", format!("{}, index version {}", format.version, format.index_version));
    page.field(1, "Hash", printable(&format.hash));
    page.field(1, "Encryption", printable(&format.encryption));
    page.field(1, "Splitter", printable(&format.splitter));
    let ecc = match format.ecc_overhead_percent {
        0 => "<none>".to_owned(),
        percent => format!("{}, {percent} %", printable(&format.ecc)),
    };
    page.field(1, "Error correction", ecc);
    page.field(1, "Key derivation", &format.key_derivation);
    page.field(1, "Password can change", if format.password_can_change { "yes" } else { "no" });
    page.field(1, "Pack size", bytes(format.max_pack_size));
}

fn snapshots(document: &Document) -> String {
    let mut text = format!("{} of {}", document.snapshots, crate::output::count(document.sources as usize, "source"));
    for (number, what) in [(document.incomplete_snapshots, "incomplete"), (document.unreadable_snapshots, "unreadable")]
    {
        if number > 0 {
            text.push_str(&format!(", {number} {what}"));
        }
    }
    text
}
