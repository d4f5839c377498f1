//! The objects of an archive on disk, indexed in memory.
//!
//! Comes in: an untrusted archive, read once from front to end. Goes out: the resources, namespaces and names it holds,
//! and the bytes of any object. Bodies of the unversioned tree lie uncompressed in one temporary file without a name, which
//! the system removes whatever happens; an object costs its name and [`Record`] in memory. Of the version directories
//! only their existence is kept (spec 2.5), unless who reads wants to choose among versions; then the copies of all versions
//! but the preferred one, which equals the unversioned tree, are kept too. Files that Velero would not look at are ignored
//! and noted.
//!
//! An object that comes twice with different bytes is refused, for nothing says which of them is the backup. Velero can
//! write the same bytes twice (two of its workers may race for one object), so equal copies are kept once and noted.

use super::path::{Place, classify, shorten};
use super::reader::{Entries, Entry, Limits};
use crate::error::{Error, Result};
use crate::resource::{GroupResource, ItemId};
use bytes::Bytes;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io::{BufWriter, Read};
use std::ops::Range;

/// Notes kept verbatim; further ones are counted.
const NOTES: usize = 100;

/// Where one object lies.
#[derive(Clone, Copy)]
struct Record {
    /// Start of the name in the names.
    name: u64,
    /// Start of the body in the file.
    body: u64,
    size: u32,
    /// Resource and namespace, by number.
    group: u32,
    name_len: u16,
}

/// What the archive holds of one resource.
#[derive(Default)]
struct Directory {
    /// Namespace (empty for cluster-scoped objects) to its records.
    namespaces: BTreeMap<String, Range<usize>>,
    /// Version directories: version to whether it was the preferred one.
    versions: BTreeMap<String, bool>,
    /// The version whose copies stand for the objects; `None` for the unversioned tree.
    chosen: Option<String>,
    /// Version and namespace to the copies' records.
    copies: BTreeMap<(String, String), Range<usize>>,
}

/// Where records lie: resource, version (empty for the unversioned tree) and namespace.
type Group = (GroupResource, String, String);

/// The objects of an archive, indexed, in an unlinked temporary file.
pub struct Spool {
    file: File,
    /// All names, one behind the other.
    names: String,
    /// Sorted by resource, namespace and name.
    records: Vec<Record>,
    directories: BTreeMap<GroupResource, Directory>,
    format_version: Option<String>,
    has_resources: bool,
    notes: Vec<String>,
    notes_left_out: u64,
}

impl Spool {
    /// Reads a whole archive, keeps the unversioned objects and refuses anything hostile.
    pub fn read(archive: impl Read, limits: &Limits) -> Result<Spool> {
        Self::fill(archive, limits, false)
    }

    /// The same, and keeps the copies of all versions, among which [`Spool::choose`] chooses.
    pub fn read_versions(archive: impl Read, limits: &Limits) -> Result<Spool> {
        Self::fill(archive, limits, true)
    }

    fn fill(archive: impl Read, limits: &Limits, keeps_versions: bool) -> Result<Spool> {
        let file = tempfile::tempfile().map_err(|e| io("creating the spool file", e))?;
        let mut filler = Filler {
            out: BufWriter::with_capacity(256 << 10, file.try_clone().map_err(|e| io("opening the spool file", e))?),
            end: 0,
            keeps_versions,
            groups: HashMap::new(),
            spool: Spool {
                file,
                names: String::new(),
                records: Vec::new(),
                directories: BTreeMap::new(),
                format_version: None,
                has_resources: false,
                notes: Vec::new(),
                notes_left_out: 0,
            },
        };
        let mut entries = Entries::new(archive, limits);
        while let Some(entry) = entries.next()? {
            filler.take(&entry, &mut entries)?;
        }
        filler.finish()
    }

    /// The resources in the archive, sorted by name.
    pub fn resources(&self) -> Vec<GroupResource> {
        let mut names: Vec<_> = self.directories.keys().cloned().collect();
        names.sort_by_cached_key(ToString::to_string);
        names
    }

    /// The version directories of `resource` and whether the source cluster preferred that version, sorted by name.
    pub fn versions(&self, resource: &GroupResource) -> Vec<(String, bool)> {
        let versions = self.directories.get(resource).map(|d| d.versions.iter());
        versions.into_iter().flatten().map(|(version, preferred)| (version.clone(), *preferred)).collect()
    }

    /// The namespaces (empty for cluster-scoped) in which `resource` has objects, sorted.
    pub fn namespaces(&self, resource: &GroupResource) -> Vec<&str> {
        let namespaces = self.directories.get(resource).map(|d| d.namespaces.keys());
        namespaces.into_iter().flatten().map(String::as_str).collect()
    }

    /// The names of the objects of `resource` in `namespace`, in byte order.
    pub fn names<'a>(&'a self, resource: &GroupResource, namespace: &str) -> Box<dyn Iterator<Item = &'a str> + 'a> {
        Box::new(self.group(resource, namespace).iter().map(|record| self.name(record)))
    }

    /// The bytes of one object; `None` if the archive does not hold it. Of a resource with a chosen version the copy of that
    /// version; an object without one is as it is in the unversioned tree.
    pub fn get(&self, id: &ItemId) -> Result<Option<Bytes>> {
        let find = |group: &[Record]| {
            let found = group.binary_search_by(|record| self.name(record).cmp(&id.name)).ok()?;
            group.get(found).copied()
        };
        let found = find(self.copies(id)).or_else(|| find(self.group(&id.resource, &id.namespace)));
        found.map(|record| self.body(&record)).transpose()
    }

    /// From now on the copies of `version` stand for the objects of `resource`, as far as there are any.
    pub fn choose(&mut self, resource: &GroupResource, version: &str) {
        if let Some(directory) = self.directories.get_mut(resource) {
            directory.chosen = Some(version.to_owned());
        }
    }

    fn copies(&self, id: &ItemId) -> &[Record] {
        let directory = self.directories.get(&id.resource);
        let chosen = directory.and_then(|d| Some((d, d.chosen.clone()?)));
        let range = chosen.and_then(|(d, version)| d.copies.get(&(version, id.namespace.clone())));
        range.map_or(&[], |range| &self.records[range.clone()])
    }

    /// Number of objects, copies not counted.
    pub fn len(&self) -> usize {
        self.directories.values().flat_map(|d| d.namespaces.values()).map(|range| range.len()).sum()
    }

    /// Whether the archive holds no object.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether the archive had a `resources/` tree at all.
    pub fn has_resources(&self) -> bool {
        self.has_resources
    }

    /// The text of `metadata/version`, trimmed; `None` if the archive has none (written before format 1.1.0).
    pub fn format_version(&self) -> Option<&str> {
        self.format_version.as_deref()
    }

    /// What was met and ignored, one sentence each: files that no restore looks at, and second copies.
    pub fn notes(&self) -> impl Iterator<Item = String> + '_ {
        let more = (self.notes_left_out > 0).then(|| format!("and {} more", self.notes_left_out));
        self.notes.iter().cloned().chain(more)
    }

    fn group(&self, resource: &GroupResource, namespace: &str) -> &[Record] {
        let range = self.directories.get(resource).and_then(|d| d.namespaces.get(namespace));
        range.map_or(&[], |range| &self.records[range.clone()])
    }

    fn name(&self, record: &Record) -> &str {
        let start = record.name as usize;
        &self.names[start..start + usize::from(record.name_len)]
    }

    fn body(&self, record: &Record) -> Result<Bytes> {
        let mut body = vec![0; record.size as usize];
        read_at(&self.file, &mut body, record.body)
            .map_err(|e| io(&format!("reading {} from the spool", self.name(record)), e))?;
        Ok(body.into())
    }

    fn note(&mut self, note: String) {
        if self.notes.len() < NOTES { self.notes.push(note) } else { self.notes_left_out += 1 }
    }
}

/// A spool that is being filled.
struct Filler {
    out: BufWriter<File>,
    end: u64,
    keeps_versions: bool,
    /// Directory path of the archive to what lies there, and its number.
    groups: HashMap<String, (Group, u32)>,
    spool: Spool,
}

impl Filler {
    fn take<R: Read>(&mut self, entry: &Entry, entries: &mut Entries<'_, R>) -> Result<()> {
        self.spool.has_resources |= entry.path == "resources" || entry.path.starts_with("resources/");
        if entry.is_directory {
            return Ok(());
        }
        match classify(&entry.path) {
            Place::Object { directory, resource, namespace, name } => {
                let group = self.group(directory, resource, "", namespace);
                self.object(entry, group, name)?;
                entries.copy_body(&mut self.out)?;
            }
            Place::Versioned { directory, resource, version, preferred, namespace, name } => {
                if self.keeps_versions && !preferred {
                    let group = self.group(directory, resource, version, namespace);
                    self.object(entry, group, name)?;
                    entries.copy_body(&mut self.out)?;
                }
                let versions = &mut self.spool.directories.entry(GroupResource::parse(resource)).or_default().versions;
                match versions.get_mut(version) {
                    Some(known) => *known |= preferred,
                    None => drop(versions.insert(version.to_owned(), preferred)),
                }
            }
            Place::Version if entry.size <= 64 => {
                let mut text = Vec::new();
                entries.copy_body(&mut text)?;
                self.spool.format_version = Some(String::from_utf8_lossy(&text).trim().to_owned());
            }
            Place::Version | Place::Unknown => {
                self.spool.note(format!("{} is no object and was ignored", shorten(&entry.path)));
            }
        }
        Ok(())
    }

    fn group(&mut self, directory: &str, resource: &str, version: &str, namespace: &str) -> u32 {
        if let Some((_, number)) = self.groups.get(directory) {
            return *number;
        }
        let number = self.groups.len() as u32;
        let group = (GroupResource::parse(resource), version.to_owned(), namespace.to_owned());
        self.groups.insert(directory.to_owned(), (group, number));
        number
    }

    fn object(&mut self, entry: &Entry, group: u32, name: &str) -> Result<()> {
        let too_large = || Error::archive(shorten(&entry.path), "larger than an index can hold");
        let size = u32::try_from(entry.size).map_err(|_| too_large())?;
        let name_len = u16::try_from(name.len()).map_err(|_| too_large())?;
        let at = self.spool.names.len() as u64;
        self.spool.names.push_str(name);
        self.spool.records.push(Record { name: at, body: self.end, size, group, name_len });
        self.end += entry.size;
        Ok(())
    }

    /// Sorts and divides the records and settles double objects.
    fn finish(self) -> Result<Spool> {
        let mut spool = self.spool;
        self.out.into_inner().map_err(|e| io("writing the spool file", e.into_error()))?;
        let mut order: Vec<_> = self.groups.into_values().collect();
        order.sort();
        let mut rank = vec![0; order.len()];
        for (place, (_, number)) in order.iter().enumerate() {
            rank[*number as usize] = place as u32;
        }
        let mut records = std::mem::take(&mut spool.records);
        for record in &mut records {
            record.group = rank[record.group as usize];
        }
        records.sort_unstable_by(|a, b| (a.group, spool.name(a)).cmp(&(b.group, spool.name(b))));
        spool.records = spool.without_copies(records, &order)?;
        let mut start = 0;
        for (place, ((resource, version, namespace), _)) in order.into_iter().enumerate() {
            let end = spool.records.partition_point(|record| record.group as usize <= place);
            let directory = spool.directories.entry(resource).or_default();
            if version.is_empty() {
                directory.namespaces.insert(namespace, start..end);
            } else {
                directory.copies.insert((version, namespace), start..end);
            }
            start = end;
        }
        Ok(spool)
    }
}

impl Spool {
    fn without_copies(&mut self, records: Vec<Record>, groups: &[(Group, u32)]) -> Result<Vec<Record>> {
        let mut kept: Vec<Record> = Vec::with_capacity(records.len());
        for record in records {
            let twin = kept.last().filter(|k| k.group == record.group && self.name(k) == self.name(&record)).copied();
            let Some(twin) = twin else {
                kept.push(record);
                continue;
            };
            let ((resource, version, namespace), _) = &groups[record.group as usize];
            let id = ItemId::new(resource.clone(), namespace.as_str(), self.name(&record));
            if self.body(&twin)? != self.body(&record)? {
                return Err(Error::archive(super::object_path(&id, version), "it comes twice with different content"));
            }
            self.note(format!("{id} comes twice with the same content; one copy was kept"));
        }
        Ok(kept)
    }
}

fn io(operation: &str, source: std::io::Error) -> Error {
    Error::Io { operation: operation.to_owned(), source }
}

#[cfg(unix)]
fn read_at(file: &File, buffer: &mut [u8], offset: u64) -> std::io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, buffer, offset)
}

#[cfg(windows)]
fn read_at(file: &File, mut buffer: &mut [u8], mut offset: u64) -> std::io::Result<()> {
    while !buffer.is_empty() {
        let size = std::os::windows::fs::FileExt::seek_read(file, buffer, offset)?;
        if size == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        buffer = &mut buffer[size..];
        offset += size as u64;
    }
    Ok(())
}
