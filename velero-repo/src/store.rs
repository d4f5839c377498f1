//! Stores by address.
//!
//! Comes in: an address such as `s3://bucket/prefix?endpoint=…` and [`StoreOptions`]. Goes out: a [`Store`], which is an
//! OpenDAL operator with time limits, retries and a limit of concurrent requests around it. Refuses, before anything is
//! contacted, what it does not understand: unknown schemes and options (a typing error must not silently change where
//! backups go), directories that are missing, addresses that carry secrets. Credentials never come in an address, and
//! nothing here prints one.

mod address;
mod credentials;
mod locking;
mod s3;

pub use crate::backups::BackupStore;
pub use crate::contents::ContentsSink;
pub use crate::layout::RestoreDocument;
pub use crate::objects::ObjectInfo;
pub use crate::writer::BackupWriter;

use crate::error::{Error, Result};
use address::Address;
pub(crate) use locking::{Lock, Locking};
use opendal::layers::{ConcurrentLimitLayer, RetryLayer, TimeoutLayer};
use opendal::{Operator, services};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::time::Duration;

/// Limit of one call that moves no body.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// Limit of one call that moves a part of up to 8 MiB: links down to 70 kB/s work.
const PART_TIMEOUT: Duration = Duration::from_secs(120);

/// Requests in flight to one store.
const CONCURRENT_REQUESTS: usize = 32;

/// Operations begun at once; far more than requests, since an open writer or reader counts as one.
const CONCURRENT_OPERATIONS: usize = 1024;

/// How a store is reached, beyond its address.
#[derive(Clone, Default)]
pub struct StoreOptions {
    /// Credentials file in the provider's format (AWS: shared credentials).
    pub credentials_file: Option<PathBuf>,
    /// Profile in that file, `default` when unset.
    pub profile: Option<String>,
    /// PEM file of further certificate authorities.
    pub ca_file: Option<PathBuf>,
    /// Accept any certificate.
    pub insecure_skip_tls_verify: bool,
}

/// An object store at a prefix; cheap to clone.
#[derive(Clone)]
pub struct Store {
    operator: Operator,
    checked: Operator,
    address: String,
    /// How operators for locked objects are made, where the store has such.
    s3: Option<Arc<(Address, StoreOptions)>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Store").field(&self.address).finish()
    }
}

impl Store {
    /// Opens `address`: a directory, `file://DIR`, `memory://`, `s3://BUCKET/PREFIX?endpoint=…&region=…` and, with their
    /// features, `gs://` and `azblob://`. Nothing is contacted yet. A directory has to exist.
    pub fn open(address: &str, options: &StoreOptions) -> Result<Store> {
        opendal::install_default();
        let parsed = Address::parse(address)?;
        let one = |operator: Operator| (operator.clone(), operator);
        let (operator, checked) = match parsed.scheme.as_str() {
            "file" => one(directory(&parsed)?),
            "memory" => one(memory(&parsed)?),
            "s3" => {
                let open = |purpose| s3::operator(&parsed, options, purpose).map(guard);
                (open(s3::Purpose::Objects)?, open(s3::Purpose::Blobs)?)
            }
            "gs" => one(guard(google(&parsed, options)?)),
            "azblob" => one(guard(azure(&parsed, options)?)),
            scheme => {
                let reason =
                    format!("no store is called {scheme}://; known are a directory, file, memory, s3, gs, azblob");
                return Err(Error::invalid(parsed.to_string(), reason));
            }
        };
        let address = parsed.to_string();
        let s3 = (parsed.scheme == "s3").then(|| Arc::new((parsed, options.clone())));
        Ok(Store { operator, checked, address, s3 })
    }

    /// Like [`Store::open`], but makes the directory first if `address` is one that does not exist.
    pub fn open_or_create(address: &str, options: &StoreOptions) -> Result<Store> {
        let parsed = Address::parse(address)?;
        if parsed.scheme == "file" {
            std::fs::create_dir_all(&parsed.path).map_err(|source| Error::Io {
                operation: "creating the store's directory",
                path: parsed.path,
                source,
            })?;
        }
        Store::open(address, options)
    }

    /// Wraps an OpenDAL operator, for services that set up their own and for tests.
    pub fn from_operator(operator: Operator, address: impl Into<String>) -> Store {
        Store { checked: operator.clone(), operator, address: address.into(), s3: None }
    }

    /// The address without secrets, for people.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The operator.
    pub fn operator(&self) -> &Operator {
        &self.operator
    }

    /// The operator for objects that are written in one request: with it S3 gets a checksum of each, and verifies it.
    pub(crate) fn checked_operator(&self) -> &Operator {
        &self.checked
    }

    /// What writes objects that the store keeps for a time.
    ///
    /// # Errors
    /// Invalid: this store can not do that.
    pub(crate) fn locking(&self, lock: Lock) -> Result<Locking> {
        match self.s3.as_deref() {
            Some((address, options)) => s3::locking(address, options, lock),
            None => Err(Error::invalid(self.address(), "only S3 stores can keep objects for a time")),
        }
    }
}

/// The layers around every remote store (asking a full disk again helps nothing), innermost first: a limit of time for each try, tries again with growing pauses
/// (0.5 s to 20 s, jittered), a limit of requests.
fn guard(operator: Operator) -> Operator {
    let again = |event: opendal::layers::RetryEvent<'_>| {
        tracing::debug!(operation = ?event.op, attempt = event.attempt, kind = %event.err.kind(), "asking the store again");
    };
    let retry = RetryLayer::new()
        .with_jitter()
        .with_min_delay(Duration::from_millis(500))
        .with_factor(2.0)
        .with_max_delay(Duration::from_secs(20))
        .with_max_times(6)
        .with_notify(again);
    operator
        .layer(TimeoutLayer::new().with_timeout(CALL_TIMEOUT).with_io_timeout(PART_TIMEOUT))
        .layer(retry)
        .layer(ConcurrentLimitLayer::new(CONCURRENT_OPERATIONS).with_http_concurrent_limit(CONCURRENT_REQUESTS))
}

/// OpenDAL would create a missing directory, and hide a mistyped one behind an empty store.
fn directory(address: &Address) -> Result<Operator> {
    address.allow(&[])?;
    let refuse = |reason: &str| Err(Error::invalid(address.to_string(), reason));
    match std::fs::metadata(Path::new(&address.path)) {
        Ok(found) if found.is_dir() => {}
        Ok(_) => return refuse("it is a file, not a directory"),
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => {
            return refuse("the directory does not exist; create it first");
        }
        Err(e) => return refuse(&format!("the directory can not be read: {e}")),
    }
    Operator::new(services::Fs::default().root(&address.path)).map_err(Error::store("open", address.to_string()))
}

/// Stores of one name are one store within the process; one without a name is always new.
fn memory(address: &Address) -> Result<Operator> {
    static STORES: LazyLock<Mutex<HashMap<String, Operator>>> = LazyLock::new(Mutex::default);
    address.allow(&[])?;
    let name = format!("{}/{}", address.bucket, address.path);
    let mut stores = STORES.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(operator) = stores.get(&name) {
        return Ok(operator.clone());
    }
    let operator = Operator::new(services::Memory::default()).map_err(Error::store("open", address.to_string()))?;
    if name != "/" {
        stores.insert(name, operator.clone());
    }
    Ok(operator)
}

#[cfg(feature = "gcs")]
fn google(address: &Address, options: &StoreOptions) -> Result<Operator> {
    address.allow(&["endpoint", "service_account", "storage_class"])?;
    s3::plain_tls_only(address, options)?;
    let mut service = services::Gcs::default().bucket(&address.bucket).root(&address.path);
    if let Some(file) = &options.credentials_file {
        service = service.credential_path(&file.to_string_lossy());
    }
    if let Some(endpoint) = address.option("endpoint") {
        service = service.endpoint(endpoint);
    }
    if let Some(account) = address.option("service_account") {
        service = service.service_account(account);
    }
    if let Some(class) = address.option("storage_class") {
        service = service.default_storage_class(class);
    }
    Operator::new(service).map_err(Error::store("open", address.to_string()))
}

#[cfg(not(feature = "gcs"))]
fn google(address: &Address, _options: &StoreOptions) -> Result<Operator> {
    Err(Error::invalid(address.to_string(), "this build has no Google Cloud Storage; build it with feature gcs"))
}

/// Account key and tokens come from the environment (`AZURE_STORAGE_ACCOUNT_KEY`, workload identity).
#[cfg(feature = "azblob")]
fn azure(address: &Address, options: &StoreOptions) -> Result<Operator> {
    address.allow(&["account", "endpoint"])?;
    s3::plain_tls_only(address, options)?;
    let account = address.option("account").map(str::to_owned).or_else(|| std::env::var("AZURE_STORAGE_ACCOUNT").ok());
    let Some(account) = account else {
        return Err(Error::invalid(
            address.to_string(),
            "name the storage account: ?account=… or AZURE_STORAGE_ACCOUNT",
        ));
    };
    let default = format!("https://{account}.blob.core.windows.net");
    let mut service = services::Azblob::default()
        .container(&address.bucket)
        .root(&address.path)
        .account_name(&account)
        .endpoint(address.option("endpoint").unwrap_or(&default));
    if let Ok(key) = std::env::var("AZURE_STORAGE_ACCOUNT_KEY") {
        service = service.account_key(&key);
    }
    Operator::new(service).map_err(Error::store("open", address.to_string()))
}

#[cfg(not(feature = "azblob"))]
fn azure(address: &Address, _options: &StoreOptions) -> Result<Operator> {
    Err(Error::invalid(address.to_string(), "this build has no Azure Blob Storage; build it with feature azblob"))
}

#[cfg(test)]
mod tests;
