//! The entries of a slice: what each of them is, whether an earlier snapshot has it, and if not, its bytes.

use std::io;

use super::batch::{Growing, Item, Slice};
use super::node::{Node, entry_of, join};
use super::outcome::Outcome;
use super::report::Lost;
use super::reuse::Earlier;
use super::worker::Worker;
use crate::Result;
use crate::repository::directory::{Entry, Kind as Stored};
use crate::repository::gojson::Time;
use crate::repository::rules::Decision;
use crate::repository::tree::{Kind, Metadata, SourceDirectory, Special};

/// One entry of a slice.
struct Found<'a> {
    slice: &'a Slice,
    item: usize,
    name: &'a [u8],
    path: &'a [u8],
    metadata: Metadata,
    earlier: Option<Unchanged<'a>>,
}

/// An entry of an earlier snapshot about which nothing has changed.
struct Unchanged<'a> {
    earlier: &'a Earlier,
    /// Whether the content that it is, or with which its list begins, is there and may be relied on.
    kept: bool,
}

impl Worker<'_> {
    /// Looks at the entries of a slice and reads those that are new.
    pub(super) fn read_slice(&mut self, slice: &Slice) -> Result<()> {
        let names = slice.names();
        let handle = match self.run.source.directory(&slice.node.place.path) {
            Ok(handle) => handle,
            Err(error) => return self.fail_slice(slice, &names, &error),
        };
        let looks = handle.metadata(&names);
        let unchanged = self.unchanged(slice, &looks);
        let mut path = join(&slice.node.place.path, b"");
        let above = path.len();
        for (at, ((name, look), earlier)) in names.iter().zip(looks).zip(unchanged).enumerate() {
            let item = slice.first_item + at;
            path.truncate(above);
            path.extend_from_slice(name);
            let settled = match look {
                Ok(metadata) => {
                    self.read_entry(&*handle, Found { slice, item, name, path: &path, metadata, earlier })?
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.report.changed.add(&path, "it vanished before it could be read");
                    Some(Item::Absent)
                }
                Err(error) => Some(self.failed_file(&slice.node, &path, "look at", error)?),
            };
            if let Some(item_now) = settled {
                self.batch.set(item, item_now);
            }
            self.attend()?;
        }
        self.tell_taken_over();
        Ok(())
    }

    fn fail_slice(&mut self, slice: &Slice, names: &[&[u8]], error: &io::Error) -> Result<()> {
        for (at, name) in names.iter().enumerate() {
            let path = join(&slice.node.place.path, name);
            let again = io::Error::new(error.kind(), error.to_string());
            let item = self.failed_file(&slice.node, &path, "open its directory", again)?;
            self.batch.set(slice.first_item + at, item);
        }
        Ok(())
    }

    /// A file that can not be read; whether that passes, the policy of its directory says, as in Kopia.
    fn failed_file(&mut self, node: &Node, path: &[u8], operation: &'static str, error: io::Error) -> Result<Item> {
        let ignored = node.policies.value().policy.error_handling.ignore_file_errors.unwrap_or(false);
        self.failed(path, operation, error, ignored).map(Item::Settled)
    }

    /// What became of an entry; nothing if its chunks are on their way.
    fn read_entry(&mut self, handle: &dyn SourceDirectory, found: Found<'_>) -> Result<Option<Item>> {
        let node = &found.slice.node;
        let size = found.metadata.size;
        let text = String::from_utf8_lossy(found.path); // names were checked when they were listed
        let skipped = node.rules.decide(&text, false, size) != Decision::Keep
            || (node.rules.one_file_system() && found.metadata.device != node.metadata.device);
        if skipped {
            self.report.excluded_files += 1;
            self.report.excluded_bytes += size;
            return Ok(Some(Item::Absent));
        }
        match found.metadata.kind {
            Kind::Special(special) => return self.leave_special(node, found.path, special).map(Some),
            Kind::Directory => {
                let error = io::Error::other("it became a directory while the tree was read");
                return self.failed_file(&found.slice.node, found.path, "read", error).map(Some);
            }
            Kind::File | Kind::Stream | Kind::Link => self.note_losses(found.path, &found.metadata),
        }
        if let Some(entry) = self.reuse(&found)? {
            return Ok(Some(Item::Settled(Outcome::Entry(Box::new(entry)))));
        }
        match found.metadata.kind {
            Kind::Link => self.read_link(handle, &found),
            _ => self.read_file(handle, &found),
        }
    }

    /// Devices, pipes and sockets have no place in the format. Kopia leaves them out without a word, or fails them.
    fn leave_special(&mut self, node: &Node, path: &[u8], special: Special) -> Result<Item> {
        if node.policies.value().policy.error_handling.ignore_unknown_types.unwrap_or(true) {
            self.report.lose(Lost::Special(special), path, "the format has no such entries; it is not stored");
            return Ok(Item::Absent);
        }
        let error = io::Error::new(io::ErrorKind::Unsupported, "unknown or unsupported entry type");
        self.failed(path, "store", error, false).map(Item::Settled)
    }

    /// For each file of a slice the entry of an earlier snapshot about which nothing has changed.
    fn unchanged<'a>(&self, slice: &'a Slice, looks: &[io::Result<Metadata>]) -> Vec<Option<Unchanged<'a>>> {
        let same = |(at, look): (usize, &io::Result<Metadata>)| {
            let now = look.as_ref().ok()?;
            slice.earlier(at).find(|earlier| earlier.is_unchanged(now))
        };
        let found: Vec<Option<&Earlier>> = looks.iter().enumerate().map(same).collect();
        let contents: Vec<_> = found.iter().flatten().map(|earlier| earlier.object.content()).collect();
        let mut kept = self.writer.keeps(&contents).into_iter();
        let mut unchanged = |earlier| Unchanged { earlier, kept: kept.next().unwrap_or(false) };
        found.into_iter().map(|earlier| earlier.map(&mut unchanged)).collect()
    }

    /// The entry with the object of an earlier snapshot, if nothing about it has changed and all of it is still there.
    fn reuse(&mut self, found: &Found<'_>) -> Result<Option<Entry>> {
        let Some(Unchanged { earlier, kept }) = found.earlier else { return Ok(None) };
        let is_long = earlier.object.indirection() > 0;
        if !kept || (is_long && !self.is_kept(&earlier.object).unwrap_or(false)) {
            self.report.repaired += 1; // also where a list can not be read: reading the file mends it
            return Ok(None);
        }
        self.report.cached_files += 1;
        self.report.cached_bytes += earlier.size;
        self.taken_over.0 += 1;
        self.taken_over.1 += earlier.size;
        let entry = entry_of_file(found.name, &found.metadata);
        Ok(Some(Entry { size: earlier.size, object: Some(earlier.object), ..entry }))
    }

    /// Lets the progress know, for many files at once: its counters are shared by all workers.
    fn tell_taken_over(&mut self) {
        let (files, bytes) = std::mem::take(&mut self.taken_over);
        if files > 0 {
            self.run.progress.finish_files(files, bytes, 0);
        }
    }

    fn read_link(&mut self, handle: &dyn SourceDirectory, found: &Found<'_>) -> Result<Option<Item>> {
        let target = match handle.link(found.name) {
            Ok(target) => target,
            Err(error) => return self.failed_file(&found.slice.node, found.path, "read the link", error).map(Some),
        };
        self.batch.set(found.item, Item::Growing(Box::new(Growing::new(entry_of_file(found.name, &found.metadata)))));
        self.put(found.item, &target)?;
        self.run.progress.hash(target.len() as u64);
        self.report.read_links += 1;
        self.report.read_bytes += target.len() as u64;
        self.run.progress.finish_files(1, 0, 0);
        Ok(None)
    }

    fn read_file(&mut self, handle: &dyn SourceDirectory, found: &Found<'_>) -> Result<Option<Item>> {
        self.tell_taken_over();
        let mut file = match handle.open(found.name) {
            Ok(file) => file,
            Err(error) => return self.failed_file(&found.slice.node, found.path, "open", error).map(Some),
        };
        let entry = entry_of_file(found.name, &found.metadata);
        let manner = found.slice.node.policies.child(&entry.name).value().manner(&entry)?;
        match self.read_whole(found.item, &mut *file, (entry, &found.metadata), manner)? {
            Ok(stable) => {
                if !stable {
                    self.report.changed.add(found.path, "it changed while it was read; what was read is stored");
                }
                self.run.progress.finish_files(1, 0, 0);
                Ok(None)
            }
            Err(error) => self.failed_file(&found.slice.node, found.path, "read", error).map(Some),
        }
    }

    /// Begins the upload of a root that is a single file.
    pub(super) fn begin_file(&mut self, metadata: &Metadata) -> Result<()> {
        let failed = |operation| move |source| crate::Error::Io { operation, path: "the root".to_owned(), source };
        self.batch.extend(1);
        self.take_window()?;
        let mut file = self.run.source.root_file().map_err(failed("open"))?;
        let name = self.run.root_place().name;
        let entry = entry_of_file(name.as_bytes(), metadata);
        let manner = self.run.settings.policies.value().manner(&entry)?;
        let stable = self.read_whole(0, &mut *file, (entry, metadata), manner)?.map_err(failed("read"))?;
        if !stable {
            self.report.changed.add(name.as_bytes(), "it changed while it was read; what was read is stored");
        }
        self.note_losses(name.as_bytes(), metadata);
        self.run.progress.finish_files(1, 0, 0);
        self.finish_windows()?;
        for outcome in self.batch.outcomes(0..1, self.run.settings.layout, &mut self.writer)? {
            if let Outcome::Entry(mut entry) = outcome {
                let summary = super::node::summary_of_file(&entry, Time::from_nanos(metadata.modified));
                entry.summary = Some(Box::new(summary));
                self.run.schedule.finish(*entry);
            }
        }
        Ok(())
    }
}

/// The entry of a file or link, without its object.
fn entry_of_file(name: &[u8], metadata: &Metadata) -> Entry {
    let kind = if metadata.kind == Kind::Link { Stored::Symlink } else { Stored::File };
    Entry { name: String::from_utf8_lossy(name).into_owned(), kind, ..entry_of(metadata) }
}
