//! The walk: directories are created, files are planned, in batches of pieces.

use std::iter::once;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;
use futures::stream::{StreamExt, iter};
use tokio::task::JoinHandle;

use super::batch::{Piece, Place, Tasks, regions};
use super::folder::Folder;
use super::job::Job;
use super::memory::Plan;
use super::options::Overwrite;
use super::report::count;
use super::run::{Run, failed};
use crate::repository::ancestors::Ancestors;
use crate::repository::browse::device;
use crate::repository::content::ContentId;
use crate::repository::directory::{self, Entry, LONGEST_DIRECTORY, Reader, Shape};
use crate::repository::index;
use crate::repository::object::{IndirectEntry, ObjectId};
use crate::repository::open::Pieces;
use crate::repository::tree::{Attributes, Kind};
use crate::{Error, Result};

/// Pieces that are sorted together.
pub(super) const BATCH: usize = 4096;
/// Files of several pieces whose lists are read at once; as many are open at once, and as many again.
const LISTS: usize = 16;
/// Directories inside each other that are followed; no file system that was saved has more.
const DEEPEST: usize = 4096;
/// Name of a block volume's bytes in a sink that is a directory.
const DEVICE: &[u8] = b"device";

/// Directories that are read ahead over a network, and their bytes at most.
const SOON: usize = 16;
const SOON_BYTES: u64 = 8 << 20;

/// A directory that is to be walked.
struct Ahead {
    folder: Arc<Folder>,
    object: ObjectId,
    depth: usize,
    /// Its bytes, if they are on their way, and how many there are.
    read: Option<(JoinHandle<Result<Bytes>>, u64)>,
}

/// The walk of one restore.
pub(super) struct Walk<'a> {
    run: &'a Run,
    plan: Plan,
    tasks: Tasks,
    ahead: Vec<Ahead>,
    ancestors: Ancestors<ObjectId>,
    /// Bytes of directories that are being read ahead.
    soon: u64,
    batch: Vec<Piece>,
    lists: Vec<(Arc<Job>, ObjectId)>,
    refreshed: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(run: &'a Run, plan: Plan, tasks: Tasks) -> Walk<'a> {
        let (ahead, batch, lists) = (Vec::new(), Vec::new(), Vec::new());
        Walk { run, plan, tasks, ahead, ancestors: Ancestors::none(), soon: 0, batch, lists, refreshed: false }
    }

    /// Plans the whole tree. Ends early, without an error, when the restore is over.
    pub(super) fn tree(mut self) -> Result<()> {
        let entry = &self.run.what.entry;
        let known = if self.run.what.attributes { self.run.options.attributes(entry) } else { Attributes::default() };
        self.count_total(entry);
        if !entry.is_directory() {
            let folder = Folder::root(Attributes::default());
            let name = if self.root_is_file()? { "" } else { file_name(entry)? };
            self.entry(&folder, &Entry { name: name.to_owned(), ..entry.clone() }, known)?;
            return self.flush(); // the folder is never complete: the sink's root is not ours
        }
        let object = entry.object()?;
        let mut pieces = self.run.repository.pieces_blocking(&object, LONGEST_DIRECTORY)?;
        let first = pieces.next().unwrap_or_else(|| Ok(Bytes::new()))?;
        if let Some(device) = device(&object, &first) {
            let name = if self.root_is_file()? { &b""[..] } else { DEVICE };
            let job = Job::new(&Folder::root(known), name, false, Some(device.size), Attributes::default());
            self.file(job, device.object()?)?;
            return self.flush();
        }
        self.check_untouched(b"", false)?;
        count(&self.run.progress.directories);
        let root = Folder::root(known);
        self.ancestors.enter(0, object, "")?;
        self.directory(&root, &object, once(Ok(first)).chain(pieces), 0)?;
        self.directories()?;
        self.flush()
    }

    /// Walks all directories that are found.
    fn directories(&mut self) -> Result<()> {
        loop {
            self.read_soon();
            let Some(Ahead { folder, object, depth, read }) = self.ahead.pop() else { return Ok(()) };
            if self.run.is_over() {
                return Ok(());
            }
            let read = read.and_then(|(reading, length)| {
                self.soon -= length; // it was added when reading began
                self.run.repository.blobs().wait(reading).ok()
            });
            let entered = self.ancestors.enter(depth, object, &String::from_utf8_lossy(&folder.path()));
            let pieces = entered.and_then(|()| match read {
                Some(bytes) => Ok(Box::new(once(bytes)) as Pieces),
                None => self.run.repository.pieces_blocking(&object, LONGEST_DIRECTORY),
            });
            match pieces {
                Ok(pieces) => self.directory(&folder, &object, pieces, depth)?,
                Err(error) => {
                    self.run.fail(&folder.path(), error);
                    self.run.release(&folder);
                }
            }
        }
    }

    /// Begins to read the directories that come next, where that means waiting for a network.
    fn read_soon(&mut self) {
        let repository = &self.run.repository;
        if repository.blobs().is_directory() {
            return;
        }
        let Ok(view) = repository.view_blocking() else { return }; // whoever waits for a directory is told
        for next in self.ahead.iter_mut().rev().take(SOON).filter(|next| next.read.is_none()) {
            let content = next.object.content();
            let direct = next.object.indirection() == 0 && !next.object.compressed();
            let Some((_, row)) = view.find(&content).filter(|_| direct) else { continue };
            let length = u64::from(row.original_length);
            if self.soon + length > SOON_BYTES {
                return;
            }
            self.soon += length;
            let repository = repository.clone();
            let reading = async move { repository.read_content(&content).await };
            next.read = Some((self.run.repository.blobs().runtime().spawn(reading), length));
        }
    }

    fn count_total(&self, root: &Entry) {
        let files = root.summary.as_ref().map_or(0, |sum| sum.files);
        let bytes = root.summary.as_ref().map_or(root.size, |sum| sum.size);
        self.run.progress.total_files.store(files, Ordering::Relaxed);
        self.run.progress.total_bytes.store(bytes, Ordering::Relaxed);
    }

    fn root_is_file(&self) -> Result<bool> {
        let root = self.run.sink.metadata(b"").map_err(|error| failed(b"", error))?;
        match root {
            Some(root) if root.kind == Kind::Directory => Ok(false),
            Some(root) if root.size > 0 && self.run.options.overwrite == Overwrite::Never => {
                Err(Error::Exists { what: "the file, not empty, that is to be filled,".to_owned() })
            }
            root => Ok(root.is_some()),
        }
    }

    /// Creates what a directory holds, or plans it, while it is read.
    fn directory(
        &mut self,
        folder: &Arc<Folder>,
        object: &ObjectId,
        pieces: impl Iterator<Item = Result<Bytes>>,
        depth: usize,
    ) -> Result<()> {
        let (mut whole, before) = (true, self.ahead.len());
        match Reader::of_pieces(object, pieces, Shape::Tree) {
            Err(error) => self.run.fail(&folder.path(), error),
            Ok(mut reader) => {
                for entry in reader.by_ref() {
                    if self.run.is_over() {
                        return Ok(());
                    }
                    match entry {
                        Ok(entry) if entry.is_directory() => self.enter(folder, &entry, depth + 1)?,
                        Ok(entry) => self.entry(folder, &entry, self.run.options.attributes(&entry))?,
                        Err(error) => {
                            whole = false;
                            self.run.fail(&folder.path(), error);
                        }
                    }
                }
                if let Err(error) = reader.finish()
                    && whole
                {
                    self.run.fail(&folder.path(), error);
                }
            }
        }
        self.ahead[before..].reverse(); // the first is the next: the order in which the contents were saved
        self.run.release(folder);
        Ok(())
    }

    /// Creates a directory and puts it on the list of those to walk.
    fn enter(&mut self, parent: &Arc<Folder>, entry: &Entry, depth: usize) -> Result<()> {
        let path = parent.path_of(entry.name.as_bytes());
        let created = match depth > DEEPEST {
            true => Err(Error::corrupt("directory", format!("it is deeper than {DEEPEST} levels"))),
            false => self.run.place_directory(&path).and_then(|new| self.check_untouched(&path, new)),
        };
        match created.and_then(|()| entry.object()) {
            Err(error) => self.run.fail(&path, error),
            Ok(object) => {
                count(&self.run.progress.directories);
                let folder = parent.child(&entry.name, self.run.options.attributes(entry));
                self.ahead.push(Ahead { folder, object, depth, read: None });
            }
        }
        Ok(())
    }

    /// Refuses a directory that is not empty, where nothing may be overwritten.
    fn check_untouched(&self, path: &[u8], new: bool) -> Result<()> {
        if new || self.run.options.overwrite != Overwrite::Never {
            return Ok(());
        }
        match self.run.sink.names(path).map_err(|error| failed(path, error))?.is_empty() {
            true => Ok(()),
            false if path.is_empty() => Err(Error::Exists { what: "something in the target".to_owned() }),
            false => Err(Error::Exists { what: format!("something in {:?}", String::from_utf8_lossy(path)) }),
        }
    }

    /// Plans a file or link.
    fn entry(&mut self, folder: &Arc<Folder>, entry: &Entry, attributes: Attributes) -> Result<()> {
        let link = match &entry.kind {
            directory::Kind::File => false,
            directory::Kind::Symlink => true,
            other => {
                let reason = format!("its type {:?} is not known to this version", other.as_str());
                self.run.fail(&folder.path_of(entry.name.as_bytes()), Error::invalid("entry", reason));
                return Ok(());
            }
        };
        // Bare object ids come without a size, and links of some versions too.
        let size = Some(entry.size).filter(|size| !link && (self.run.what.attributes || *size > 0));
        let job = Job::new(folder, entry.name.as_bytes(), link, size, attributes);
        self.file(job, entry.object()?)
    }

    fn file(&mut self, job: Arc<Job>, object: ObjectId) -> Result<()> {
        if object.indirection() > 0 {
            self.lists.push((job, object));
            return if self.lists.len() >= LISTS { self.flush() } else { Ok(()) };
        }
        let piece = self.locate(&object.content());
        self.add(job, piece, object.compressed(), Place::Whole)
    }

    /// Where a content is. One that is not known is looked up once more in a fresh index.
    fn locate(&mut self, content: &ContentId) -> Result<index::Entry> {
        if let Some(entry) = self.run.repository.entry_blocking(content)? {
            return Ok(entry);
        }
        if !self.refreshed {
            self.refreshed = true;
            self.run.repository.blobs().wait(self.run.repository.refresh_index())?;
        }
        let found = self.run.repository.entry_blocking(content)?;
        found.ok_or_else(|| Error::Missing { what: format!("content {content}, which no index names,") })
    }

    fn add(&mut self, job: Arc<Job>, entry: Result<index::Entry>, compressed: bool, place: Place) -> Result<()> {
        match entry {
            Err(error) => self.run.lose(&job, error),
            Ok(entry) => {
                self.batch.push(Piece { entry, compressed, job, place });
                if self.batch.len() >= BATCH {
                    self.flush()?;
                }
            }
        }
        Ok(())
    }

    /// Plans all that waits.
    fn flush(&mut self) -> Result<()> {
        let lists = std::mem::take(&mut self.lists);
        let repository = self.run.repository.clone();
        let read = iter(lists).map(|(job, object)| {
            let repository = repository.clone();
            async move { (job, repository.parts(&object).await) }
        });
        // Futures of one thread's wait: their results come together, bounded by the number of lists.
        let read: Vec<_> = repository.blobs().wait(read.buffered(LISTS).collect());
        for (job, parts) in read {
            match parts {
                Ok(parts) => self.parts(&job, &parts)?,
                Err(error) => self.run.lose(&job, error),
            }
        }
        self.send()
    }

    /// Plans a file of several pieces.
    fn parts(&mut self, job: &Arc<Job>, parts: &[IndirectEntry]) -> Result<()> {
        let total = parts.last().map_or(0, |last| last.start + last.length); // lists are checked not to overflow
        let parts = parts.iter().filter(|part| part.length > 0);
        let pieces = parts.clone().count() as u64;
        if pieces == 0 {
            self.run.deliver(job, Place::Whole, &[]);
            return Ok(());
        }
        job.expect(pieces);
        for part in parts {
            if self.run.is_over() {
                return Ok(());
            }
            let place = Place::Part { start: part.start, length: part.length, total };
            let entry = self.locate(&part.object.content());
            self.add(job.clone(), entry, part.object.compressed(), place)?;
        }
        Ok(())
    }

    /// Hands the batch to whoever reads; waits while they have enough.
    fn send(&mut self) -> Result<()> {
        for region in regions(std::mem::take(&mut self.batch), &self.plan) {
            if self.run.is_over() || !self.tasks.send(region) {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The name under which a single file goes into a directory.
fn file_name(entry: &Entry) -> Result<&str> {
    match entry.name.as_str() {
        "" => Ok("file"),
        name if matches!(name, "." | "..") || name.contains(['/', '\0']) => {
            Err(Error::corrupt(format!("entry {name:?}"), "its name leads elsewhere"))
        }
        name => Ok(name),
    }
}
