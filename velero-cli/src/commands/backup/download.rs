//! `velero backup download NAME`: the tarball as it is stored, with no copy in memory.
//!
//! The file is readable by its owner only, because it holds Secrets in clear. It takes its name only once it is whole; a
//! download that fails leaves nothing behind.

use crate::context::Context;
use crate::exit::Exit;
use crate::flags::boolean;
use crate::output::bytes;
use crate::{catalog, connect};
use anyhow::{Context as _, anyhow};
use std::path::{Path, PathBuf};
use tokio::fs::{File, OpenOptions};
use tokio::io::{AsyncRead, AsyncWriteExt};
use velero_repo::BackupName;

/// Arguments of `backup download`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Name of the backup
    #[arg(value_name = "NAME", value_parser = super::name)]
    name: BackupName,
    /// File to write [default: NAME-data.tar.gz in the current directory]
    #[arg(short, long, value_name = "PATH")]
    output: Option<PathBuf>,
    /// Replace the file if it exists
    #[arg(long, value_name = "BOOL", num_args(0..=1), require_equals(true), default_missing_value("true"), value_parser = boolean)]
    force: Option<bool>,
}

/// Downloads the tarball.
pub async fn run(args: Args, context: &mut Context) -> anyhow::Result<Exit> {
    let store = connect::store(&context.global)?;
    catalog::backup(&store, &args.name).await?;
    let target = args.output.unwrap_or_else(|| PathBuf::from(format!("{}-data.tar.gz", args.name)));
    if args.force != Some(true) && target.exists() {
        return Err(anyhow!(
            "{} exists already; choose another file with -o or replace it with --force",
            target.display()
        ));
    }
    let what = || format!("downloading backup {}", args.name);
    let mut contents = store.open_contents(&args.name).await.with_context(what)?;
    let partial = Partial::create(&target).await?;
    let size = partial.fill(&mut contents).await.with_context(what)?;
    partial.finish(&target, args.force == Some(true)).await?;
    context.out.line(format_args!("Backup {} is in {} ({}).", args.name, target.display(), bytes(size)));
    Ok(Exit::Completed)
}

/// A file under a temporary name beside its target; removed when it is dropped unfinished.
struct Partial {
    path: PathBuf,
}

impl Partial {
    async fn create(target: &Path) -> anyhow::Result<Partial> {
        let mut name = target.file_name().ok_or_else(|| anyhow!("{} names no file", target.display()))?.to_owned();
        name.push(format!(".{}.partial", std::process::id()));
        let path = target.with_file_name(name);
        let cannot = || format!("writing {}", target.display());
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).await.with_context(cannot)?;
        Ok(Partial { path })
    }

    async fn fill(&self, contents: &mut (impl AsyncRead + Unpin)) -> anyhow::Result<u64> {
        let mut file: File = OpenOptions::new().write(true).open(&self.path).await.context("opening the file")?;
        let size = tokio::io::copy(contents, &mut file).await?;
        file.flush().await?;
        file.sync_all().await?;
        Ok(size)
    }

    /// Gives the file its name. Without `force` that fails if the name was taken in the meantime.
    async fn finish(self, target: &Path, force: bool) -> anyhow::Result<()> {
        let named = match force {
            true => tokio::fs::rename(&self.path, target).await,
            false => tokio::fs::hard_link(&self.path, target).await,
        };
        named.with_context(|| format!("writing {}", target.display()))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Gone already when it was renamed.
        let _ = std::fs::remove_file(&self.path);
    }
}
