//! `velero repo create`.

use super::location::Location;
use super::output::Output;
use super::password::Ask;
use super::status::FormatDocument;
use crate::context::Context;
use crate::exit::Exit;
use crate::report::RunReport;
use anyhow::Context as _;
use serde::Serialize;
use std::time::Instant;
use velero_core::api::Duration;
use velero_repo::repository::format::{BlobSettings, CreateOptions, KeyDerivation, Retention, RetentionMode};
use velero_repo::repository::open::{Identity, Repository};

/// Arguments of `repo create`.
#[derive(Debug, clap::Args)]
#[command(after_help = "Without any choice the repository is as Velero makes its own.")]
pub struct Args {
    /// Hash of contents [default: BLAKE2B-256-128]
    #[arg(long, value_name = "NAME")]
    hash: Option<String>,
    /// Encryption of contents [default: AES256-GCM-HMAC-SHA256]
    #[arg(long, value_name = "NAME")]
    encryption: Option<String>,
    /// How files are cut into contents [default: DYNAMIC-4M-BUZHASH]
    #[arg(long, value_name = "NAME")]
    splitter: Option<String>,
    /// Version of the format [default: 3]
    #[arg(long, value_name = "1|2|3", value_parser = clap::value_parser!(u8).range(1..=3))]
    format_version: Option<u8>,
    /// Error correction of stored blobs [default: REED-SOLOMON-CRC32]
    #[arg(long, value_name = "NAME", requires = "ecc_overhead_percent")]
    ecc: Option<String>,
    /// Bytes spent on error correction; 0 is none [default: 0]
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u32).range(0..=100))]
    ecc_overhead_percent: Option<u32>,
    /// How the password becomes a key: scrypt-65536-8-1 or pbkdf2-sha256-600000 [default: the first]
    #[arg(long, value_name = "NAME", value_parser = KeyDerivation::by_name)]
    key_derivation: Option<KeyDerivation>,
    /// Who can remove blobs before their time: governance (whom the store allows to) or compliance (nobody); the store must
    /// have object lock
    #[arg(long, value_name = "MODE", requires = "retention_period", value_parser = mode)]
    retention_mode: Option<RetentionMode>,
    /// For how long the store keeps every blob, at least 24h
    #[arg(long, value_name = "DURATION", requires = "retention_mode")]
    retention_period: Option<Duration>,
    /// Mark it as initialised by Velero and owned by it; --volume-namespace does the same
    #[arg(long)]
    velero: bool,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    location: Location,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document<'a> {
    repository: &'a str,
    format: FormatDocument,
    owner: String,
    velero: bool,
    seconds: f64,
}

/// Makes a repository.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    args.output.check(context)?;
    args.location.check()?;
    let velero = args.velero || args.location.is_veleros();
    let mut open = args.location.options(Ask::Twice, context).await?;
    if velero {
        open = open.with_identity(Identity::velero());
    }
    let started = Instant::now();
    let blobs = args.location.blobs(true, &open, context).await?;
    let address = blobs.address().to_owned();
    let create = args.choices(CreateOptions::new(open.password.clone()))?;
    let creating = || format!("creating a repository in {address}");
    let repository = Repository::create(blobs, create, open).await.with_context(creating)?;
    if velero {
        repository.initialise_for_velero().await.with_context(creating)?;
    }
    let owner = repository.identity().to_string();
    let format = FormatDocument::of(&repository);
    let seconds = started.elapsed().as_secs_f64();
    let document = Document { repository: &address, format, owner: owner.clone(), velero, seconds };
    let report = RunReport::new("repo create", &address, "Completed", Vec::new()).took(started.elapsed());
    let text = |context: &mut Context| {
        let style = context.style();
        context.tell(format_args!("Repository {} is made; {owner} runs its maintenance.", style.bold(&address)));
        context.tell("Keep the password: without it nothing that will be in there can be read.");
    };
    args.output.finish(context, &document, text, report)
}

impl Args {
    /// Velero's choices with those that were made here.
    fn choices(&self, defaults: CreateOptions) -> anyhow::Result<CreateOptions> {
        let retention = self.retention_mode.zip(self.retention_period);
        let retention = retention.map(|(mode, period)| Retention { mode, period: period.to_std() });
        BlobSettings::new(retention).context("--retention-period")?;
        Ok(CreateOptions {
            hash: self.hash.clone().unwrap_or(defaults.hash),
            encryption: self.encryption.clone().unwrap_or(defaults.encryption),
            splitter: self.splitter.clone().unwrap_or(defaults.splitter),
            ecc: self.ecc.clone().unwrap_or(defaults.ecc),
            ecc_overhead_percent: self.ecc_overhead_percent.unwrap_or(defaults.ecc_overhead_percent),
            key_derivation: self.key_derivation.unwrap_or(defaults.key_derivation),
            version: self.format_version.unwrap_or(defaults.version),
            retention,
            ..defaults
        })
    }
}

/// A mode that stores with S3's object lock know.
fn mode(name: &str) -> Result<RetentionMode, String> {
    let modes = [RetentionMode::Governance, RetentionMode::Compliance];
    let found = modes.into_iter().find(|mode| mode.name().eq_ignore_ascii_case(name));
    found.ok_or_else(|| "it is governance or compliance".to_owned())
}
