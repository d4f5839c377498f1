//! Flags that say which repository, who works with it, with what password, and what of it is kept here; from them to an
//! open repository.

use super::clock;
use super::password::{self, Ask};
use crate::connect;
use crate::context::Context;
use crate::exit::usage;
use crate::flags::size::size;
use anyhow::{Context as _, anyhow};
use std::path::{Path, PathBuf};
use velero_repo::Error;
use velero_repo::repository::blob::BlobStore;
use velero_repo::repository::open::{CacheOptions, Identity, OpenOptions, Repository};

/// Which repository, and who works with it.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Repository")]
pub struct Location {
    /// The repository: a directory, file://DIR, or s3://BUCKET/PREFIX?region=REGION&endpoint=URL
    #[arg(long, value_name = "URI", conflicts_with = "volume_namespace")]
    repo: Option<String>,
    /// Velero's repository for the volumes of this namespace, in the store of --store
    #[arg(long, value_name = "NAMESPACE")]
    volume_namespace: Option<String>,
    /// File with the password, unless VELERO_REPO_PASSWORD is set; with neither, a terminal is asked
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Who works with it (default: this user and host; default@default with --volume-namespace)
    #[arg(long, value_name = "USER@HOST", value_parser = Identity::parse)]
    identity: Option<Identity>,
}

/// Which repository, and whether what was read of it is kept on this machine. Not for commands that look for damage of the
/// store: a cache would hide it.
#[derive(Debug, clap::Args)]
pub struct CachedLocation {
    #[command(flatten)]
    location: Location,
    /// Keep index and directories of the repository in this directory, sealed as they are, so that a remote one is opened
    /// and browsed faster; it may be shared, and deleted at any time [default: nothing is kept]
    #[arg(long, value_name = "DIR")]
    cache_dir: Option<PathBuf>,
    /// With --cache-dir: what one repository may take there; the oldest goes first
    #[arg(long, value_name = "SIZE", value_parser = size, requires = "cache_dir", default_value = "1GiB")]
    cache_limit: u64,
}

impl CachedLocation {
    /// Refuses to go on without a place.
    pub fn check(&self) -> anyhow::Result<()> {
        self.location.check()
    }

    /// The directory of the cache, if there is one.
    pub fn cache_dir(&self) -> Option<&Path> {
        self.cache_dir.as_deref()
    }

    /// Opens the repository.
    pub async fn open(&self, access: Access, context: &Context) -> anyhow::Result<Repository> {
        let options = |directory: PathBuf| CacheOptions { directory, limit: self.cache_limit };
        self.location.open_with(access, self.cache_dir.clone().map(options), context).await
    }
}

/// What a repository is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Nothing will be changed.
    Read,
    /// Nothing will be changed, and damage is what is looked for.
    Verify,
    /// Anything may be changed.
    Write,
}

impl Location {
    /// Whether it is one of Velero's own repositories.
    pub fn is_veleros(&self) -> bool {
        self.volume_namespace.is_some()
    }

    /// Opens the repository, without a cache.
    pub async fn open(&self, access: Access, context: &Context) -> anyhow::Result<Repository> {
        self.open_with(access, None, context).await
    }

    async fn open_with(
        &self,
        access: Access,
        cache: Option<CacheOptions>,
        context: &Context,
    ) -> anyhow::Result<Repository> {
        self.check()?;
        let options = OpenOptions { cache, ..self.options(Ask::Once, context).await? };
        let blobs = self.blobs(false, &options, context).await?;
        let options = match access {
            Access::Read => options.read_only(),
            Access::Verify => options.for_verification(),
            Access::Write => options,
        };
        let address = blobs.address().to_owned();
        Repository::open(blobs, options).await.map_err(|error| explain(error, &address))
    }

    /// Refuses to go on without a place.
    pub fn check(&self) -> anyhow::Result<()> {
        match self.repo.as_deref().or(self.volume_namespace.as_deref()) {
            Some(place) if !place.is_empty() => Ok(()),
            _ => Err(usage(
                "no repository is named: set --repo to a directory or s3://BUCKET/PREFIX, or --volume-namespace to a \
                 namespace of which Velero keeps volumes in --store",
            )),
        }
    }

    /// Password, identity and clock.
    pub async fn options(&self, ask: Ask, context: &Context) -> anyhow::Result<OpenOptions> {
        let missing = match self.is_veleros() {
            true => {
                "Velero keeps that of its repositories in the secret velero-repo-credentials, key repository-password"
            }
            false => "without a terminal nobody can be asked",
        };
        let password = password::find(self.password_file.as_deref(), ask, missing, &context.cancel).await?;
        let mut options = OpenOptions::new(password);
        if let Some(clock) = clock::of_environment()? {
            options = options.with_clock(clock);
        }
        Ok(match &self.identity {
            Some(identity) => options.with_identity(identity.clone()),
            None if self.is_veleros() => options.with_identity(Identity::velero()),
            None => options,
        })
    }

    /// The blobs; with `create`, a directory is made if there is none.
    pub async fn blobs(&self, create: bool, options: &OpenOptions, context: &Context) -> anyhow::Result<BlobStore> {
        let blobs = match (&self.repo, &self.volume_namespace) {
            (None, Some(namespace)) => {
                let address = connect::address(&context.global)?;
                BlobStore::of_namespace(&connect::store_at(address, create, &context.global)?, namespace).await
            }
            (address, _) => {
                let address = address.as_deref().unwrap_or_default();
                BlobStore::open(&connect::store_at(address, create, &context.global)?).await
            }
        };
        let blobs = blobs.context("opening the repository's store")?;
        Ok(match clock::of_environment()? {
            Some(_) => blobs.with_clock(options.clock.clone()),
            None => blobs,
        })
    }
}

/// What to do about a repository that can not be opened, where that is known.
fn explain(error: Error, address: &str) -> anyhow::Error {
    let opening = format!("opening the repository in {address}");
    match &error {
        Error::Denied { .. } => anyhow!("{opening}: {error}; check {} or --password-file", password::VARIABLE),
        Error::Missing { .. } => anyhow!("{error}; `velero repo create` makes one"),
        _ => anyhow::Error::new(error).context(opening),
    }
}
