//! A source whose directories are read before anybody asks for them.
//!
//! Opening a repository takes a tenth of a second of one processor, for the key. Meanwhile another one can list the
//! directories that an upload will want first, and look at what is in them. Comes in: any [`Source`], in the moment from
//! which on it may be read. Goes out: the same source; listings and metadata that were read ahead are answered from
//! memory, for two seconds, and everything else is asked of the source itself.
//!
//! A snapshot is no picture of one moment: each entry is looked at sometime between its beginning and its end. With this,
//! the beginning is where reading ahead began ([`Source::begun`]). What changes after that is what changes during a snapshot: an entry that
//! counts as unchanged is stored as it was when it was looked at, and one that is read is asked for its size and time
//! again after its last byte, as always, and compared with what was seen before the first. Bytes never come from here.
//!
//! Nothing is read ahead any more once somebody asks for a directory: whoever asks has work for all processors.
//! Memory: [`LARGEST`], until the two seconds are over. What can not be read is not noted here; whoever asks is told by
//! the source.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;

use super::{Kind, Metadata, Source, SourceDirectory, SourceFile};
use crate::repository::clock::Clock;

/// How old an answer may be.
const FRESH: Duration = Duration::from_secs(2);
/// The bytes that are held at most: 90 000 entries with names of usual length.
const LARGEST: usize = 12 << 20;
/// Entries that are looked at before it is asked whether to go on.
const AT_ONCE: usize = 64;

/// A source with directories that were read ahead.
pub struct Ahead {
    source: Arc<dyn Source>,
    seen: Arc<Seen>,
}

/// What was read so far.
struct Seen {
    directories: Mutex<HashMap<Vec<u8>, Arc<Listing>>>,
    enough: AtomicBool,
    begun: Timestamp,
    since: Instant,
}

/// A directory as it was.
struct Listing {
    itself: Metadata,
    /// By name.
    entries: Vec<Entry>,
}

struct Entry {
    name: Box<[u8]>,
    kind: Option<Kind>,
    /// None where the source refused.
    metadata: Option<Metadata>,
}

impl Ahead {
    /// Begins to read `source` ahead, on a thread of its own. `clock` tells when that was.
    pub fn start(source: Arc<dyn Source>, clock: &dyn Clock) -> Ahead {
        let (directories, enough) = (Mutex::default(), AtomicBool::new(false));
        let seen = Arc::new(Seen { directories, enough, begun: clock.now(), since: Instant::now() });
        let ahead = Ahead { source: source.clone(), seen: seen.clone() };
        // Without a thread, all is read when it is asked for.
        let _ = std::thread::Builder::new().name("ahead".to_owned()).spawn(move || seen.read(&*source));
        ahead
    }

    /// Waits for everything to be read.
    #[cfg(test)]
    pub(in crate::repository) fn finish(&self) {
        while Arc::strong_count(&self.seen) > 1 {
            std::thread::yield_now();
        }
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.seen.enough.store(true, Ordering::Relaxed);
    }
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, HashMap<Vec<u8>, Arc<Listing>>> {
        self.directories.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_fresh(&self) -> bool {
        self.since.elapsed() < FRESH
    }

    fn is_enough(&self) -> bool {
        self.enough.load(Ordering::Relaxed) || !self.is_fresh()
    }

    /// Reads directories in the order in which an upload enters them.
    fn read(&self, source: &dyn Source) {
        if !source.root().is_ok_and(|root| root.kind == Kind::Directory) {
            return;
        }
        let (mut paths, mut room) = (vec![Vec::new()], LARGEST);
        while let Some(path) = paths.pop() {
            match self.look_into(source, &path, &mut room) {
                Ok(Some(listing)) => {
                    let directories = listing.entries.iter().filter(|entry| entry.kind == Some(Kind::Directory));
                    paths.extend(directories.rev().map(|entry| below(&path, &entry.name)));
                    self.lock().insert(path, Arc::new(listing));
                }
                Ok(None) => return,
                Err(_) => {} // whoever asks is told
            }
        }
    }

    /// The listing of a directory; nothing if it is too large, or no longer wanted.
    fn look_into(&self, source: &dyn Source, path: &[u8], room: &mut usize) -> io::Result<Option<Listing>> {
        if self.is_enough() {
            return Ok(None);
        }
        let mut directory = source.directory(path)?;
        let itself = directory.itself()?;
        let (mut entries, mut full) = (Vec::new(), false);
        directory.names(&mut |name, kind| match room.checked_sub(size_of::<Entry>() + name.len()) {
            Some(rest) if !full => {
                *room = rest;
                entries.push(Entry { name: name.into(), kind, metadata: None });
            }
            _ => full = true,
        })?;
        if full {
            return Ok(None);
        }
        entries.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        for some in entries.chunks_mut(AT_ONCE) {
            if self.is_enough() {
                return Ok(None);
            }
            let names: Vec<&[u8]> = some.iter().map(|entry| &*entry.name).collect();
            let looks = directory.metadata(&names);
            for (entry, look) in some.iter_mut().zip(looks) {
                entry.metadata = look.ok();
            }
        }
        Ok(Some(Listing { itself, entries }))
    }

    /// What is known of a directory. From now on nothing more is read ahead.
    fn find(&self, path: &[u8]) -> Option<Arc<Listing>> {
        self.enough.store(true, Ordering::Relaxed);
        let mut directories = self.lock();
        if !self.is_fresh() {
            *directories = HashMap::new();
        }
        directories.get(path).cloned()
    }
}

impl Source for Ahead {
    fn name(&self) -> Vec<u8> {
        self.source.name()
    }

    fn begun(&self) -> Option<Timestamp> {
        self.seen.is_fresh().then_some(self.seen.begun)
    }

    fn root(&self) -> io::Result<Metadata> {
        self.source.root()
    }

    fn directory(&self, path: &[u8]) -> io::Result<Box<dyn SourceDirectory>> {
        match self.seen.find(path) {
            None => self.source.directory(path),
            Some(listing) => {
                let (source, path) = (self.source.clone(), path.to_vec());
                Ok(Box::new(AheadDirectory { listing, source, path, opened: OnceCell::new() }))
            }
        }
    }

    fn root_file(&self) -> io::Result<Box<dyn SourceFile>> {
        self.source.root_file()
    }
}

/// A directory that was read ahead. It is opened when more is wanted than was read.
struct AheadDirectory {
    listing: Arc<Listing>,
    source: Arc<dyn Source>,
    path: Vec<u8>,
    opened: OnceCell<Box<dyn SourceDirectory>>,
}

impl AheadDirectory {
    fn opened(&self) -> io::Result<&dyn SourceDirectory> {
        if self.opened.get().is_none() {
            let _ = self.opened.set(self.source.directory(&self.path)?); // nobody else sets it
        }
        self.opened.get().map(|opened| &**opened).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Asks the source for one entry.
    fn ask(&self, name: &[u8]) -> io::Result<Metadata> {
        let answer = self.opened()?.metadata(&[name]).pop();
        answer.unwrap_or_else(|| Err(io::ErrorKind::NotFound.into()))
    }
}

impl SourceDirectory for AheadDirectory {
    fn itself(&self) -> io::Result<Metadata> {
        Ok(self.listing.itself.clone())
    }

    fn names(&mut self, each: &mut dyn FnMut(&[u8], Option<Kind>)) -> io::Result<()> {
        self.listing.entries.iter().for_each(|entry| each(&entry.name, entry.kind));
        Ok(())
    }

    fn metadata(&self, names: &[&[u8]]) -> Vec<io::Result<Metadata>> {
        let entries = &self.listing.entries;
        let mut next = 0; // names mostly come in their order
        let find = |name: &&[u8]| {
            if entries.get(next).is_none_or(|entry| *entry.name != **name) {
                next = entries.partition_point(|entry| *entry.name < **name);
            }
            let known =
                entries.get(next).filter(|entry| *entry.name == **name).and_then(|entry| entry.metadata.clone());
            next += 1;
            known.map_or_else(|| self.ask(name), Ok)
        };
        names.iter().map(find).collect()
    }

    fn open(&self, name: &[u8]) -> io::Result<Box<dyn SourceFile>> {
        self.opened()?.open(name)
    }

    fn follow(&self, name: &[u8]) -> io::Result<Box<dyn SourceFile>> {
        self.opened()?.follow(name)
    }

    fn link(&self, name: &[u8]) -> io::Result<Vec<u8>> {
        self.opened()?.link(name)
    }
}

/// The path of an entry.
fn below(directory: &[u8], name: &[u8]) -> Vec<u8> {
    match directory {
        [] => name.to_vec(),
        directory => [directory, name].join(&b'/'),
    }
}

#[cfg(test)]
mod tests;
