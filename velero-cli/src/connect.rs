//! From flags to a store and a cluster.

use crate::exit::usage;
use crate::global::Global;
use anyhow::Context as _;
use std::path::Path;
use std::sync::Arc;
use velero_k8s::Cluster;
use velero_k8s::live::Live;
use velero_k8s::offline::Offline;
use velero_repo::{BackupStore, Store, StoreOptions};

/// Opens the store of `--store` or `VELERO_STORE`.
pub fn store(global: &Global) -> anyhow::Result<BackupStore> {
    Ok(BackupStore::new(store_at(address(global)?, false, global)?))
}

/// Opens the same store to write a backup; a directory is made if there is none.
pub fn store_for_backup(global: &Global) -> anyhow::Result<BackupStore> {
    Ok(BackupStore::new(store_at(address(global)?, true, global)?))
}

/// Opens the store at `address`; with `create`, a directory is made if there is none.
pub fn store_at(address: &str, create: bool, global: &Global) -> anyhow::Result<Store> {
    let open = if create { Store::open_or_create } else { Store::open };
    open(address, &options(global)).context("opening the store")
}

/// The address of the store.
pub fn address(global: &Global) -> anyhow::Result<&str> {
    let Some(address) = global.store.as_deref().filter(|address| !address.is_empty()) else {
        return Err(usage(
            "no store is named: set --store or VELERO_STORE to a directory, file://DIR or s3://BUCKET/PREFIX",
        ));
    };
    Ok(address)
}

fn options(global: &Global) -> StoreOptions {
    StoreOptions {
        credentials_file: global.credentials_file.clone(),
        profile: global.profile.clone(),
        ca_file: global.cacert.clone(),
        insecure_skip_tls_verify: global.insecure_skip_tls_verify == Some(true),
    }
}

/// A cluster and what people call it.
pub struct Target {
    /// The cluster.
    pub cluster: Arc<dyn Cluster>,
    /// The address of its API server, or its directory.
    pub name: String,
}

/// Opens the directory of `--offline`, else connects to the API server of the kubeconfig.
pub async fn cluster(global: &Global) -> anyhow::Result<Target> {
    if let Some(directory) = &global.offline {
        return Ok(Target { cluster: offline(directory)?, name: directory.display().to_string() });
    }
    let live = Live::connect(global.kubeconfig.as_deref(), global.kubecontext.as_deref()).await?;
    let name = live.server().trim_end_matches('/').to_owned();
    Ok(Target { cluster: Arc::new(live), name })
}

/// Opens a directory of manifests as a cluster.
pub fn offline(directory: &Path) -> anyhow::Result<Arc<dyn Cluster>> {
    let cluster =
        Offline::open(directory).with_context(|| format!("opening the offline cluster {}", directory.display()))?;
    Ok(Arc::new(cluster))
}
