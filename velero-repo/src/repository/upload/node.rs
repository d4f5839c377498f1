//! A directory on its way into the snapshot.
//!
//! It is listed; its directories are entered one after the other and finished; then its files are taken in the order of
//! their names, a slice at a time and by any worker. What comes back is written in that order: entries wait until all
//! before them are there. So a directory of a million entries is in memory as its names alone, and its object is the
//! same whoever was faster.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::batch::{Batch, Slice};
use super::choice::Choice;
use super::names::Names;
use super::outcome::{GrowingDirectory, Outcome, Style};
use super::reuse::{Earlier, EarlierDirectory, Objects, Whole, open_all};
use super::worker::Settings;
use crate::repository::directory::{Entry, Kind, LONGEST_DIRECTORY, Mode, Shape, Summary, Tally};
use crate::repository::gojson::Time;
use crate::repository::object::ObjectId;
use crate::repository::policy::Tree;
use crate::repository::rules::Rules;
use crate::repository::session::ContentWriter;
use crate::repository::tree::Metadata;
use crate::{Error, Result};

/// Slices of a directory that are taken before the first of them is written, at most: what comes back waits for it.
const MOST_AHEAD: usize = 128;

/// A directory and where it belongs.
pub(super) struct Place {
    /// The directory that holds it, and its number there; none for the root.
    pub(super) parent: Option<(Arc<Node>, usize)>,
    /// Path below the root; empty for the root.
    pub(super) path: Vec<u8>,
    /// Base name.
    pub(super) name: String,
    /// The same directory in earlier snapshots.
    pub(super) earlier: Vec<ObjectId>,
}

/// What a listing has shown.
#[derive(Default)]
pub(super) struct Listing {
    pub(super) directories: Names,
    pub(super) files: Names,
    /// Entries that can not be in a snapshot.
    pub(super) failed: Vec<Outcome>,
    /// Whether the only entry is a device that is saved as one file.
    pub(super) device: bool,
}

/// One directory.
pub(super) struct Node {
    pub(super) place: Place,
    pub(super) metadata: Metadata,
    /// What is left out here and below.
    pub(super) rules: Rules,
    /// What counts here and below.
    pub(super) policies: Tree<Choice>,
    style: Style,
    state: Mutex<State>,
}

/// What remains to be done.
#[derive(Debug)]
pub(super) enum Next {
    /// Others are at work on it.
    Nothing,
    /// Its files can be taken.
    Files,
    /// It is written.
    Finished(Box<Entry>),
}

struct State {
    directories: Names,
    entered: usize,
    files: Arc<Names>,
    taken: usize,
    earlier: Vec<EarlierDirectory>,
    /// Those that are short enough to be held, for the case that nothing has changed.
    whole: Vec<Whole>,
    /// Numbers handed out: one for each directory, then one for each slice.
    numbers: usize,
    /// The number whose entries are written next.
    next: usize,
    waiting: BTreeMap<usize, Vec<Outcome>>,
    /// Whether no more files are handed out until some are written.
    paused: bool,
    object: GrowingDirectory,
    /// What is being worked on, for checkpoints.
    children: BTreeMap<usize, Weak<Node>>,
    slices: BTreeMap<usize, (Arc<Batch>, Range<usize>)>,
}

impl Node {
    pub(super) fn new(
        place: Place,
        metadata: Metadata,
        (rules, policies): (Rules, Tree<Choice>),
        listing: Listing,
        settings: &Settings,
    ) -> Node {
        let compressor = policies.value().directories.filter(|_| !settings.plain_directories);
        let style = Style { layout: settings.layout, compressor };
        let shape = if listing.device { Shape::Device } else { Shape::Tree };
        let mut tally = Tally::default();
        for outcome in &listing.failed {
            if let Outcome::Failed { path, reason, ignored } = outcome {
                tally.fail(path, reason, *ignored);
            }
        }
        let object = GrowingDirectory { tally, ..GrowingDirectory::new(shape, style) };
        let state = State {
            numbers: listing.directories.len(),
            directories: listing.directories,
            entered: 0,
            files: Arc::new(listing.files),
            taken: 0,
            earlier: Vec::new(),
            whole: Vec::new(),
            next: 0,
            waiting: BTreeMap::new(),
            paused: false,
            object,
            children: BTreeMap::new(),
            slices: BTreeMap::new(),
        };
        Node { place, metadata, rules, policies, style, state: Mutex::new(state) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next directory to enter, and whether more follow. Directories are entered in the order of their names.
    pub(super) fn enter(self: &Arc<Self>, objects: &dyn Objects) -> Option<(Place, bool)> {
        let mut state = self.lock();
        let number = state.entered;
        let name = state.directories.get(number)?.to_vec();
        if number == 0 {
            self.open_earlier(&mut state, objects);
        }
        state.entered += 1;
        let earlier = state.find(true, &[&name], objects).into_iter().flatten().flatten().map(|it| it.object).collect();
        let place = Place {
            path: join(&self.place.path, &name),
            // Names of directories were checked when they were listed.
            name: String::from_utf8_lossy(&name).into_owned(),
            parent: Some((self.clone(), number)),
            earlier,
        };
        Some((place, state.entered < state.directories.len()))
    }

    fn open_earlier(&self, state: &mut State, objects: &dyn Objects) {
        let shortest = self.style.layout.splitter.min_chunk();
        state.earlier = open_all(&self.place.earlier, objects);
        let whole = state.earlier.iter_mut().filter_map(EarlierDirectory::whole);
        state.whole = whole.filter(|whole| whole.text.len() < shortest).collect();
        if let Some(whole) = state.whole.first() {
            state.object.text.out().reserve(whole.text.len()); // most directories stay as they are
        }
    }

    /// Notes that the directory with this number is being worked on.
    pub(super) fn attach(&self, number: usize, child: &Arc<Node>) {
        self.lock().children.insert(number, Arc::downgrade(child));
    }

    /// The next files, at most `limit`, for the items of `batch` from `first` on, and whether more follow at once.
    pub(super) fn take(
        self: &Arc<Self>,
        limit: usize,
        (batch, first): (&Arc<Batch>, usize),
        objects: &dyn Objects,
    ) -> Option<(Slice, bool)> {
        let mut state = self.lock();
        if state.taken == 0 && state.directories.len() == 0 {
            self.open_earlier(&mut state, objects);
        }
        let count = limit.min(state.files.len() - state.taken);
        if count == 0 {
            return None;
        }
        let (files, from, number) = (state.files.clone(), state.taken, state.numbers);
        let earlier = state.find(false, &files.range(from, count), objects);
        state.taken += count;
        state.numbers += 1;
        let slice = Slice { node: self.clone(), number, files, from, count, earlier, first_item: first };
        state.slices.insert(number, (batch.clone(), slice.items()));
        let more = state.taken < state.files.len();
        if !more {
            state.earlier = Vec::new();
        }
        state.paused = more && state.numbers - state.next >= MOST_AHEAD; // those written are among those handed out
        Some((slice, more && !state.paused))
    }

    /// What remains to be done right after the listing.
    pub(super) fn begin(&self, writer: &mut ContentWriter) -> Result<Next> {
        let mut state = self.lock();
        match (state.directories.len(), state.files.len()) {
            (0, 0) => self.finish(&mut state, writer),
            (0, _) => Ok(Next::Files),
            _ => Ok(Next::Nothing),
        }
    }

    /// Writes what has come back for this number, and all that waited for it.
    pub(super) fn complete(&self, number: usize, outcomes: Vec<Outcome>, writer: &mut ContentWriter) -> Result<Next> {
        let mut state = self.lock();
        state.children.remove(&number);
        state.slices.remove(&number);
        state.waiting.insert(number, outcomes);
        loop {
            let next = state.next;
            let Some(outcomes) = state.waiting.remove(&next) else { break };
            state.next += 1;
            outcomes.into_iter().try_for_each(|outcome| state.object.add(outcome))?;
        }
        state.object.flush(writer)?;
        if state.object.object.length() > LONGEST_DIRECTORY {
            let path = String::from_utf8_lossy(&self.place.path);
            return Err(Error::invalid(format!("directory {path:?}"), "it has more entries than can be restored"));
        }
        let all = state.next == state.numbers && state.taken == state.files.len();
        let resumes = state.paused && state.numbers - state.next < MOST_AHEAD;
        state.paused &= !resumes;
        match () {
            () if resumes => Ok(Next::Files),
            () if all && state.entered == state.directories.len() => self.finish(&mut state, writer),
            () if number < state.directories.len() && state.next == state.directories.len() => Ok(Next::Files),
            () => Ok(Next::Nothing),
        }
    }

    fn finish(&self, state: &mut State, writer: &mut ContentWriter) -> Result<Next> {
        let object = std::mem::replace(&mut state.object, GrowingDirectory::new(Shape::Tree, self.style));
        let whole = std::mem::take(&mut state.whole);
        Ok(Next::Finished(Box::new(self.entry(object, "", &whole, writer)?)))
    }

    /// The directory's entry, after its object is written.
    fn entry(
        &self,
        object: GrowingDirectory,
        incomplete: &str,
        earlier: &[Whole],
        writer: &mut ContentWriter,
    ) -> Result<Entry> {
        let mtime = Time::from_nanos(self.metadata.modified);
        let summary = object.tally.finish(mtime, incomplete);
        let text = object.text.finish(summary.clone())?;
        Ok(Entry {
            name: self.place.name.clone(),
            kind: Kind::Directory,
            object: Some(object.object.finish_like(earlier, text, writer)?),
            summary: Some(Box::new(summary)),
            ..entry_of(&self.metadata)
        })
    }

    /// The directory as far as it is, for a snapshot that is not complete. Nobody may be at work on it.
    pub(super) fn checkpoint(&self, reason: &str, writer: &mut ContentWriter) -> Result<Entry> {
        let (mut object, mut found, children, slices) = {
            let state = self.lock();
            let waiting = state.waiting.values().flatten().cloned();
            let children: Vec<_> = state.children.values().filter_map(Weak::upgrade).collect();
            let slices: Vec<_> = state.slices.values().cloned().collect();
            (state.object.clone(), waiting.collect::<Vec<_>>(), children, slices)
        };
        for child in children {
            found.push(Outcome::Entry(Box::new(child.checkpoint(reason, writer)?)));
        }
        for (batch, items) in slices {
            found.extend(batch.so_far(items, self.style.layout, writer)?);
        }
        found.sort_by(|one, other| one.key().cmp(&other.key()));
        found.into_iter().try_for_each(|outcome| object.add(outcome))?;
        self.entry(object, reason, &[], writer)
    }
}

impl State {
    /// What each of `names` was, for each earlier snapshot. An unreadable one is given up.
    fn find(&mut self, directory: bool, names: &[&[u8]], objects: &dyn Objects) -> Vec<Vec<Option<Earlier>>> {
        let mut found = Vec::with_capacity(self.earlier.len());
        self.earlier.retain_mut(|earlier| {
            let mut known = Vec::with_capacity(names.len());
            let unreadable = names.iter().find_map(|name| match earlier.find(directory, name, objects) {
                Ok(answer) => {
                    known.push(answer);
                    None
                }
                Err(error) => Some(error),
            });
            found.push(known);
            if let Some(error) = &unreadable {
                tracing::warn!(%error, "an earlier snapshot gives no more answers for a directory");
            }
            unreadable.is_none()
        });
        found
    }
}

/// The summary of a root that is a single file, as Kopia writes it: there is no directory in it.
pub(super) fn summary_of_file(entry: &Entry, mtime: Time) -> Summary {
    Summary { size: entry.size, files: 1, max_time: mtime, ..Summary::default() }
}

/// The entry with what the system says now.
pub(super) fn with_metadata(entry: Entry, metadata: &Metadata) -> Entry {
    Entry { name: entry.name, kind: entry.kind, ..entry_of(metadata) }
}

/// An entry with what the system says of it, still without name, kind and object.
pub(super) fn entry_of(metadata: &Metadata) -> Entry {
    Entry {
        mode: Mode::from_posix(metadata.mode),
        size: metadata.size,
        mtime: Time::from_nanos(metadata.modified),
        uid: metadata.uid,
        gid: metadata.gid,
        ..Entry::default()
    }
}

/// The path of an entry below the root.
pub(super) fn join(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let mut path = Vec::with_capacity(directory.len() + 1 + name.len());
    if !directory.is_empty() {
        path.extend_from_slice(directory);
        path.push(b'/');
    }
    path.extend_from_slice(name);
    path
}
