//! Backs up a namespace, loses it, looks at the plan and restores it: what a service does, on a cluster in memory.
//!
//! `cargo run -p examples --example backup_and_restore`; replace the cluster by `Live::connect(None, None).await?` and the
//! store's address by your own.

use serde_json::json;
use std::sync::Arc;
use velero_core::api::{Backup, BackupSpec, Restore, RestoreSpec};
use velero_k8s::cluster::Cluster;
use velero_k8s::offline::Offline;
use velero_repo::{BackupStore, Store, StoreOptions};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let object = |kind: &str, name: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": name}});
    let mut settings = object("ConfigMap", "settings");
    settings["metadata"]["namespace"] = json!("web");
    settings["data"] = json!({"color": "blue"});
    let cluster = Arc::new(Offline::in_memory().with_objects([object("Namespace", "web"), settings])?);
    let store = BackupStore::new(Store::open("memory://example", &StoreOptions::default())?);

    let spec = BackupSpec { included_namespaces: vec!["web".into()], ..BackupSpec::default() };
    let backup = velero_k8s::Backup::new(cluster.clone(), store.clone());
    let report = backup.run(Backup::new("web-1", spec)).await?;
    println!("backup: {:?}, {} problems", report.backup.status.phase, report.problems.len());

    let table = cluster.discover().await?.table;
    let namespaces = table.resolve("namespaces").ok_or_else(|| anyhow::anyhow!("no namespaces here"))?;
    cluster.delete(namespaces, "", "web").await?;

    let spec = RestoreSpec { backup_name: "web-1".into(), ..RestoreSpec::default() };
    let restore = velero_k8s::Restore::new(cluster.clone(), store);
    let plan = restore.plan(Restore::new("web-1-back", spec)).await?;
    for write in plan.writes() {
        println!("plan: {write:?}");
    }
    let report = restore.apply(&plan).await?;
    println!("restore: {:?}", report.restore.status.phase);

    let config_maps = table.resolve("configmaps").ok_or_else(|| anyhow::anyhow!("no config maps here"))?;
    let found = cluster.get(config_maps, "web", "settings").await?.unwrap_or_default();
    anyhow::ensure!(String::from_utf8_lossy(&found).contains("blue"), "the settings did not come back");
    println!("the settings are back");
    Ok(())
}
