//! Who does what next.
//!
//! All workers are alike. What waits for them, in the order in which it is taken: windows that another worker has read
//! and cut, directories whose files can be read, directories to be entered. Directories to be entered are a stack, so the
//! tree is walked depth first and only what lies on the way to the workers is held. Nobody waits for room in a queue:
//! a worker that finds none does the work itself, so no two can wait for each other.
//!
//! A rest is the moment in which no worker touches anything: each comes and waits, the last one to come does
//! what the rest was asked for.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

use super::node::Node;
use super::window::Window;
use crate::repository::directory::Entry;
use crate::{Error, Result};

/// What a worker does next.
pub(super) enum Step {
    /// Hash and seal a window that another worker has cut.
    Window(Window),
    /// Take files of this directory.
    Files(Arc<Node>),
    /// Enter the next directory of this one.
    Enter(Arc<Node>),
    /// Hand over everything and rest.
    Rest,
    /// Nothing is left to do, or somebody failed.
    Done,
}

/// A window for who has none.
pub(super) enum Free {
    Empty(Vec<u8>),
    OnceHashed(Window),
}

/// What a rest is for.
#[derive(Debug)]
pub(super) struct Rest {
    /// Why the tree is to be written as far as it is, if it is.
    pub(super) checkpoint: Option<&'static str>,
    /// Gets the root of the partial tree, if one was asked for and there is anything in it.
    pub(super) reply: oneshot::Sender<Option<Entry>>,
}

/// What waits for workers.
#[derive(Default)]
struct Queues {
    windows: VecDeque<Window>,
    files: Vec<Arc<Node>>,
    parents: Vec<Arc<Node>>,
    idle: usize,
    resting: usize,
    rest: Option<Rest>,
    rests: u64,
    spare: Vec<Vec<u8>>,
    outcome: Option<Result<Entry>>,
}

/// The queues of one upload.
pub(super) struct Schedule {
    queues: Mutex<Queues>,
    change: Condvar,
    attention: AtomicBool,
    workers: usize,
}

impl Schedule {
    /// Queues for `workers`, which share `windows` windows, at least as many as they are, of `window` bytes. Memory is taken as they are filled.
    pub(super) fn new(workers: usize, windows: usize, window: usize) -> Schedule {
        let spare = (0..windows.max(workers)).map(|_| Vec::with_capacity(window)).collect();
        let queues = Mutex::new(Queues { spare, ..Queues::default() });
        Schedule { queues, change: Condvar::new(), attention: AtomicBool::new(false), workers }
    }

    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, guard: MutexGuard<'a, Queues>) -> MutexGuard<'a, Queues> {
        self.change.wait(guard).unwrap_or_else(PoisonError::into_inner)
    }

    /// Something to do. Without `waiting` nothing is an answer too; with it, one always comes.
    pub(super) fn next(&self, waiting: bool) -> Option<Step> {
        let mut queues = self.lock();
        loop {
            if let Some(step) = queues.take() {
                return Some(step);
            }
            if !waiting {
                return None;
            }
            queues.idle += 1;
            if queues.idle == self.workers {
                // Whoever works pushes what follows, so this is the end of a tree that never ended.
                queues.outcome = Some(Err(Error::invalid("upload", "its workers wait for each other")));
                queues.rest = None;
                self.change.notify_all();
            }
            queues = self.wait(queues);
            queues.idle -= 1;
        }
    }

    /// A window of another worker, for somebody who has to wait for windows of his own.
    pub(super) fn next_window(&self) -> Option<Window> {
        self.lock().windows.pop_front()
    }

    /// Waits until `done`, or until there are windows to help with, a rest is asked for or everything stops.
    pub(super) fn wait_for(&self, done: impl Fn() -> bool) {
        let mut queues = self.lock();
        while !done() && queues.windows.is_empty() && queues.rest.is_none() && queues.outcome.is_none() {
            queues = self.wait(queues);
        }
    }

    pub(super) fn push_files(&self, node: Arc<Node>) {
        self.lock().files.push(node);
        self.change.notify_one();
    }

    /// A directory with directories that nobody has entered; the last one pushed is entered first.
    pub(super) fn push_parent(&self, node: Arc<Node>) {
        self.lock().parents.push(node);
        self.change.notify_one();
    }

    /// A window for somebody who has none: an empty one, or one whose chunks are to be hashed before it is used. None if
    /// a rest is asked for or everything stops. It comes at last, because nobody else has more than one.
    pub(super) fn window(&self) -> Option<Free> {
        let mut queues = self.lock();
        while queues.rest.is_none() && queues.outcome.is_none() {
            if let Some(bytes) = queues.spare.pop() {
                return Some(Free::Empty(bytes));
            }
            if let Some(window) = queues.windows.pop_front() {
                return Some(Free::OnceHashed(window));
            }
            queues = self.wait(queues);
        }
        None
    }

    /// An empty window in exchange for one that somebody else would hash, if anybody has nothing to do.
    pub(super) fn spare_window(&self) -> Option<Vec<u8>> {
        let mut queues = self.lock();
        if queues.idle <= queues.windows.len() {
            return None;
        }
        queues.spare.pop()
    }

    /// Hands a window over.
    pub(super) fn push_window(&self, window: Window) {
        self.lock().windows.push_back(window);
        self.change.notify_all();
    }

    /// Takes back the memory of a window, after the results of its chunks are in place.
    pub(super) fn give_back(&self, bytes: Vec<u8>) {
        self.lock().spare.push(bytes);
        self.change.notify_all();
    }

    /// Tells who waits that the chunks of a window are hashed.
    pub(super) fn hashed(&self) {
        drop(self.lock());
        self.change.notify_all();
    }

    /// The root is written: there is nothing left to do.
    pub(super) fn finish(&self, root: Entry) {
        let mut queues = self.lock();
        queues.outcome.get_or_insert(Ok(root));
        self.end(queues);
    }

    /// Stops everybody. The first failure counts.
    pub(super) fn fail(&self, error: Error) {
        let mut queues = self.lock();
        if !matches!(queues.outcome, Some(Err(_))) {
            queues.outcome = Some(Err(error));
        }
        self.end(queues);
    }

    /// Wakes everybody for the end. Who waits for a rest hears that there will be none.
    fn end(&self, mut queues: MutexGuard<'_, Queues>) {
        queues.rest = None;
        self.attention.store(true, Ordering::Release);
        drop(queues);
        self.change.notify_all();
    }

    /// Whether a worker in the middle of something should stop or rest; cheap to ask.
    pub(super) fn wants_attention(&self) -> bool {
        self.attention.load(Ordering::Acquire)
    }

    /// Whether somebody failed or all is done.
    pub(super) fn is_over(&self) -> bool {
        self.lock().outcome.is_some()
    }

    /// The root, once all workers have gone.
    pub(super) fn outcome(&self) -> Result<Entry> {
        let unfinished = || Err(Error::invalid("upload", "it ended without a root"));
        self.lock().outcome.take().unwrap_or_else(unfinished)
    }

    /// Asks for a rest; the reply is dropped if everything ends before.
    pub(super) fn ask_for_rest(&self, rest: Rest) {
        let mut queues = self.lock();
        if queues.outcome.is_some() {
            return;
        }
        queues.rest = Some(rest);
        self.attention.store(true, Ordering::Release);
        drop(queues);
        self.change.notify_all();
    }

    /// Rests with the others. The last one to come is told so, and calls [`Schedule::end_rest`] when it is done.
    pub(super) fn rest(&self) -> bool {
        let mut queues = self.lock();
        if queues.rest.is_none() {
            return false;
        }
        queues.resting += 1;
        if queues.resting == self.workers {
            return true;
        }
        let this = queues.rests;
        while queues.rests == this && queues.outcome.is_none() {
            queues = self.wait(queues);
        }
        false
    }

    /// Why the tree is to be written as far as it is, if it is.
    pub(super) fn checkpoint(&self) -> Option<&'static str> {
        self.lock().rest.as_ref().and_then(|rest| rest.checkpoint)
    }

    /// Sends everybody back to work.
    pub(super) fn end_rest(&self, root: Option<Entry>) {
        let mut queues = self.lock();
        queues.resting = 0;
        queues.rests += 1;
        self.attention.store(queues.outcome.is_some(), Ordering::Release);
        if let Some(rest) = queues.rest.take() {
            let _ = rest.reply.send(root); // who asked may have gone
        }
        drop(queues);
        self.change.notify_all();
    }
}

impl Queues {
    fn take(&mut self) -> Option<Step> {
        if self.outcome.is_some() {
            return Some(Step::Done);
        }
        if self.rest.is_some() {
            return Some(Step::Rest);
        }
        if let Some(window) = self.windows.pop_front() {
            return Some(Step::Window(window));
        }
        if let Some(node) = self.files.pop() {
            return Some(Step::Files(node));
        }
        self.parents.pop().map(Step::Enter)
    }
}
