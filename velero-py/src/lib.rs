//! The native part of the Python module `velero`: conversions only, no logic of its own.
//!
//! Each call releases the interpreter lock and blocks on one shared runtime; its awaitable twin stands beside it.

mod backup;
mod errors;
mod store;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
fn _velero(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // A second installation by another extension of the process is no error: one provider is all that is needed.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_class::<backup::Backup>()?;
    module.add_class::<store::Store>()?;
    errors::register(module)
}
