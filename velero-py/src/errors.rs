//! One base exception and a subclass for each kind; what is missing is also a `LookupError`, what is invalid a
//! `ValueError`.

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyLookupError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use std::error::Error as _;
use velero_repo::ErrorKind;

create_exception!(velero, Error, PyException, "Base of everything this module raises on purpose.");
create_exception!(velero, Denied, Error, "The store forbids it, or does not know who asks.");
create_exception!(velero, Corrupt, Error, "Stored bytes are not what was written.");
create_exception!(velero, Unavailable, Error, "The store can not be reached, or stalls.");

/// Adds the exceptions to the module; those with two bases are made here, for the macro knows one base only.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    module.add("Error", py.get_type::<Error>())?;
    module.add("Denied", py.get_type::<Denied>())?;
    module.add("Corrupt", py.get_type::<Corrupt>())?;
    module.add("Unavailable", py.get_type::<Unavailable>())?;
    let two_bases = |name: &str, other: Bound<'_, PyType>, doc: &str| {
        let bases = PyTuple::new(py, [py.get_type::<Error>(), other])?;
        let body = pyo3::types::PyDict::new(py);
        body.set_item("__doc__", doc)?;
        body.set_item("__module__", "velero")?;
        let class = py.get_type::<PyType>().call1((name, bases, body))?;
        module.add(name, class)
    };
    two_bases("NotFound", py.get_type::<PyLookupError>(), "The backup, document or bucket does not exist.")?;
    two_bases("Invalid", py.get_type::<PyValueError>(), "An address, name or option is not valid.")
}

/// The Python exception of an error, with the whole chain of causes as text.
pub fn convert(error: velero_repo::Error) -> PyErr {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(&format!(": {cause}"));
        source = cause.source();
    }
    match error.kind() {
        ErrorKind::Denied => Denied::new_err(text),
        ErrorKind::Corrupt => Corrupt::new_err(text),
        ErrorKind::Unavailable => Unavailable::new_err(text),
        ErrorKind::NotFound => registered("NotFound", text),
        ErrorKind::Invalid => registered("Invalid", text),
        _ => Error::new_err(text),
    }
}

/// An exception that [`register`] made.
fn registered(name: &str, text: String) -> PyErr {
    Python::attach(|py| {
        let class = py.import("velero._velero").and_then(|module| module.getattr(name));
        match class.and_then(|class| class.call1((text.as_str(),))) {
            Ok(exception) => PyErr::from_value(exception),
            Err(_) => Error::new_err(text),
        }
    })
}
