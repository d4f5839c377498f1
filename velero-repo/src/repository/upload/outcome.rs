//! What became of entries, and the directory object that they make up.
//!
//! Comes in: outcomes, in the order of their names. Goes out: the object as far as it is, its sums, its failures.

use super::chunks::{Layout, ObjectWriter};
use crate::Result;
use crate::repository::content::DIRECTORY;
use crate::repository::directory::{self, Entry, Shape, Tally};
use crate::repository::seal::compression::Compressor;
use crate::repository::session::ContentWriter;

/// What became of an entry.
#[derive(Clone, Debug)]
pub(super) enum Outcome {
    /// It is in the snapshot.
    Entry(Box<Entry>),
    /// It could not be read.
    Failed {
        /// Path below the root.
        path: String,
        /// Why.
        reason: String,
        /// Whether the policy lets that pass.
        ignored: bool,
    },
}

/// How directories are written.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// How they are cut, and lists are written.
    pub(super) layout: Layout,
    /// Their compression.
    pub(super) compressor: Option<Compressor>,
}

/// The directory's object so far.
#[derive(Clone)]
pub(super) struct GrowingDirectory {
    pub(super) text: directory::Writer<Vec<u8>>,
    pub(super) object: ObjectWriter,
    pub(super) tally: Tally,
}

impl GrowingDirectory {
    pub(super) fn new(shape: Shape, style: Style) -> GrowingDirectory {
        GrowingDirectory {
            text: directory::Writer::new(Vec::new(), shape),
            object: ObjectWriter::new(DIRECTORY, style.compressor, style.layout),
            tally: Tally::default(),
        }
    }

    pub(super) fn add(&mut self, outcome: Outcome) -> Result<()> {
        match outcome {
            Outcome::Entry(entry) => {
                self.text.push(&entry)?;
                self.tally.add(&entry);
            }
            Outcome::Failed { path, reason, ignored } => self.tally.fail(&path, &reason, ignored),
        }
        Ok(())
    }

    pub(super) fn flush(&mut self, writer: &mut ContentWriter) -> Result<()> {
        self.object.take(self.text.out(), writer)
    }
}

impl Outcome {
    /// The order in which directories are written.
    pub(super) fn key(&self) -> (bool, &[u8]) {
        match self {
            Outcome::Entry(entry) => (!entry.is_directory(), entry.name.as_bytes()),
            Outcome::Failed { path, .. } => (true, path.as_bytes()),
        }
    }
}
