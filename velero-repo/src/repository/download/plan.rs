//! What a restore in place would change, listed before anything is.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::run::{Run, failed};
use crate::repository::ancestors::Ancestors;
use crate::repository::browse::Listing;
use crate::repository::directory::{self, Entry};
use crate::repository::object::ObjectId;
use crate::repository::tree::{Kind, Metadata};
use crate::{Error, Result};

/// Sorts of entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Sort {
    /// A directory.
    Directory,
    /// A file.
    File,
    /// A symbolic link.
    Link,
    /// A device, pipe or socket.
    Special,
}

/// One entry that would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Its path below the target. Backslashes, control characters and bytes that are no UTF-8 are written `\xNN`.
    pub path: String,
    /// What it is; of an entry that is overwritten or deleted, what it is now.
    pub sort: Sort,
    /// Bytes of a file.
    pub size: u64,
    /// Nanoseconds since 1970 of the last change, except for directories.
    pub modified: Option<i64>,
}

/// What a restore in place would change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DownloadPlan {
    /// The object of the directory that is restored.
    pub object: ObjectId,
    /// Entries that are not there.
    pub created: Vec<Change>,
    /// Entries that are there. Directories that stay directories are not named.
    pub overwritten: Vec<Change>,
    /// Entries that the snapshot does not have, and directories in the place of files; whatever is in a directory before
    /// the directory itself.
    pub deleted: Vec<Change>,
}

impl DownloadPlan {
    /// Refuses a plan that was made for another snapshot or another state of the target.
    ///
    /// # Errors
    /// Invalid, naming the first entry that differs.
    pub(super) fn check_same(&self, plan: &DownloadPlan) -> Result<()> {
        if self == plan {
            return Ok(());
        }
        let lists =
            [(&self.created, &plan.created), (&self.overwritten, &plan.overwritten), (&self.deleted, &plan.deleted)];
        let differing = lists.iter().find_map(|(now, then)| {
            let at = (0..now.len().max(then.len())).find(|at| now.get(*at) != then.get(*at))?;
            now.get(at).or(then.get(at)).map(|change| change.path.clone())
        });
        let what = differing.map_or_else(|| "another snapshot".to_owned(), |path| format!("{path:?}"));
        Err(Error::invalid(
            "the plan of a restore",
            format!("snapshot or target have changed since it was made: {what}"),
        ))
    }
}

impl fmt::Display for DownloadPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (sign, changes) in [('-', &self.deleted), ('~', &self.overwritten), ('+', &self.created)] {
            for change in changes {
                let slash = if change.sort == Sort::Directory { "/" } else { "" };
                writeln!(f, "{sign} {}{slash}", change.path)?;
            }
        }
        let (deleted, overwritten, created) = (self.deleted.len(), self.overwritten.len(), self.created.len());
        write!(f, "{deleted} deleted, {overwritten} overwritten, {created} created")
    }
}

/// Compares the snapshot with the target.
pub(super) fn compare(run: &Run) -> Result<DownloadPlan> {
    let root = &run.what.entry;
    let object = root.object()?;
    let refused = |reason: &str| Err(Error::invalid("a restore in place", reason));
    if !root.is_directory() {
        return refused("only a directory is restored in place");
    }
    let blobs = run.repository.blobs();
    if blobs.wait(Listing::open(&run.repository, &object))?.is_device() {
        return refused("a block volume has no entries to delete");
    }
    let mut plan = DownloadPlan { object, created: Vec::new(), overwritten: Vec::new(), deleted: Vec::new() };
    let mut ahead = vec![(Vec::new(), object, 0, true)];
    let mut ancestors = Ancestors::none();
    while let Some((path, object, depth, exists)) = ahead.pop() {
        run.check_cancelled()?;
        ancestors.enter(depth, object, &escape(&path))?;
        let mut names = match exists {
            true => run.sink.names(&path).map_err(|error| failed(&path, error))?.into_iter().collect(),
            false => HashSet::new(),
        };
        let mut listing = blobs.wait(Listing::open(&run.repository, &object))?;
        while let Some(entry) = blobs.wait(listing.next())? {
            let path = below(&path, entry.name.as_bytes());
            let now = match names.remove(entry.name.as_bytes()) {
                true => run.sink.metadata(&path).map_err(|error| failed(&path, error))?,
                false => None,
            };
            let stays = plan.add(run, &path, &entry, now)?;
            if entry.is_directory() {
                ahead.push((path, entry.object()?, depth + 1, stays));
            }
        }
        let mut extra: Vec<_> = names.into_iter().collect();
        extra.sort();
        for name in extra {
            plan.delete(run, &below(&path, &name))?;
        }
    }
    Ok(plan)
}

impl DownloadPlan {
    /// Lists what becomes of one entry of the snapshot; whether it is a directory that stays.
    fn add(&mut self, run: &Run, path: &[u8], entry: &Entry, now: Option<Metadata>) -> Result<bool> {
        let Some(now) = now else {
            self.created.push(wanted(path, entry));
            return Ok(false);
        };
        match (now.kind == Kind::Directory, entry.is_directory()) {
            (true, true) => return Ok(true),
            (true, false) => {
                self.delete(run, path)?;
                self.created.push(wanted(path, entry));
            }
            (false, _) => self.overwritten.push(present(path, &now)),
        }
        Ok(false)
    }

    /// Lists an entry of the target and all below it as deleted.
    fn delete(&mut self, run: &Run, path: &[u8]) -> Result<()> {
        let first = self.deleted.len();
        let mut ahead = vec![path.to_vec()];
        while let Some(path) = ahead.pop() {
            let Some(now) = run.sink.metadata(&path).map_err(|error| failed(&path, error))? else { continue };
            self.deleted.push(present(&path, &now));
            if now.kind == Kind::Directory {
                let mut names = run.sink.names(&path).map_err(|error| failed(&path, error))?;
                names.sort();
                ahead.extend(names.iter().map(|name| below(&path, name)));
            }
        }
        self.deleted[first..].reverse(); // what is in a directory was found behind it
        Ok(())
    }
}

fn below(folder: &[u8], name: &[u8]) -> Vec<u8> {
    if folder.is_empty() { name.to_vec() } else { [folder, name].join(&b'/') }
}

fn wanted(path: &[u8], entry: &Entry) -> Change {
    let sort = match entry.kind {
        directory::Kind::Directory => Sort::Directory,
        directory::Kind::File => Sort::File,
        directory::Kind::Symlink => Sort::Link,
        directory::Kind::Other(_) => Sort::Special,
    };
    let modified = (sort != Sort::Directory).then(|| entry.mtime.nanos());
    Change { path: escape(path), sort, size: if sort == Sort::File { entry.size } else { 0 }, modified }
}

/// An entry of the target.
pub(super) fn present(path: &[u8], now: &Metadata) -> Change {
    let sort = match now.kind {
        Kind::Directory => Sort::Directory,
        Kind::File | Kind::Stream => Sort::File,
        Kind::Link => Sort::Link,
        Kind::Special(_) => Sort::Special,
    };
    let modified = (sort != Sort::Directory).then_some(now.modified);
    Change { path: escape(path), sort, size: if sort == Sort::File { now.size } else { 0 }, modified }
}

/// A path as text, without loss.
fn escape(path: &[u8]) -> String {
    let mut text = String::with_capacity(path.len());
    for chunk in path.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\\' => text.push_str("\\x5c"),
                letter if letter.is_control() => {
                    let mut bytes = [0; 4];
                    let bytes = letter.encode_utf8(&mut bytes).bytes();
                    text.extend(bytes.map(|byte| format!("\\x{byte:02x}")));
                }
                letter => text.push(letter),
            }
        }
        text.extend(chunk.invalid().iter().map(|byte| format!("\\x{byte:02x}")));
    }
    text
}

/// The path that a text stands for.
pub(super) fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut path = Vec::with_capacity(text.len());
    let mut parts = text.split("\\x");
    path.extend_from_slice(parts.next()?.as_bytes());
    for part in parts {
        path.push(u8::from_str_radix(part.get(..2)?, 16).ok()?);
        path.extend_from_slice(part.get(2..)?.as_bytes());
    }
    Some(path)
}

#[cfg(test)]
mod tests {
    use super::{escape, unescape};

    #[test]
    fn paths_become_text_and_back_without_loss() {
        let all: Vec<u8> = (1..=255).collect();
        for path in [&b"a/b"[..], "größe".as_bytes(), b"x\\x41", b"line\nbreak", "\u{85}".as_bytes(), b"\xff\\", &all]
        {
            assert_eq!(unescape(&escape(path)).unwrap(), path);
        }
        assert_eq!(escape("größe\n".as_bytes()), "größe\\x0a");
        assert_eq!(unescape("\\x4"), None);
    }
}
