//! The backups of an object store, each call in two forms: blocking and awaitable.

use crate::backup::Backup;
use crate::errors::convert;
use pyo3::prelude::*;
use pyo3::types::PyBytes;
use pyo3_async_runtimes::tokio::{future_into_py, get_runtime};
use std::future::Future;
use std::path::PathBuf;
use velero_core::api;
use velero_repo::{BackupName, BackupStore, Document, Error, Result, StoreOptions};

const DEFAULT_LIMIT: u64 = 1 << 30;

/// The backups of an object store.
#[pyclass(frozen, module = "velero")]
pub struct Store {
    backups: BackupStore,
}

#[pymethods]
impl Store {
    #[new]
    #[pyo3(signature = (address, *, credentials_file=None, profile=None, ca_file=None, insecure_skip_tls_verify=false))]
    fn new(
        address: &str,
        credentials_file: Option<PathBuf>,
        profile: Option<String>,
        ca_file: Option<PathBuf>,
        insecure_skip_tls_verify: bool,
    ) -> PyResult<Self> {
        let options = StoreOptions { credentials_file, profile, ca_file, insecure_skip_tls_verify };
        let _runtime = get_runtime().enter();
        let store = velero_repo::Store::open(address, &options).map_err(convert)?;
        Ok(Store { backups: BackupStore::new(store) })
    }

    #[getter]
    fn address(&self) -> &str {
        self.backups.store().address()
    }

    fn backups(&self, py: Python<'_>) -> PyResult<Vec<Backup>> {
        wait(py, read_all(self.backups.clone()))
    }

    fn backups_async<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let backups = self.backups.clone();
        future_into_py(py, async move { read_all(backups).await.map_err(convert) })
    }

    fn backup(&self, py: Python<'_>, name: String) -> PyResult<Backup> {
        wait(py, read_one(self.backups.clone(), name))
    }

    fn backup_async<'py>(&self, py: Python<'py>, name: String) -> PyResult<Bound<'py, PyAny>> {
        let backups = self.backups.clone();
        future_into_py(py, async move { read_one(backups, name).await.map_err(convert) })
    }

    #[pyo3(signature = (name, document, *, limit=DEFAULT_LIMIT))]
    fn read<'py>(&self, py: Python<'py>, name: String, document: &str, limit: u64) -> PyResult<Bound<'py, PyBytes>> {
        let document = parse_document(document).map_err(convert)?;
        let bytes = wait(py, read_document(self.backups.clone(), name, document, limit))?;
        Ok(PyBytes::new(py, &bytes))
    }

    #[pyo3(signature = (name, document, *, limit=DEFAULT_LIMIT))]
    fn read_async<'py>(
        &self,
        py: Python<'py>,
        name: String,
        document: &str,
        limit: u64,
    ) -> PyResult<Bound<'py, PyAny>> {
        let document = parse_document(document).map_err(convert)?;
        let backups = self.backups.clone();
        future_into_py(py, async move {
            let bytes = read_document(backups, name, document, limit).await.map_err(convert)?;
            Python::attach(|py| Ok(PyBytes::new(py, &bytes).unbind()))
        })
    }

    fn __repr__(&self) -> String {
        format!("<velero.Store {}>", self.address())
    }
}

/// Blocks on the shared runtime without holding the interpreter.
fn wait<T: Send>(py: Python<'_>, work: impl Future<Output = Result<T>> + Send) -> PyResult<T> {
    py.detach(|| get_runtime().block_on(work)).map_err(convert)
}

async fn read_all(backups: BackupStore) -> Result<Vec<Backup>> {
    let mut found = Vec::new();
    for name in backups.list().await? {
        found.push(read_one(backups.clone(), name.as_str().to_owned()).await?);
    }
    Ok(found)
}

async fn read_one(backups: BackupStore, name: String) -> Result<Backup> {
    let bytes = read_document(backups, name.clone(), Document::Backup, 64 << 20).await?;
    let document: api::Backup = serde_json::from_slice(&bytes)
        .map_err(|e| Error::Corrupt { key: format!("the document of backup {name}"), reason: e.to_string() })?;
    Ok(document.into())
}

async fn read_document(backups: BackupStore, name: String, document: Document, limit: u64) -> Result<Vec<u8>> {
    let name = BackupName::new(name)?;
    let bytes = backups.read(&name, document, limit).await?;
    bytes.map(|bytes| bytes.to_vec()).ok_or_else(|| Error::Missing { what: format!("{document:?} of backup {name}") })
}

fn parse_document(name: &str) -> Result<Document> {
    Ok(match name {
        "backup" => Document::Backup,
        "contents" => Document::Contents,
        "logs" => Document::Log,
        "results" => Document::Results,
        "resource-list" => Document::ResourceList,
        "volume-info" => Document::VolumeInfo,
        "item-operations" => Document::ItemOperations,
        "pod-volume-backups" => Document::PodVolumeBackups,
        "volume-snapshots" => Document::VolumeSnapshots,
        _ => {
            return Err(Error::Invalid {
                what: format!("document {name:?}"),
                reason: "use backup, contents, logs, results, resource-list, volume-info, item-operations, \
                         pod-volume-backups or volume-snapshots"
                    .into(),
            });
        }
    })
}
