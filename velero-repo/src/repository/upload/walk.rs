//! Walking: a directory is opened, looked at, listed and handed on.
//!
//! Comes in: the next directory of a parent. Goes out: a [`Node`] whose directories or files wait for workers. What can
//! not be in a snapshot is counted here: names that are not UTF-8, which Kopia would store under another name, are
//! failed entries; a directory that can not be opened or listed is one, too, unless it is the root, without which there
//! is no snapshot. Ignore rules may lie behind a link, even outside the tree, as in Kopia; a link that does not end at a
//! regular file, or rules of more than a MiB, fail the directory: what would be left out is then not known.

use std::io;
use std::sync::Arc;

use super::choice::Choice;
use super::names::Names;
use super::node::{Listing, Next, Node, Place, join};
use super::outcome::Outcome;
use super::report::Lost;
use super::worker::{Reader, Worker};
use crate::repository::policy::{Files, Tree};
use crate::repository::rules::{CACHE_MARKER, CACHE_SIGNATURE, Decision, Rules};
use crate::repository::tree::{Kind, Metadata, SourceDirectory, SourceFile};
use crate::{Error, Result};

/// The longest file with ignore rules that is read, in bytes.
const LONGEST_RULES: usize = 1 << 20;
/// Names whose kind the listing does not show are looked up this many at a time.
const UNKNOWN: usize = 1024;

/// Why a directory could not be handed on.
enum Stop {
    /// The directory can not be read.
    Entry(io::Error),
    /// The upload can not go on.
    Upload(Error),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Stop::Entry(error)
    }
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Stop::Upload(error)
    }
}

/// A listing before it is known what counts.
#[derive(Default)]
struct Found {
    directories: Names,
    files: Names,
    unknown: Names,
    /// Names that no snapshot can hold.
    unusable: Vec<Vec<u8>>,
    streams: usize,
    full: Option<Error>,
}

impl Worker<'_> {
    /// Begins the upload with its root.
    pub(super) fn begin(&mut self) -> Result<()> {
        let root = self.run.source.root().map_err(|source| unreadable(source, "look at"))?;
        match root.kind {
            Kind::Directory => self.begin_tree(),
            Kind::File | Kind::Stream => self.begin_file(&root),
            Kind::Link | Kind::Special(_) => Err(Error::invalid("the root", "it is neither a directory nor a file")),
        }
    }

    fn begin_tree(&mut self) -> Result<()> {
        let policies = &self.run.settings.policies;
        let rules = Rules::root(&policies.value().policy.files, &[])?;
        let opened = self.run.source.directory(b"").and_then(|handle| Ok((handle.itself()?, handle)));
        let (metadata, handle) = opened.map_err(|source| unreadable(source, "open"))?;
        match self.look_into(self.run.root_place(), metadata, handle, (&rules, policies.clone())) {
            Ok(node) => {
                let _ = self.run.root.set(node.clone()); // only this worker begins
                self.hand_on(node)
            }
            Err(Stop::Entry(source)) => Err(unreadable(source, "list")),
            Err(Stop::Upload(error)) => Err(error),
        }
    }

    /// Enters the next directory of `parent`.
    pub(super) fn enter(&mut self, parent: &Arc<Node>) -> Result<()> {
        let Some((place, more)) = parent.enter(&Reader(self.run.repository())) else { return Ok(()) };
        if more {
            self.run.schedule.push_parent(parent.clone());
        }
        let number = place.parent.as_ref().map_or(0, |(_, number)| *number);
        let path = place.path.clone();
        let policies = parent.policies.child(&place.name);
        let opened = self.run.source.directory(&path).and_then(|handle| Ok((handle.itself()?, handle)));
        let (metadata, handle) = match opened {
            Ok(opened) => opened,
            Err(error) => return self.refuse(parent, &policies, (number, &path), error),
        };
        if parent.rules.one_file_system() && metadata.device != parent.metadata.device {
            self.report.excluded_directories += 1;
            let next = parent.complete(number, Vec::new(), &mut self.writer)?;
            return self.go_on(parent.clone(), next);
        }
        match self.look_into(place, metadata, handle, (&parent.rules, policies.clone())) {
            Ok(node) => {
                parent.attach(number, &node);
                self.hand_on(node)
            }
            Err(Stop::Entry(error)) => self.refuse(parent, &policies, (number, &path), error),
            Err(Stop::Upload(error)) => Err(error),
        }
    }

    /// A directory that can not be read is a failed entry of its parent; whether that passes, its own policy says.
    fn refuse(
        &mut self,
        parent: &Arc<Node>,
        policies: &Tree<Choice>,
        (number, path): (usize, &[u8]),
        error: io::Error,
    ) -> Result<()> {
        let ignored = policies.value().policy.error_handling.ignore_directory_errors.unwrap_or(false);
        let outcome = self.failed(path, "read", error, ignored)?;
        let next = parent.complete(number, vec![outcome], &mut self.writer)?;
        self.go_on(parent.clone(), next)
    }

    fn hand_on(&mut self, node: Arc<Node>) -> Result<()> {
        match node.begin(&mut self.writer)? {
            Next::Nothing => self.run.schedule.push_parent(node),
            next => self.go_on(node, next)?,
        }
        Ok(())
    }

    fn look_into(
        &mut self,
        place: Place,
        metadata: Metadata,
        mut handle: Box<dyn SourceDirectory>,
        (above, policies): (&Rules, Tree<Choice>),
    ) -> Result<Arc<Node>, Stop> {
        let root = place.parent.is_none();
        let mut found = Found::default();
        handle.names(&mut |name, kind| found.add(name, kind, root))?;
        found.settle(&*handle)?;
        let own = policies.defined().filter(|_| !root).map(|choice| &choice.policy.files); // the root's are known
        let rules = self.rules_of(&place, &*handle, &found.files, (above, own))?;
        let mut listing = Listing { device: found.is_device(), ..Listing::default() };
        for name in std::mem::take(&mut found.unusable) {
            listing.failed.push(self.unusable(&policies, &join(&place.path, &name))?);
        }
        if self.is_cache(&*handle, &found.files, &rules)? {
            self.report.excluded_directories += 1;
        } else {
            listing.directories = self.kept_directories(&place, found.directories, &rules)?;
            listing.files = found.files;
        }
        self.note_losses(&place.path, &metadata);
        Ok(Arc::new(Node::new(place, metadata, (rules, policies), listing, &self.run.settings)))
    }

    /// A name that is not UTF-8, or no name: failed, never renamed.
    fn unusable(&mut self, policies: &Tree<Choice>, path: &[u8]) -> Result<Outcome> {
        let reason = "its name can not be stored: Kopia's format holds UTF-8 names without `/` and NUL only";
        let ignored = policies.value().policy.error_handling.ignore_file_errors.unwrap_or(false);
        self.failed(path, "store", io::Error::new(io::ErrorKind::InvalidData, reason), ignored)
    }

    /// The rules of a directory, with those of its own policy and of the dot files in it.
    fn rules_of(
        &mut self,
        place: &Place,
        handle: &dyn SourceDirectory,
        files: &Names,
        (above, own): (&Rules, Option<&Files>),
    ) -> Result<Rules, Stop> {
        let mut dot_files = Vec::new();
        for name in own.map_or(above.dot_files(), |own| &own.dot_ignore_files) {
            if files.contains(name.as_bytes()) {
                dot_files.extend(read_rules(handle, name.as_bytes())?);
            }
        }
        let texts: Vec<&[u8]> = dot_files.iter().map(Vec::as_slice).collect();
        let path = String::from_utf8_lossy(&place.path); // names on the way were checked
        Ok(above.enter(&path, own, &texts)?)
    }

    fn is_cache(&mut self, handle: &dyn SourceDirectory, files: &Names, rules: &Rules) -> Result<bool, Stop> {
        let marker = CACHE_MARKER.as_bytes();
        if !files.contains(marker) || !matches!(kind_of(handle, marker), Ok(Kind::File)) {
            return Ok(false);
        }
        // A marker that can not be read marks nothing; it will be a failed entry itself.
        let start = handle.open(marker).and_then(|file| read_start(file, CACHE_SIGNATURE.len()));
        Ok(start.is_ok_and(|start| rules.is_cache(&start)))
    }

    /// Directories that no rule leaves out.
    fn kept_directories(&mut self, place: &Place, directories: Names, rules: &Rules) -> Result<Names> {
        let mut kept = Names::default();
        for name in directories.iter() {
            let path = join(&place.path, name);
            match rules.decide(&String::from_utf8_lossy(&path), true, 0) {
                Decision::Keep => kept.push(name)?,
                Decision::Skip(_) => self.report.excluded_directories += 1,
            }
        }
        kept.sort();
        Ok(kept)
    }

    /// Counts what the format can not carry of an entry that it carries.
    pub(super) fn note_losses(&mut self, path: &[u8], metadata: &Metadata) {
        if metadata.extended {
            self.report.lose(Lost::Extended, path, "extended attributes or access control lists are not stored");
        }
        if metadata.links > 1 && metadata.kind != Kind::Directory {
            let reason = format!("one of {} names of a file; each is stored as a file of its own", metadata.links);
            self.report.lose(Lost::HardLink, path, &reason);
        }
        if metadata.time_clamped {
            self.report.lose(Lost::Time, path, "its time lies outside the years 1677 to 2262; the nearest is stored");
        }
    }

    /// An entry that can not be read. Ends the upload if that was asked for.
    pub(super) fn failed(
        &mut self,
        path: &[u8],
        operation: &'static str,
        error: io::Error,
        ignored: bool,
    ) -> Result<Outcome> {
        let text = String::from_utf8_lossy(path).into_owned();
        let reason = format!("{operation}: {error}");
        self.run.progress.finish_files(0, 0, 1);
        match ignored {
            true => self.report.ignored.add(path, &*reason),
            false if self.run.settings.fail_fast => {
                return Err(Error::Io { operation, path: text, source: error });
            }
            false => self.report.failed.add(path, &*reason),
        }
        Ok(Outcome::Failed { path: text, reason, ignored })
    }
}

impl Found {
    fn add(&mut self, name: &[u8], kind: Option<Kind>, root: bool) {
        let stream = kind == Some(Kind::Stream);
        self.streams += usize::from(stream);
        // The one file that stands for a device is named by the device's path.
        let harmless = !name.is_empty() && !name.contains(&0) && (!name.contains(&b'/') || (root && stream));
        let names = match kind {
            _ if !harmless || std::str::from_utf8(name).is_err() => {
                self.unusable.push(name.to_vec());
                return;
            }
            Some(Kind::Directory) => &mut self.directories,
            Some(_) => &mut self.files,
            None => &mut self.unknown,
        };
        if let Err(error) = names.push(name) {
            self.full.get_or_insert(error);
        }
    }

    /// Finds out what the listing did not show, and sorts.
    fn settle(&mut self, handle: &dyn SourceDirectory) -> Result<()> {
        if let Some(error) = self.full.take() {
            return Err(error);
        }
        let unknown = std::mem::take(&mut self.unknown);
        for from in (0..unknown.len()).step_by(UNKNOWN) {
            let names = unknown.range(from, UNKNOWN);
            for (name, found) in names.iter().zip(handle.metadata(&names)) {
                // One that can not be looked at is a file until its turn comes, and fails then.
                match found.is_ok_and(|metadata| metadata.kind == Kind::Directory) {
                    true => self.directories.push(name)?,
                    false => self.files.push(name)?,
                }
            }
        }
        self.directories.sort();
        self.files.sort();
        Ok(())
    }

    fn is_device(&self) -> bool {
        self.streams == 1 && self.files.len() == 1 && self.directories.len() == 0
    }
}

fn kind_of(handle: &dyn SourceDirectory, name: &[u8]) -> io::Result<Kind> {
    let found = handle.metadata(&[name]).pop();
    found.unwrap_or_else(|| Err(io::ErrorKind::NotFound.into())).map(|metadata| metadata.kind)
}

/// The bytes of a file with ignore rules, or of the file that a link with its name leads to, as Kopia reads it. None:
/// something else has the name.
fn read_rules(handle: &dyn SourceDirectory, name: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let file = match kind_of(handle, name)? {
        Kind::File => handle.open(name)?,
        Kind::Link => handle.follow(name)?,
        _ => return Ok(None),
    };
    let bytes = read_start(file, LONGEST_RULES + 1)?;
    match bytes.len() > LONGEST_RULES {
        true => Err(io::Error::other(format!("{} has more than a MiB of rules", String::from_utf8_lossy(name)))),
        false => Ok(Some(bytes)),
    }
}

/// The first `limit` bytes of a file.
fn read_start(mut file: Box<dyn SourceFile>, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; limit];
    let mut filled = 0;
    while filled < limit {
        match file.read(&mut bytes[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

fn unreadable(source: io::Error, operation: &'static str) -> Error {
    Error::Io { operation, path: "the root of the tree".to_owned(), source }
}
