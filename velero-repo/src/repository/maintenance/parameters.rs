//! Who may run maintenance, and how often: a manifest.

use crate::error::Result;
use crate::repository::gojson::document;
use crate::repository::manifest::{Labels, TYPE, labels};
use crate::repository::open::Repository;
use crate::repository::session::{Session, SessionOptions};
use jiff::SignedDuration;

document! {
    /// One kind of cycle.
    pub struct CycleParameters {
        /// Whether it is run at all when it is due.
        pub enabled: bool = "enabled",
        /// Nanoseconds between two.
        pub interval: i64 = "interval",
    }
}

document! {
    /// How many logs are kept.
    pub struct LogRetention {
        /// Bytes of all logs together.
        pub max_total_size: i64 = "maxTotalSize",
        /// Logs.
        pub max_count: i64 = "maxCount",
        /// Nanoseconds.
        pub max_age: i64 = "maxAge",
    }
}

document! {
    /// The parameters of maintenance.
    pub struct Parameters {
        /// `user@host` of the only one who may run it.
        pub owner: String = "owner",
        /// Quick cycles.
        pub quick: CycleParameters = "quick",
        /// Full cycles.
        pub full: CycleParameters = "full",
        /// Logs.
        pub log_retention: LogRetention = "logRetention",
        /// Whether the retention of blobs is extended while they are needed.
        pub extend_object_locks: bool = "extendObjectLocks",
        /// Listings at once.
        pub list_parallelism: i64 = "listParallelism",
    }
}

const HOUR: i64 = 3_600_000_000_000;

impl CycleParameters {
    fn every(hours: i64) -> Self {
        CycleParameters { enabled: true, interval: hours * HOUR, ..CycleParameters::default() }
    }

    /// Time between two.
    pub fn interval(&self) -> SignedDuration {
        SignedDuration::from_nanos(self.interval.max(0))
    }
}

impl Parameters {
    /// Kopia's defaults; nobody is the owner.
    pub fn kopia_default() -> Self {
        let log_retention =
            LogRetention { max_total_size: 1 << 30, max_count: 10_000, max_age: 720 * HOUR, ..LogRetention::default() };
        Parameters {
            quick: CycleParameters::every(1),
            full: CycleParameters::every(24),
            log_retention,
            ..Parameters::default()
        }
    }

    /// The parameters of a repository; Kopia's defaults where it has none. Of several the latest counts.
    ///
    /// # Errors
    /// Those of reading manifests; Corrupt when they are not parameters.
    pub async fn load(repository: &Repository) -> Result<Self> {
        let wanted = wanted();
        let manifests = repository.manifests(&wanted).await?;
        manifests.latest(&wanted).map_or_else(|| Ok(Parameters::kopia_default()), |record| record.document())
    }
}

fn wanted() -> Labels {
    labels([(TYPE, "maintenance")])
}

/// Makes the identity of `repository` the owner of its maintenance; all else stays. Make sure before that the present
/// owner, such as Velero's own job, runs none any more: two owners at once can lose contents.
///
/// # Errors
/// Those of a writing session.
pub async fn take_ownership(repository: &Repository) -> Result<()> {
    repository.check_writable()?;
    repository.refresh().await?;
    let owner = repository.identity().to_string();
    let parameters = Parameters { owner, ..Parameters::load(repository).await? };
    let session = Session::begin(repository, SessionOptions::default()).await?;
    session.replace_manifest(wanted(), &parameters).await?;
    session.commit().await.map(drop)
}
