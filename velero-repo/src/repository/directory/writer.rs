//! Directories, written entry by entry.

use super::{Entry, STREAM, Shape, Tail, canonical};
use crate::error::{Error, Result};
use crate::repository::gojson;
use serde::Serialize;
use std::io::{self, Write};

/// Writes a directory into `out` in the bytes that Kopia would write.
///
/// Directories come first, then everything else; either group in the order of the bytes of its names.
#[derive(Clone)]
pub struct Writer<W> {
    out: W,
    shape: Shape,
    last: Option<(bool, String)>,
    /// The entry that is being written.
    line: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// Begins a directory.
    pub fn new(out: W, shape: Shape) -> Self {
        Writer { out, shape, last: None, line: Vec::new() }
    }

    /// Adds an entry.
    ///
    /// # Errors
    /// Invalid: the name is not harmless, out of order or there already; the entry is one that Kopia could not read.
    /// Nothing was written then. Or what `out` answers.
    pub fn push(&mut self, entry: &Entry) -> Result<()> {
        if let Some(reason) = self.shape.fault(entry).or_else(|| entry.fault()).or_else(|| self.disorder(entry)) {
            return Err(Error::invalid(format!("entry {:?}", entry.name), reason));
        }
        match &mut self.last {
            Some((others, name)) => {
                *others = !entry.is_directory();
                name.clone_from(&entry.name);
                self.out.write_all(b",").map_err(failed)?;
            }
            None => {
                self.last = Some((!entry.is_directory(), entry.name.clone()));
                write!(self.out, "{{\"stream\":\"{STREAM}\",\"entries\":[").map_err(failed)?;
            }
        }
        self.line.clear();
        match canonical::write(&mut self.line, entry) {
            true => self.out.write_all(&self.line).map_err(failed),
            false => gojson::write(&mut self.out, entry).map_err(|e| failed(e.into())),
        }
    }

    /// Where the directory is written to, for callers who take what is there already.
    pub fn out(&mut self) -> &mut W {
        &mut self.out
    }

    fn disorder(&self, entry: &Entry) -> Option<&'static str> {
        let (others, name) = self.last.as_ref()?;
        match () {
            () if self.shape == Shape::Device => Some("a device is one file"),
            () if (*others, name.as_str()) < (!entry.is_directory(), entry.name.as_str()) => None,
            () => Some("it comes after an entry that belongs behind it"),
        }
    }

    /// Ends the directory and hands back `out`.
    ///
    /// # Errors
    /// Invalid: sums that Kopia could not read. Or what `out` answers.
    pub fn finish(mut self, tail: impl Into<Tail>) -> Result<W> {
        let tail: Tail = tail.into();
        if let Some(reason) = tail.summary.as_ref().and_then(|summary| summary.fault()) {
            return Err(Error::invalid("directory", reason));
        }
        match self.last {
            Some(_) => self.out.write_all(b"]").map_err(failed)?,
            None => write!(self.out, "{{\"stream\":\"{STREAM}\",\"entries\":null").map_err(failed)?,
        }
        let end = gojson::to_vec(&End(&tail)).map_err(|e| failed(e.into()))?;
        self.out.write_all(b",").map_err(failed)?;
        self.out.write_all(end.get(1..).unwrap_or_default()).map_err(failed)?; // its brace is open already
        self.out.write_all(b"\n").map_err(failed)?;
        Ok(self.out)
    }
}

/// The fields behind the entries.
struct End<'a>(&'a Tail);

impl Serialize for End<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("summary", &self.0.summary)?;
        self.0.extra.write(&mut map)?;
        map.end()
    }
}

fn failed(source: io::Error) -> Error {
    Error::Io { operation: "write", path: "directory object".to_owned(), source }
}
