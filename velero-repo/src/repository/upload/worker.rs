//! One worker: takes what waits, until the root is written.
//!
//! Reading, cutting, hashing, compressing and sealing of a file happen on one thread and in one window, so its bytes
//! stay in that processor's cache and are handed over once, as part of a finished pack.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;

use super::batch::{Batch, Slice};
use super::choice::Choice;
use super::chunks::Layout;
use super::node::{Next, Node, Place};
use super::outcome::Outcome;
use super::progress::Progress;
use super::report::UploadReport;
use super::reuse::Objects;
use super::schedule::{Free, Schedule, Step};
use super::window::{Chunk, Window, write_chunks};
use crate::repository::directory::Entry;
use crate::repository::object::ObjectId;
use crate::repository::open::Repository;
use crate::repository::policy::Tree;
use crate::repository::session::{ContentWriter, Session};
use crate::repository::tree::Source;
use crate::{Error, Result};

/// Entries that are read together: enough to fill every lane of the hash many times, few enough to share a directory.
const BATCH: usize = 256;

/// How entries are read and written.
pub(super) struct Settings {
    /// By the policies of the root and of paths below it.
    pub(super) policies: Tree<Choice>,
    /// How directories are cut, and lists are written.
    pub(super) layout: Layout,
    /// Whether directories are not compressed, whatever the policies say.
    pub(super) plain_directories: bool,
    /// Whether the first entry that can not be read ends the upload.
    pub(super) fail_fast: bool,
}

/// What the workers of an upload share.
pub(super) struct Run {
    pub(super) root_name: String,
    pub(super) source: Arc<dyn Source>,
    pub(super) session: Arc<Session>,
    pub(super) schedule: Schedule,
    pub(super) settings: Settings,
    pub(super) progress: Arc<Progress>,
    pub(super) report: Mutex<UploadReport>,
    pub(super) root: OnceLock<Arc<Node>>,
    /// Roots of the snapshots to build on.
    pub(super) parents: Vec<ObjectId>,
}

impl Run {
    pub(super) fn repository(&self) -> &Repository {
        self.session.repository()
    }

    pub(super) fn root_place(&self) -> Place {
        let name = self.root_name.clone();
        Place { parent: None, path: Vec::new(), name, earlier: self.parents.clone() }
    }
}

/// One worker.
pub(super) struct Worker<'a> {
    pub(super) run: &'a Run,
    pub(super) writer: ContentWriter,
    /// The window, without capacity while nothing is read, and how much of it is filled.
    pub(super) window: Vec<u8>,
    pub(super) filled: usize,
    /// Chunks of the window that are complete, and the batch of their files.
    pub(super) chunks: Vec<Chunk>,
    pub(super) batch: Arc<Batch>,
    /// How often the window was emptied.
    pub(super) turns: u64,
    pub(super) report: UploadReport,
    /// Files taken over, and their bytes, of which the progress does not know yet.
    pub(super) taken_over: (u64, u64),
}

impl<'a> Worker<'a> {
    pub(super) fn new(run: &'a Run, writer: ContentWriter) -> Worker<'a> {
        let (window, chunks, batch, report) = (Vec::new(), Vec::new(), Arc::default(), UploadReport::default());
        Worker { run, writer, window, filled: 0, chunks, batch, turns: 0, report, taken_over: (0, 0) }
    }

    /// Works until everything is done or somebody fails.
    pub(super) fn work(mut self, first: bool) {
        let done = if first { self.begin().and_then(|()| self.steps()) } else { self.steps() };
        let done = done.and_then(|()| self.writer.flush());
        self.run.report.lock().unwrap_or_else(PoisonError::into_inner).merge(self.report);
        if let Err(error) = done {
            self.run.schedule.fail(error);
        }
    }

    fn steps(&mut self) -> Result<()> {
        loop {
            self.batch = Arc::default();
            let (slices, last) = self.gather()?;
            if !slices.is_empty() {
                self.complete(slices)?;
            }
            match last {
                Some(Step::Done) => return Ok(()),
                Some(Step::Rest) => self.rest()?,
                _ => {}
            }
        }
    }

    /// Takes slices and reads their files, until there are enough of them or they have filled the window, so that large
    /// files of the next directory are left to others, or until nothing waits; walks the tree meanwhile.
    fn gather(&mut self) -> Result<(Vec<Slice>, Option<Step>)> {
        let (mut slices, mut files, turns) = (Vec::new(), 0, self.turns);
        while files < BATCH && self.turns == turns {
            match self.run.schedule.next(slices.is_empty()) {
                None => break,
                Some(Step::Window(window)) => self.hash_for_another(window)?,
                Some(Step::Enter(node)) => self.enter(&node)?,
                Some(Step::Files(node)) => {
                    let objects = Reader(self.run.repository());
                    if let Some((slice, more)) = node.take(BATCH - files, (&self.batch, files), &objects) {
                        self.batch.extend(slice.count);
                        files += slice.count;
                        if more {
                            self.run.schedule.push_files(node);
                        }
                        self.take_window()?;
                        self.read_slice(&slice)?;
                        slices.push(slice);
                    }
                }
                Some(last @ (Step::Rest | Step::Done)) => return Ok((slices, Some(last))),
            }
        }
        Ok((slices, None))
    }

    /// Hands back what became of the files of some slices.
    fn complete(&mut self, slices: Vec<Slice>) -> Result<()> {
        self.finish_windows()?;
        self.run.schedule.give_back(std::mem::take(&mut self.window));
        for slice in slices {
            let outcomes = self.batch.outcomes(slice.items(), self.run.settings.layout, &mut self.writer)?;
            let next = slice.node.complete(slice.number, outcomes, &mut self.writer)?;
            self.go_on(slice.node, next)?;
        }
        Ok(())
    }

    /// What follows for a directory; a finished one may finish those above it.
    pub(super) fn go_on(&mut self, mut node: Arc<Node>, mut next: Next) -> Result<()> {
        loop {
            match next {
                Next::Nothing => return Ok(()),
                Next::Files => {
                    self.run.schedule.push_files(node);
                    return Ok(());
                }
                Next::Finished(entry) => {
                    self.report.directories += 1;
                    let Some((parent, number)) = node.place.parent.clone() else {
                        self.run.schedule.finish(*entry);
                        return Ok(());
                    };
                    next = parent.complete(number, vec![Outcome::Entry(entry)], &mut self.writer)?;
                    node = parent;
                }
            }
        }
    }

    fn hash_for_another(&mut self, window: Window) -> Result<()> {
        let bytes = self.hash(window)?;
        self.run.schedule.give_back(bytes);
        Ok(())
    }

    fn hash(&mut self, mut window: Window) -> Result<Vec<u8>> {
        write_chunks(&window.bytes, &mut window.chunks, &window.batch, &mut self.writer)?;
        window.batch.end_window();
        Ok(window.bytes)
    }

    /// Gets a window to read into.
    pub(super) fn take_window(&mut self) -> Result<()> {
        while self.window.capacity() == 0 {
            match self.run.schedule.window() {
                Some(Free::Empty(window)) => self.window = window,
                Some(Free::OnceHashed(window)) => {
                    self.window = self.hash(window)?;
                    self.run.schedule.hashed();
                }
                None => self.attend()?,
            }
        }
        Ok(())
    }

    /// Hashes what is left in the window, and helps until all others of the batch are hashed.
    pub(super) fn finish_windows(&mut self) -> Result<()> {
        self.write_chunks()?;
        self.filled = 0;
        let batch = self.batch.clone();
        while !batch.is_hashed() {
            match self.run.schedule.next_window() {
                Some(window) => self.hash_for_another(window)?,
                None => self.run.schedule.wait_for(|| batch.is_hashed()),
            }
            self.attend()?;
        }
        Ok(())
    }

    /// Rests or stops, if somebody asks for it.
    pub(super) fn attend(&mut self) -> Result<()> {
        if !self.run.schedule.wants_attention() {
            return Ok(());
        }
        match self.run.schedule.is_over() {
            true => Err(Error::invalid("upload", "it was stopped")),
            false => self.rest(),
        }
    }

    fn rest(&mut self) -> Result<()> {
        self.write_chunks()?; // so that the checkpoint has them
        self.run.report.lock().unwrap_or_else(PoisonError::into_inner).merge(std::mem::take(&mut self.report));
        if self.run.schedule.rest() {
            let root = self.checkpoint()?;
            self.run.schedule.end_rest(root);
        }
        Ok(())
    }

    /// The tree as far as it is, if that was asked for.
    fn checkpoint(&mut self) -> Result<Option<Entry>> {
        match (self.run.schedule.checkpoint(), self.run.root.get()) {
            (Some(reason), Some(root)) => root.checkpoint(reason, &mut self.writer).map(Some),
            _ => Ok(None),
        }
    }

    /// Whether an object and all that belongs to it is there and not marked as deleted, so that a snapshot may name it.
    pub(super) fn is_kept(&self, object: &ObjectId) -> Result<bool> {
        if object.list().map_or(Ok(true), |list| self.is_kept(&list))? {
            let parts = Reader(self.run.repository()).parts(object)?;
            let contents: Vec<_> = parts.iter().map(ObjectId::content).collect();
            return Ok(self.writer.keeps(&contents).into_iter().all(|there| there));
        }
        Ok(false)
    }
}

/// Objects of the repository, for a thread that waits.
pub(super) struct Reader<'a>(pub(super) &'a Repository);

impl Objects for Reader<'_> {
    fn chunk(&self, object: &ObjectId) -> Result<Bytes> {
        match object.compressed() {
            false => self.0.read_content_blocking(&object.content()),
            true => self.0.blobs().wait(self.0.read_object(object, LONGEST_CHUNK)),
        }
    }

    fn parts(&self, object: &ObjectId) -> Result<Vec<ObjectId>> {
        match object.indirection() {
            0 => Ok(vec![*object]),
            _ => Ok(self.0.blobs().wait(self.0.parts(object))?.into_iter().map(|part| part.object).collect()),
        }
    }
}

/// The longest chunk of any splitter, in bytes.
const LONGEST_CHUNK: u64 = 16 << 20;
