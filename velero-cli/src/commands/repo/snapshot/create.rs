//! `velero repo snapshot create`.

use super::document::{SnapshotDocument, TAG};
use super::source;
use crate::commands::repo::clock;
use crate::commands::repo::effort::Effort;
use crate::commands::repo::location::{Access, CachedLocation};
use crate::commands::repo::output::Output;
use crate::commands::repo::progress::{Look, Meter, is_bar};
use crate::context::Context;
use crate::exit::{Exit, one_line};
use crate::flags::pairs::{self, Pairs};
use crate::output::{bytes, count, note, printable, time};
use crate::report::RunReport;
use anyhow::Context as _;
use report::{UploadDocument, left_out, outcome, problems};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;
use velero_core::api::Duration;
use velero_repo::Error;
use velero_repo::repository::clock::SystemClock;
use velero_repo::repository::manifest::{TYPE, labels};
use velero_repo::repository::open::Repository;
use velero_repo::repository::policy::{self, POLICY, Policy};
use velero_repo::repository::seal::compression::Compressor;
use velero_repo::repository::snapshot::{self, Snapshot, Source};
use velero_repo::repository::tree::{Ahead, LocalOptions, LocalSource};
use velero_repo::repository::upload::{CHECKPOINT_INTERVAL, Upload, Uploaded};

mod cancelled;
mod report;

/// Shortest time between two checkpoints: storing one takes time itself.
const SHORTEST_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

/// Arguments of `repo snapshot create`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Directory or file
    #[arg(value_name = "PATH")]
    path: PathBuf,
    /// Whose tree it is [default: the identity and the absolute path]
    #[arg(long, value_name = "USER@HOST:PATH", value_parser = source::parse)]
    source: Option<Source>,
    /// Compression of files, such as zstd-fastest or none [default: as the repository's policies say]
    #[arg(long, value_name = "NAME", value_parser = compression)]
    compression: Option<String>,
    /// Compression of directories [default: as the repository's policies say]
    #[arg(long, value_name = "NAME", value_parser = compression)]
    metadata_compression: Option<String>,
    /// Description of the snapshot
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    description: String,
    /// Tags of the snapshot
    #[arg(long = "tag", value_name = "K=V,…", value_parser = pairs::equals)]
    tags: Vec<Pairs>,
    /// Names that keep the snapshot from any retention
    #[arg(long = "pin", value_name = "NAME")]
    pins: Vec<String>,
    /// Leave out what this rule matches, as a line of .gitignore; besides the policies' rules
    #[arg(long = "ignore", value_name = "RULE")]
    ignore: Vec<String>,
    /// Read every file, also where an earlier snapshot has one of the same size and time
    #[arg(long)]
    force_hash: bool,
    /// End at the first entry that can not be read
    #[arg(long)]
    fail_fast: bool,
    /// Longest time between two checkpoints, from which an interrupted snapshot goes on; from 1s to 45m
    #[arg(long, value_name = "DURATION", value_parser = interval)]
    checkpoint_interval: Option<Duration>,
    #[command(flatten)]
    effort: Effort,
    #[command(flatten)]
    output: Output,
    #[command(flatten)]
    location: CachedLocation,
}

/// Takes a snapshot.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    args.output.check(context)?;
    args.location.check()?;
    let opening = || format!("opening {}", args.path.display());
    let tree = Arc::new(LocalSource::open(&args.path, LocalOptions::default()).with_context(opening)?);
    let clock = clock::of_environment()?.unwrap_or_else(|| Arc::new(SystemClock));
    let tree = Arc::new(Ahead::start(tree, &*clock)); // while the key is derived
    let repository = args.location.open(Access::Write, context).await?;
    let started = Instant::now();
    let upload = args.upload(&repository, context).await?;
    let (source, begun) = (upload.identity.clone(), repository.now());
    let progress = upload.progress.clone();
    let meter = Meter::start("saving", move || {
        let status = progress.status();
        let total = status.estimated.then_some(status.estimated_bytes);
        Look { bytes: status.hashed + status.cached, total, files: status.files, failed: status.errors }
    });
    let result = upload.run(&repository, tree).await;
    meter.finish();
    if let Err(Error::Cancelled { .. }) = &result
        && let Some(kept) = cancelled::kept(&repository, &source, begun).await
    {
        args.output.tell(context, kept);
    }
    let uploaded = result.with_context(|| format!("saving {}", args.path.display()))?;
    args.show(&uploaded, started, context)
}

impl Args {
    /// The upload that was asked for.
    async fn upload(&self, repository: &Repository, context: &Context) -> anyhow::Result<Upload> {
        let source = match &self.source {
            Some(source) => source.clone(),
            None => source::of_path(&self.path, repository.identity())?,
        };
        let (policy, below) = self.policies(repository, &source).await?;
        let parents = if self.force_hash { Vec::new() } else { parents(repository, &source).await? };
        let tags = pairs::merge(self.tags.clone()).into_iter().map(|(key, value)| (format!("{TAG}{key}"), value));
        Ok(Upload {
            tags: tags.collect(),
            pins: self.pins.clone(),
            description: self.description.clone(),
            parents,
            fail_fast: self.fail_fast,
            workers: self.effort.workers(),
            memory: self.effort.memory,
            below,
            checkpoint_interval: self.checkpoint_interval.map_or(CHECKPOINT_INTERVAL, Duration::to_std),
            estimate: is_bar(),
            keep_cancelled: true,
            cancel: context.cancel.clone(),
            ..Upload::new(source, policy)
        })
    }

    /// What the repository's policies say of the source and of paths below it, and on top of it what the flags say.
    async fn policies(
        &self,
        repository: &Repository,
        source: &Source,
    ) -> anyhow::Result<(Policy, Vec<(String, Policy)>)> {
        let policies = repository.manifests(&labels([(TYPE, POLICY)])).await.context("reading policies")?;
        let mut policy = policy::effective(&policies, source).context("reading policies")?;
        let mut below = policy::below(&policies, source).context("reading policies")?;
        for policy in below.iter_mut().map(|(_, policy)| policy).chain([&mut policy]) {
            if let Some(name) = &self.compression {
                policy.compression.compressor_name.clone_from(name);
            }
            if let Some(name) = &self.metadata_compression {
                policy.metadata_compression.compressor_name.clone_from(name);
            }
        }
        policy.files.ignore.extend(self.ignore.iter().cloned());
        Ok((policy, below))
    }

    fn show(&self, uploaded: &Uploaded, started: Instant, context: &mut Context) -> anyhow::Result<Exit> {
        let snapshot = SnapshotDocument::new(&uploaded.id, &uploaded.snapshot);
        let (read, cached) = (uploaded.report.read_bytes, uploaded.report.cached_bytes);
        let text = |context: &mut Context| {
            let style = context.style();
            let (files, size) = (count(snapshot.file_count as usize, "file"), bytes(snapshot.total_size));
            let source = printable(&snapshot.source.to_string());
            let head = format!("Snapshot {} of {source}", style.bold(snapshot.id));
            context.tell(format_args!("{head}: {files}, {size} in {}.", time::span(started.elapsed())));
            context.tell(format_args!("{} read, {} unchanged since an earlier snapshot.", bytes(read), bytes(cached)));
            left_out(&uploaded.report).into_iter().for_each(|line| context.tell(line));
        };
        let outcome = outcome(&uploaded.report);
        let document = UploadDocument::new(&snapshot, &uploaded.report, outcome, started.elapsed());
        let id = uploaded.id.as_str();
        let mut run = RunReport::new("repo snapshot create", id, outcome, problems(&uploaded.report));
        run.items = uploaded.report.read_files + uploaded.report.cached_files;
        run.bytes = Some(read);
        let run = run.took(started.elapsed());
        self.output.finish(context, &document, text, run)
    }
}

/// The snapshots to build on. One that can not be read is named, and does without.
async fn parents(repository: &Repository, source: &Source) -> anyhow::Result<Vec<Snapshot>> {
    let manifests = repository.manifests(&source.labels()).await.context("looking for earlier snapshots")?;
    let mut earlier = Vec::new();
    for record in manifests.iter() {
        match Snapshot::from_record(record) {
            Ok(snapshot) => earlier.push(snapshot),
            Err(error) => note(format_args!("velero: not built upon: {}", one_line(&error.into()))),
        }
    }
    Ok(snapshot::previous(&earlier, source).into_iter().cloned().collect())
}

fn compression(name: &str) -> Result<String, String> {
    if name == "none" || Compressor::by_name(name).is_ok() {
        return Ok(name.to_owned());
    }
    let known: Vec<_> = Compressor::names().collect();
    Err(format!("no such compression; known: none, {}", known.join(", ")))
}

/// Reads a time between two checkpoints. A longer one would not keep collections of other programs away.
fn interval(text: &str) -> Result<Duration, String> {
    let interval: Duration = text.parse()?;
    match interval.to_std() {
        allowed if allowed >= SHORTEST_INTERVAL && allowed <= CHECKPOINT_INTERVAL => Ok(interval),
        _ => Err("it is from 1s to 45m".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::interval;

    #[test]
    fn checkpoints_are_a_second_to_three_quarters_of_an_hour_apart() {
        for (text, allowed) in [
            ("1s", true),
            ("45m", true),
            ("44m59.9s", true),
            ("999ms", false),
            ("0s", false),
            ("-1s", false),
            ("45m1ns", false),
            ("46m", false),
            ("1000h", false),
            ("soon", false),
        ] {
            assert_eq!(interval(text).is_ok(), allowed, "{text}");
        }
    }
}
