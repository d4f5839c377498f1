//! Entries get their names: what happens to those that exist.

use std::io::ErrorKind;

use super::job::Job;
use super::options::Overwrite;
use super::report::count;
use super::run::{Run, failed};
use crate::repository::name::hex;
use crate::repository::seal::random;
use crate::repository::tree::{Kind, SinkFile};
use crate::{Error, Result};

/// How the names of unfinished files begin; 16 digits follow.
const UNFINISHED: &str = ".velero-restore-";

impl Run {
    /// Creates a directory, or takes the one that is there; whether it is new.
    pub(super) fn place_directory(&self, path: &[u8]) -> Result<bool> {
        match self.sink.create_directory(path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists && self.options.overwrite == Overwrite::All => {
                self.sink.remove(path, Kind::File).map_err(|error| failed(path, error))?;
                self.sink.create_directory(path).map_err(|error| failed(path, error))
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Err(exists(path)),
            answer => answer.map_err(|error| failed(path, error)),
        }
    }

    /// Creates a file with what `fill` writes; whether there was a place for it. A new one without a size grows by one short
    /// write, where it is; one that has its size before its bytes, and what replaces something, is filled beside its place.
    pub(super) fn place_file(
        &self,
        (job, path): (&Job, &[u8]),
        size: u64,
        fill: impl Fn(&dyn SinkFile, &[u8]) -> Result<()>,
    ) -> Result<bool> {
        if size == 0 || path.is_empty() {
            match self.sink.create_file(path, size) {
                Ok(file) => {
                    if let Err(error) = fill(&*file, path) {
                        drop(file);
                        self.discard(path);
                        return Err(error);
                    }
                    return Ok(true);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(failed(path, error)),
            }
        }
        if !self.may_place(job, path)? {
            return Ok(false);
        }
        let beside = self.beside(path);
        let filled = self.sink.create_file(&beside, size).map_err(|error| failed(&beside, error));
        let filled = filled.and_then(|file| fill(&*file, &beside)).and_then(|()| self.replace(&beside, path));
        filled.inspect_err(|_| self.discard(&beside))?;
        Ok(true)
    }

    /// Creates a link; whether there was a place for it.
    pub(super) fn place_link(&self, (job, path): (&Job, &[u8]), target: &[u8]) -> Result<bool> {
        match self.sink.create_link(path, target) {
            Ok(()) => return Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(error) => return Err(failed(path, error)),
        }
        if !self.may_place(job, path)? {
            return Ok(false);
        }
        let beside = self.beside(path);
        let made = self.sink.create_link(&beside, target).map_err(|error| failed(&beside, error));
        made.and_then(|()| self.replace(&beside, path)).inspect_err(|_| self.discard(&beside))?;
        Ok(true)
    }

    /// Whether something may be put at `path`. What exists and is to be kept is counted, and named if it is not what the
    /// snapshot has: a restore that was killed may have left it. What may not be replaced is an error.
    pub(super) fn may_place(&self, job: &Job, path: &[u8]) -> Result<bool> {
        let found = self.sink.metadata(path).map_err(|error| failed(path, error))?;
        match (found, self.options.overwrite) {
            (None, _) | (_, Overwrite::All) => Ok(true),
            (Some(found), Overwrite::Keep) => {
                count(&self.progress.kept);
                if !job.is_like(&found) {
                    self.warn(path, "it was left as it is, which is not what the snapshot has");
                }
                Ok(false)
            }
            (Some(found), Overwrite::Files) if found.kind != Kind::Directory => Ok(true),
            (Some(_), Overwrite::Files | Overwrite::Never) => Err(exists(path)),
        }
    }

    /// A name beside `path` that nobody has, noted as one that must not stay. The root itself has none beside it.
    pub(super) fn beside(&self, path: &[u8]) -> Vec<u8> {
        if path.is_empty() {
            return Vec::new();
        }
        let folder = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let mut beside = path[..folder].to_vec(); // up to the last slash
        beside.extend_from_slice(UNFINISHED.as_bytes());
        beside.extend_from_slice(hex(&random::<8>()).as_bytes());
        self.begin_unfinished(&beside);
        beside
    }

    /// Gives a finished file or link its name.
    pub(super) fn replace(&self, beside: &[u8], path: &[u8]) -> Result<()> {
        if path.is_empty() {
            return Ok(());
        }
        let renamed = match self.sink.rename(beside, path) {
            Err(error) if error.kind() == ErrorKind::IsADirectory && self.options.overwrite == Overwrite::All => {
                self.sink.remove(path, Kind::Directory).and_then(|()| self.sink.rename(beside, path))
            }
            answer => answer,
        };
        renamed.map_err(|error| failed(path, error))?;
        self.end_unfinished(beside);
        Ok(())
    }

    /// Removes what is not whole.
    pub(super) fn discard(&self, path: &[u8]) {
        if path.is_empty() {
            return;
        }
        match self.sink.remove(path, Kind::File) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => self.warn(path, format!("it is not whole, and could not be removed: {error}")),
        }
        self.end_unfinished(path);
    }
}

fn exists(path: &[u8]) -> Error {
    Error::Exists { what: format!("{:?}", String::from_utf8_lossy(path)) }
}
