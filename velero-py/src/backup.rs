//! A backup as plain data.

use pyo3::prelude::*;
use std::collections::BTreeMap;
use velero_core::api;

/// One backup as its document describes it.
#[pyclass(frozen, module = "velero")]
pub struct Backup {
    document: api::Backup,
}

impl From<api::Backup> for Backup {
    fn from(document: api::Backup) -> Self {
        Backup { document }
    }
}

#[pymethods]
impl Backup {
    #[getter]
    fn name(&self) -> &str {
        &self.document.metadata.name
    }

    #[getter]
    fn phase(&self) -> Option<String> {
        self.document.status.phase.as_ref().map(ToString::to_string)
    }

    #[getter]
    fn started(&self) -> Option<&str> {
        self.document.status.start_timestamp.as_deref()
    }

    #[getter]
    fn completed(&self) -> Option<&str> {
        self.document.status.completion_timestamp.as_deref()
    }

    #[getter]
    fn expires(&self) -> Option<&str> {
        self.document.status.expiration.as_deref()
    }

    #[getter]
    fn errors(&self) -> u64 {
        self.document.status.errors
    }

    #[getter]
    fn warnings(&self) -> u64 {
        self.document.status.warnings
    }

    #[getter]
    fn items(&self) -> u64 {
        self.document.status.progress.as_ref().map_or(0, |progress| progress.items_backed_up)
    }

    #[getter]
    fn labels(&self) -> BTreeMap<String, String> {
        self.document.metadata.labels.clone()
    }

    #[getter]
    fn document<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let text = serde_json::to_string(&self.document).map_err(|e| super::errors::Error::new_err(e.to_string()))?;
        py.import("json")?.call_method1("loads", (text,))
    }

    fn __repr__(&self) -> String {
        format!("<velero.Backup {} {}>", self.name(), self.phase().unwrap_or_else(|| "New".into()))
    }
}
