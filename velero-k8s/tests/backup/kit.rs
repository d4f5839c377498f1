//! Runs a backup and reads back what it stored.

use crate::fake::{Fake, ROWS};
use flate2::read::MultiGzDecoder;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::Read;
use std::sync::Arc;
use tokio::io::AsyncReadExt;
use velero_core::{Severity, api};
use velero_k8s::{Backup, BackupOptions, BackupReport, Error};
use velero_repo::{BackupName, BackupStore, Document, Store, StoreOptions};

/// Name of every backup here.
pub const NAME: &str = "b";

/// Two pods and two deployments in two namespaces.
pub const A: [&str; 4] = ["pods foo/bar", "pods zoo/raz", "deployments.apps foo/bar", "deployments.apps zoo/raz"];

/// What a backup stored.
pub struct Stored {
    pub report: BackupReport,
    pub store: BackupStore,
    /// Objects of the unversioned tree in the order of the archive, as `resource ns/name`.
    pub order: Vec<String>,
    /// Their content.
    pub bodies: BTreeMap<String, Value>,
}

impl Stored {
    /// The objects, sorted.
    pub fn items(&self) -> Vec<&str> {
        self.bodies.keys().map(String::as_str).collect()
    }

    /// Problems as `severity reason: text`.
    pub fn problems(&self) -> Vec<String> {
        let severity = |s| if s == Severity::Error { "error" } else { "warning" };
        self.report.problems.iter().map(|p| format!("{} {}: {p}", severity(p.severity), p.reason)).collect()
    }

    /// One document as text.
    pub async fn text(&self, document: Document) -> String {
        let bytes = self.store.read(&BackupName::new(NAME).unwrap(), document, 1 << 20).await.unwrap().unwrap();
        String::from_utf8(bytes.to_vec()).unwrap()
    }

    /// One document as JSON.
    pub async fn json(&self, document: Document) -> Value {
        serde_json::from_str(&self.text(document).await).unwrap()
    }
}

/// A store in memory.
pub fn memory() -> BackupStore {
    BackupStore::new(Store::open("memory://", &StoreOptions::default()).unwrap())
}

/// The request with `spec`.
pub fn request(spec: Value) -> api::Backup {
    api::Backup::new(NAME, serde_json::from_value(spec).unwrap())
}

/// The options of vectors, which call Velero's engine below its controller.
pub fn engine() -> BackupOptions {
    BackupOptions { engine_level: true, ..BackupOptions::default() }
}

/// Backs up `objects` with `spec` as Velero's engine would.
pub async fn run(objects: &[&str], spec: Value) -> Stored {
    run_on(Fake::new(ROWS, objects), spec, engine()).await.unwrap()
}

/// Backs up `fake` with `spec`.
pub async fn run_on(fake: Fake, spec: Value, options: BackupOptions) -> Result<Stored, Error> {
    let store = memory();
    let report = Backup::new(Arc::new(fake), store.clone()).with_options(options).run(request(spec)).await?;
    read(report, store).await
}

async fn read(report: BackupReport, store: BackupStore) -> Result<Stored, Error> {
    let mut packed = Vec::new();
    let mut contents = store.open_contents(&BackupName::new(NAME)?).await?;
    contents.read_to_end(&mut packed).await.unwrap();
    let mut entries = Vec::new();
    for entry in tar::Archive::new(MultiGzDecoder::new(&packed[..])).entries().unwrap() {
        let mut entry = entry.unwrap();
        let path = entry.path().unwrap().to_str().unwrap().to_owned();
        let mut body = Vec::new();
        entry.read_to_end(&mut body).unwrap();
        entries.push((path, body));
    }
    assert_eq!(entries[0], ("metadata/version".to_owned(), b"1.1.0\n".to_vec()));
    let mut stored = Stored { report, store, order: Vec::new(), bodies: BTreeMap::new() };
    for (path, body) in &entries[1..] {
        let Some(id) = unversioned(path) else { continue };
        let twin = entries.iter().filter(|(p, b)| b == body && preferred(p).as_ref() == Some(&id));
        assert_eq!(twin.count(), 1, "{id} has one twin below its preferred version");
        stored.order.push(id.clone());
        let clash = stored.bodies.insert(id, serde_json::from_slice(body).unwrap());
        assert!(clash.is_none(), "{path} comes once");
    }
    Ok(stored)
}

/// `resources/pods/namespaces/ns/name.json` as `pods ns/name`.
fn unversioned(path: &str) -> Option<String> {
    let parts: Vec<&str> = path.strip_prefix("resources/")?.strip_suffix(".json")?.split('/').collect();
    match parts[..] {
        [resource, "cluster", name] => Some(format!("{resource} {name}")),
        [resource, "namespaces", namespace, name] => Some(format!("{resource} {namespace}/{name}")),
        _ => None,
    }
}

/// The same for the tree of the preferred version.
fn preferred(path: &str) -> Option<String> {
    let (resource, rest) = path.strip_prefix("resources/")?.split_once('/')?;
    let (version, rest) = rest.split_once('/')?;
    version.strip_suffix("-preferredversion")?;
    unversioned(&format!("resources/{resource}/{rest}"))
}

/// Sorted copies of texts.
pub fn sorted<'a>(lists: &[&[&'a str]]) -> Vec<&'a str> {
    let mut all: Vec<&str> = lists.concat();
    all.sort_unstable();
    all
}
