//! Looking into snapshots: from what a person types to entries, listings and bytes.
//!
//! Comes in: `SNAPSHOT[/path/inside]` or `OBJECT[/path/inside]`. Goes out: the entry that is meant ([`Found`]), the
//! entries of a directory, a walk over all below it, the bytes of a file. Refused: names that are ambiguous, with all
//! that they may mean; directories with entries that are not harmless, as the directory's reader does.

use std::io::Write;
use std::ops::ControlFlow;

use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;

use super::ancestors::Ancestors;
use super::content::DIRECTORY;
use super::directory::parser::{Parser, Step};
use super::directory::{Entry, Kind, LONGEST_DIRECTORY, Reader, Shape};
use super::manifest::{ManifestId, Manifests, Record, TYPE, labels};
use super::object::ObjectId;
use super::open::Repository;
use super::snapshot::{SNAPSHOT, Snapshot};
use crate::{Error, Result};

/// The shortest beginning of a snapshot's id that is looked for.
pub const SHORTEST_PREFIX: usize = 4;
/// Digits of a whole identity, as every writer makes it.
const WHOLE_ID: usize = 32;

/// An entry that was looked for.
#[derive(Clone, Debug, PartialEq)]
pub struct Found {
    /// The entry. Of a bare object only kind and object are known.
    pub entry: Entry,
    /// Whether owner, mode and time of the entry are known.
    pub attributes: bool,
    /// The snapshot, if one was named.
    pub snapshot: Option<ManifestId>,
    /// The path inside, without a slash at its ends.
    pub path: String,
}

impl Found {
    /// The root of a snapshot.
    ///
    /// # Errors
    /// Corrupt: the snapshot has no root.
    pub fn root(id: ManifestId, snapshot: Snapshot) -> Result<Found> {
        let entry = snapshot.root.ok_or_else(|| Error::corrupt(format!("snapshot {id}"), "it has no root"))?;
        Ok(Found { entry, attributes: true, snapshot: Some(id), path: String::new() })
    }

    /// An object of which nothing else is known: a directory if its contents have the prefix of directories.
    pub fn object(object: ObjectId) -> Found {
        let kind = if object.content().prefix() == Some(DIRECTORY) { Kind::Directory } else { Kind::File };
        let entry = Entry { kind, object: Some(object), ..Entry::default() };
        Found { entry, attributes: false, snapshot: None, path: String::new() }
    }
}

/// The entry that `target` means: the id of a snapshot, the beginning of one that no other shares, or an object id; then
/// a path inside.
///
/// # Errors
/// Missing: there is no such snapshot, object or path. Invalid: those of [`among`], or a path leads through something
/// that is no directory. Those of the repository.
pub async fn resolve(repository: &Repository, target: &str) -> Result<Found> {
    let (name, path) = target.split_once('/').unwrap_or((target, ""));
    let mut found = match snapshot(repository, name).await? {
        Some(found) => found,
        None => object(repository, name).await?,
    };
    for part in path.split('/').filter(|part| !part.is_empty()) {
        if !found.entry.is_directory() {
            return Err(Error::invalid(format!("{name}/{}", found.path), "it is no directory"));
        }
        let mut entry = None;
        let mut listing = Listing::open(repository, &found.entry.object()?).await?;
        while let Some(next) = listing.next().await? {
            entry = if next.name == part { Some(next) } else { entry };
        }
        let path = join(&found.path, part);
        let entry = entry.ok_or_else(|| Error::Missing { what: format!("{path} in {name}") })?;
        found = Found { entry, attributes: true, path, ..found };
    }
    Ok(found)
}

async fn snapshot(repository: &Repository, name: &str) -> Result<Option<Found>> {
    if name.len() == WHOLE_ID && name.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        let id = name.to_ascii_lowercase();
        if let Some(record) = repository.glimpse_manifest(&id, &labels([(TYPE, SNAPSHOT)])).await {
            return Found::root(record.id.clone(), Snapshot::from_record(&record)?).map(Some);
        }
    }
    let manifests = repository.manifests(&labels([(TYPE, SNAPSHOT)])).await?;
    let Some(record) = among(&manifests, name)? else { return Ok(None) };
    Found::root(record.id.clone(), Snapshot::from_record(record)?).map(Some)
}

/// The one of `snapshots` that `name` means: its id, or the beginning of an id that no other shares. Large hexadecimal
/// digits are as good as small ones.
///
/// # Errors
/// Invalid: several begin like that, or a beginning is shorter than [`SHORTEST_PREFIX`].
pub fn among<'a>(snapshots: &'a Manifests, name: &str) -> Result<Option<&'a Record>> {
    if let Some(record) = snapshots.get(name) {
        return Ok(Some(record));
    }
    let is_hexadecimal = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_hexdigit());
    if name.len() < SHORTEST_PREFIX {
        let reason = format!("at least {SHORTEST_PREFIX} characters of its identity are needed");
        let refusal = is_hexadecimal.then(|| Error::invalid(format!("snapshot {name:?}"), reason));
        return refusal.map_or(Ok(None), Err);
    }
    let small = if is_hexadecimal { name.to_ascii_lowercase() } else { name.to_owned() };
    let alike: Vec<_> = snapshots.iter().filter(|record| record.id.as_str().starts_with(&small)).collect();
    match alike[..] {
        [] => Ok(None),
        [record] => Ok(Some(record)),
        [..] => {
            let ids: Vec<_> = alike.iter().take(5).map(|record| record.id.as_str()).collect();
            let reason = format!("{} snapshots begin like that: {}", alike.len(), ids.join(", "));
            Err(Error::invalid(format!("snapshot {name:?}"), reason))
        }
    }
}

async fn object(repository: &Repository, name: &str) -> Result<Found> {
    let missing = || Error::Missing { what: format!("snapshot or object {name:.80?}") };
    let object = ObjectId::parse(name).map_err(|_| missing())?;
    if repository.glimpse(&object.content()).await.is_none() {
        repository.entry(&object.content()).await?.ok_or_else(missing)?;
    }
    Ok(Found::object(object))
}

/// The entries of a directory, one after the other, as they are stored; of a block volume the one that holds its bytes.
/// However many there are, only a few contents of the directory are held.
pub struct Listing {
    parser: Parser,
    pieces: BoxStream<'static, Result<Bytes>>,
    device: Option<Entry>,
}

impl Listing {
    /// Begins to read a directory.
    ///
    /// # Errors
    /// Corrupt: no directory. Those of the repository.
    pub async fn open(repository: &Repository, directory: &ObjectId) -> Result<Listing> {
        let mut pieces = repository.stream_at_most(directory, LONGEST_DIRECTORY).await?;
        let mut parser = Parser::new(directory, Shape::Tree);
        let first = pieces.try_next().await?.unwrap_or_default();
        let device = device(directory, &first);
        match device {
            Some(_) => parser.fail(), // it has no other entries
            None => parser.feed(&[first]),
        }
        Ok(Listing { parser, pieces, device })
    }

    /// Whether it is a block volume.
    pub fn is_device(&self) -> bool {
        self.device.is_some()
    }

    /// The next entry; none at the end.
    ///
    /// # Errors
    /// Corrupt: no directory, or the entry is refused. Those of the repository.
    pub async fn next(&mut self) -> Result<Option<Entry>> {
        if let Some(device) = self.device.take() {
            return Ok(Some(device));
        }
        while !self.parser.is_over() {
            let least = match self.parser.step(false)? {
                Step::Entry(entry) => return entry.map(Some),
                Step::Done => break,
                Step::More(least) => least,
            };
            let (mut pieces, mut length) = (Vec::new(), 0);
            while length < least {
                let Some(piece) = self.pieces.try_next().await? else {
                    self.parser.end();
                    break;
                };
                length += piece.len();
                pieces.push(piece);
            }
            self.parser.feed(&pieces);
        }
        Ok(None)
    }
}

/// All entries of a directory, as [`Listing`] has them.
///
/// # Errors
/// Those of [`Listing`].
pub async fn entries(repository: &Repository, directory: &ObjectId) -> Result<Vec<Entry>> {
    let mut listing = Listing::open(repository, directory).await?;
    let mut entries = Vec::new();
    while let Some(entry) = listing.next().await? {
        entries.push(entry);
    }
    Ok(entries)
}

/// The only file of a directory that stands for a block volume: its name is the path of a device.
pub(super) fn device(directory: &ObjectId, bytes: &[u8]) -> Option<Entry> {
    let mut reader = Reader::new(directory, bytes, Shape::Device).ok()?;
    let entry = reader.next()?.ok()?;
    reader.finish().ok()?;
    entry.name.contains('/').then_some(entry)
}

/// Calls `each` with path and entry of everything below `root`, a directory before what is in it, until it breaks.
///
/// # Errors
/// Corrupt: a directory contains itself. Those of [`entries`].
pub async fn find(
    repository: &Repository,
    root: &Entry,
    mut each: impl FnMut(&str, &Entry) -> ControlFlow<()>,
) -> Result<()> {
    let mut ahead = vec![(String::new(), root.object()?, 0)];
    let mut ancestors = Ancestors::none();
    while let Some((folder, object, depth)) = ahead.pop() {
        ancestors.enter(depth, object, &folder)?;
        let mut below = Vec::new();
        let mut listing = Listing::open(repository, &object).await?;
        while let Some(entry) = listing.next().await? {
            let path = join(&folder, &entry.name);
            if each(&path, &entry).is_break() {
                return Ok(());
            }
            if entry.is_directory() {
                below.push((path, entry.object()?, depth + 1));
            }
        }
        ahead.extend(below.into_iter().rev());
    }
    Ok(())
}

/// Writes the bytes of a file, or the target of a link, and returns how many.
///
/// # Errors
/// Invalid: a directory. Those of the repository, and of `out`.
pub async fn read_to(repository: &Repository, file: &Entry, out: &mut (dyn Write + Send)) -> Result<u64> {
    if file.is_directory() {
        return Err(Error::invalid(format!("entry {:?}", file.name), "it is a directory"));
    }
    let mut stream = repository.stream_object(&file.object()?).await?;
    let mut length = 0;
    while let Some(bytes) = stream.try_next().await? {
        let failed = |source| Error::Io { operation: "writing", path: file.name.clone(), source };
        out.write_all(&bytes).map_err(failed)?;
        length += bytes.len() as u64;
    }
    Ok(length)
}

/// A path and the name of an entry below it.
pub(super) fn join(folder: &str, name: &str) -> String {
    if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") }
}
