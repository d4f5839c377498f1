//! Planning a restore needs memory for names only. A program of its own, because the peak is the process's.

#![allow(clippy::unwrap_used, reason = "a test that can not be set up should end there")]

use bytes::Bytes;
use std::path::Path;
use std::sync::Arc;
use tokio::runtime::Runtime;
use velero_core::api::{Backup, BackupSpec, RestoreSpec};
use velero_core::archive::{Writer, WriterOptions};
use velero_core::plan::Plan;
use velero_core::{ItemId, api};
use velero_k8s::Restore;
use velero_k8s::offline::Offline;
use velero_repo::store::StoreOptions;
use velero_repo::{BackupName, BackupStore, Store};

/// Objects of the two backups that are compared.
const SIZES: (usize, usize) = (20_000, 120_000);

/// Tells a child process which backup to plan: the directory of its store.
const CHILD: &str = "RESTORE_MEMORY_STORE";

/// Peak resident memory in bytes.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}

fn open(directory: &Path) -> BackupStore {
    BackupStore::new(Store::open_or_create(directory.to_str().unwrap(), &StoreOptions::default()).unwrap())
}

async fn fill(store: &BackupStore, objects: usize) {
    let mut writer = store.create(&BackupName::new("b").unwrap()).await.unwrap();
    let sink = writer.contents().await.unwrap();
    let write = move || {
        let mut archive = Writer::new(sink, WriterOptions { threads: 1, level: 1, modified: 0 }).unwrap();
        let filler = "x".repeat(5_500);
        for n in 0..objects {
            let (namespace, name) = (format!("namespace-{}", n % 10), format!("config-map-with-a-name-{n:09}"));
            let body = format!(
                r#"{{"apiVersion":"v1","kind":"ConfigMap","metadata":{{"name":"{name}","namespace":"{namespace}"}},"data":{{"k":"{filler}"}}}}"#
            );
            archive.add(&ItemId::new("configmaps", namespace, name), "v1", true, body.as_bytes()).unwrap();
        }
        archive.finish().unwrap().0.close().unwrap();
    };
    tokio::task::spawn_blocking(write).await.unwrap();
    let mut backup = Backup::new("b", BackupSpec::default());
    backup.status.phase = Some(api::BackupPhase::Completed);
    writer.finish(Bytes::from(serde_json::to_vec(&backup).unwrap())).await.unwrap();
}

async fn plan(store: &BackupStore) -> Plan {
    let request = api::Restore::new("r", RestoreSpec { backup_name: "b".into(), ..RestoreSpec::default() });
    Restore::new(Arc::new(Offline::in_memory()), store.clone()).plan(request).await.unwrap()
}

/// Plans in a process of its own, where nothing else has used memory; returns its peak.
fn peak_of_plan(runtime: &Runtime, objects: usize) -> u64 {
    let directory = tempfile::tempdir().unwrap();
    runtime.block_on(fill(&open(directory.path()), objects));
    let mut child = std::process::Command::new(std::env::current_exe().unwrap());
    let output = child
        .args(["--exact", TEST, "--nocapture", "--include-ignored"])
        .env(CHILD, directory.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let line = text.lines().find_map(|line| line.split_once("planned ")).unwrap_or_else(|| panic!("{text}"));
    let (counted, peak) = line.1.split_once(" peak ").unwrap();
    assert_eq!(counted, (objects + 10).to_string());
    peak.parse().unwrap()
}

const TEST: &str = "a_plan_costs_at_most_250_bytes_an_object_at_its_peak";

#[test]
#[ignore = "a measurement at full size: 15 s"]
fn a_plan_costs_at_most_250_bytes_an_object_at_its_peak() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    if let Some(directory) = std::env::var_os(CHILD) {
        let plan = runtime.block_on(plan(&open(Path::new(&directory))));
        println!("\nplanned {} peak {}", plan.counts().create, peak());
        return;
    }
    let (few, many) = (peak_of_plan(&runtime, SIZES.0), peak_of_plan(&runtime, SIZES.1));
    let growth = many.saturating_sub(few) / (SIZES.1 - SIZES.0) as u64;
    println!("peaks {few} and {many}, {growth} bytes an object");
    assert!(many <= 128 << 20 && growth <= 250, "peaks {few} and {many}, {growth} bytes an object");
}
