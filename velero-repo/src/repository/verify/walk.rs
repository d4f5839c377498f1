//! All trees of some snapshots are walked through, each directory once, by several threads.
//!
//! Consecutive snapshots share nearly everything: a directory that was visited for one is passed over for the others.
//! Memory: two bits for each content, the directories ahead, one content of a directory for each thread.

use super::marks::Marks;
use super::objects::{Objects, Problem};
use super::progress::{Progress, count};
use crate::repository::directory::{Entry, Kind, Shape, Summary, Tally};
use crate::repository::gojson::Time;
use crate::repository::object::ObjectId;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// What walkers tell whoever sent them. Called on many threads.
pub(crate) trait Visitor: Sync {
    /// Something can not be read, or is not what it should be.
    fn problem(&self, at: &Place, problem: Problem);
    /// A directory whose sums are not those of its entries.
    fn summary(&self, at: &Place, reason: &str);
    /// An entry of a type that this version does not know.
    fn unknown(&self, at: &Place, kind: &str);
    /// Whether to go on.
    fn goes_on(&self) -> bool;
}

/// Where a walker is: names from a snapshot's root on.
pub(crate) struct Place {
    above: Option<Arc<Place>>,
    name: String,
}

impl Place {
    /// A root; its name is the identity of the snapshot.
    pub(crate) fn root(snapshot: &str) -> Arc<Self> {
        Arc::new(Place { above: None, name: snapshot.to_owned() })
    }

    /// Something in a directory.
    pub(crate) fn below(self: &Arc<Self>, name: &str) -> Arc<Self> {
        Arc::new(Place { above: Some(self.clone()), name: name.to_owned() })
    }

    fn names(&self) -> Vec<&str> {
        let mut names = Vec::new();
        let mut at = self;
        while let Some(above) = &at.above {
            names.push(at.name.as_str());
            at = above;
        }
        names.push(at.name.as_str());
        names.reverse();
        names
    }

    /// The path below the snapshot's root; empty for the root.
    pub(crate) fn path(&self) -> String {
        self.names()[1..].join("/") // the snapshot comes first
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "snapshot {}", self.names().join("/"))
    }
}

/// A directory that is still ahead.
pub(crate) struct Ahead {
    pub(crate) object: ObjectId,
    pub(crate) place: Arc<Place>,
    /// What the entry that leads here says of its sums.
    pub(crate) summary: Option<Box<Summary>>,
    pub(crate) shape: Shape,
}

/// The shape of a snapshot's root: Velero's block volumes have Go's zero time.
pub(crate) fn shape_of(root: &Entry) -> Shape {
    if root.mtime == Time::GO_ZERO { Shape::Device } else { Shape::Tree }
}

/// One walk.
pub(crate) struct Walk<'a, V> {
    objects: Objects<'a>,
    visitor: &'a V,
    progress: &'a Progress,
    visited: Marks,
    queue: Mutex<Queue>,
    more: Condvar,
}

#[derive(Default)]
struct Queue {
    ahead: Vec<Ahead>,
    busy: usize,
}

impl<'a, V: Visitor> Walk<'a, V> {
    /// Nothing is visited yet.
    pub(crate) fn new(objects: Objects<'a>, visitor: &'a V, progress: &'a Progress) -> Self {
        let visited = Marks::new(objects.view.ordinals());
        Walk { objects, visitor, progress, visited, queue: Mutex::default(), more: Condvar::new() }
    }

    /// Walks through everything below the root of one snapshot. May be called again, for others.
    pub(crate) fn run(&self, snapshot: &str, root: &Entry, threads: usize) {
        let place = Place::root(snapshot);
        if let Some(ahead) = self.entry(&place, root, shape_of(root)) {
            self.queue().ahead.push(ahead);
        }
        std::thread::scope(|scope| {
            for _ in 1..threads.max(1) {
                scope.spawn(|| self.work());
            }
            self.work();
        });
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        while let Some(ahead) = self.next() {
            let found = if self.visitor.goes_on() { self.directory(&ahead) } else { Vec::new() };
            let mut queue = self.queue();
            queue.ahead.extend(found);
            queue.busy -= 1; // counted by `next`
            drop(queue);
            self.more.notify_all();
        }
    }

    /// The next directory; none when nobody can find another one.
    fn next(&self) -> Option<Ahead> {
        let mut queue = self.queue();
        loop {
            if let Some(ahead) = queue.ahead.pop() {
                queue.busy += 1;
                return Some(ahead);
            }
            if queue.busy == 0 {
                return None;
            }
            queue = self.more.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Looks at one directory; returns those in it.
    fn directory(&self, at: &Ahead) -> Vec<Ahead> {
        let ordinal = self.objects.view.ordinal(&at.object.content());
        if ordinal.is_some_and(|ordinal| !self.visited.set(ordinal)) {
            return Vec::new();
        }
        let problem = |problem| self.visitor.problem(&at.place, problem);
        self.objects.is_pending(&at.object).map(Problem::Pending).into_iter().for_each(problem);
        let (mut found, mut tally) = (Vec::new(), Tally::default());
        let tail = self.objects.directory(&at.object, at.shape, |entry| match entry {
            Ok(entry) => {
                tally.add(&entry);
                found.extend(self.entry(&at.place.below(&entry.name), &entry, Shape::Tree));
            }
            Err(wrong) => problem(wrong),
        });
        if let Some(tail) = tail {
            count(&self.progress.directories, 1);
            self.compare(at, &tally.finish(Time::default(), ""), tail.summary.as_deref());
        }
        found
    }

    /// Looks at an entry; a directory is left for later.
    fn entry(&self, place: &Arc<Place>, entry: &Entry, shape: Shape) -> Option<Ahead> {
        let object = match entry.object() {
            Ok(object) => object,
            Err(error) => {
                self.visitor.problem(place, Problem::Malformed(place.to_string(), error.to_string()));
                return None;
            }
        };
        if entry.is_directory() {
            return Some(Ahead { object, place: place.clone(), summary: entry.summary.clone(), shape });
        }
        count(&self.progress.files, 1);
        let length = match &entry.kind {
            Kind::Other(kind) => {
                self.visitor.unknown(place, kind);
                None
            }
            _ => Some(entry.size),
        };
        let mut problems = Vec::new();
        self.objects.check(&object, length, &mut problems);
        problems.into_iter().for_each(|problem| self.visitor.problem(place, problem));
        None
    }

    fn compare(&self, at: &Ahead, sum: &Summary, own: Option<&Summary>) {
        let numbers = |s: &Summary| (s.size, s.files, s.symlinks, s.dirs);
        let differs = |said: &Summary| numbers(said) != numbers(sum) || said.failed < sum.failed;
        if own.is_some_and(differs) {
            self.visitor.summary(&at.place, "its sums are not those of its entries");
        } else if let (Some(own), Some(above)) = (own, at.summary.as_deref())
            && numbers(own) != numbers(above)
        {
            self.visitor.summary(&at.place, "the directory above has other sums of it");
        }
    }
}
