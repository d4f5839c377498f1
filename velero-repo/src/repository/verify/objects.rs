//! Objects are followed down to their contents: marked, looked up, measured. Only lists and directories are read,
//! these content by content.

use super::marks::Marks;
use crate::error::{Error, Result};
use crate::repository::content::ContentId;
use crate::repository::directory::{Entry, LONGEST_DIRECTORY, Reader, Shape, Tail};
use crate::repository::index::View;
use crate::repository::object::{IndirectEntry, LONGEST_LIST, ObjectId, parse_list};
use crate::repository::open::{Repository, expand};
use bytes::{Bytes, BytesMut};
use std::cell::Cell;

/// What is wrong with an object.
#[derive(Debug)]
pub(crate) enum Problem {
    /// No index has this content.
    Unindexed(ContentId),
    /// The content with this ordinal is known to be damaged.
    Damaged(usize),
    /// The content with this ordinal can not be read; not known before.
    Unreadable(usize, Error),
    /// It is not what it should be.
    Malformed(String, String),
    /// It has another length than whoever uses it says.
    Length(String, String),
    /// The content with this ordinal is marked as deleted, and still there.
    Pending(usize),
}

impl Problem {
    /// The object `id` is not what it should be.
    pub(crate) fn malformed(id: &ObjectId, reason: impl Into<String>) -> Self {
        Problem::Malformed(format!("object {id}"), reason.into())
    }

    /// As an error about `what`.
    pub(crate) fn into_error(self, what: &str) -> Error {
        match self {
            Problem::Unindexed(content) => Error::corrupt(what, format!("content {content} is in no index")),
            Problem::Damaged(_) => Error::corrupt(what, "a content of it is damaged"),
            Problem::Unreadable(_, error) if error.is_of_store() => error,
            Problem::Unreadable(_, error) => Error::corrupt(what, error.to_string()),
            Problem::Malformed(object, reason) | Problem::Length(object, reason) => {
                Error::corrupt(what, format!("{object}: {reason}"))
            }
            Problem::Pending(_) => Error::corrupt(what, "a content of it is marked as deleted"),
        }
    }
}

/// Follows objects in one view of the index. For plain threads.
pub(crate) struct Objects<'a> {
    pub(crate) repository: &'a Repository,
    pub(crate) view: &'a View,
    /// Contents that were met, by ordinal.
    pub(crate) used: &'a Marks,
    /// Contents that are known to be damaged.
    pub(crate) bad: &'a Marks,
    /// Lists without a problem that were followed already.
    pub(crate) lists: &'a Marks,
    /// Whether it is a problem that a content is marked as deleted, or that one that is read has another hash than its
    /// identity says.
    pub(crate) verifies: bool,
}

impl Objects<'_> {
    /// Marks every content of an object, which should have `length` bytes, without reading the contents themselves.
    pub(crate) fn check(&self, id: &ObjectId, length: Option<u64>, problems: &mut Vec<Problem>) {
        let Some(list) = id.list() else { return self.leaf(id, length, problems) };
        let ordinal = self.view.ordinal(&id.content());
        if id.indirection() == 1 && ordinal.is_some_and(|ordinal| self.lists.has(ordinal)) {
            return;
        }
        let before = problems.len();
        problems.extend(self.is_pending(id).map(Problem::Pending));
        match self.parts(id, &list) {
            Ok(parts) => {
                let sum = end(&parts);
                if let Some(length) = length.filter(|length| *length != sum) {
                    problems.push(Problem::Length(
                        format!("object {id}"),
                        format!("it has {sum} bytes instead of {length}"),
                    ));
                }
                // Deeper ones were refused: this ends.
                parts.iter().for_each(|part| self.check(&part.object, Some(part.length), problems));
            }
            Err(problem) => problems.push(problem),
        }
        if let Some(ordinal) = ordinal.filter(|_| problems.len() == before) {
            self.lists.set(ordinal);
        }
    }

    fn leaf(&self, id: &ObjectId, length: Option<u64>, problems: &mut Vec<Problem>) {
        let Some((ordinal, row)) = self.view.find(&id.content()) else {
            return problems.push(Problem::Unindexed(id.content()));
        };
        self.used.set(ordinal);
        if self.bad.has(ordinal) {
            problems.push(Problem::Damaged(ordinal));
        }
        if self.verifies && row.deleted {
            problems.push(Problem::Pending(ordinal));
        }
        // Index version 1 implies the length, wrongly where error correction adds to it; compressed objects are longer.
        let parameters = &self.repository.format().parameters;
        let known = !id.compressed() && (parameters.index_version > 1 || !parameters.has_ecc());
        let found = u64::from(row.original_length);
        if let Some(length) = length.filter(|length| known && *length != found) {
            problems.push(Problem::Length(format!("object {id}"), format!("it has {found} bytes instead of {length}")));
        }
    }

    /// Whether a content of a directory or list is marked as deleted.
    pub(crate) fn is_pending(&self, id: &ObjectId) -> Option<usize> {
        let found = self.view.find(&id.content()).filter(|(_, row)| self.verifies && row.deleted);
        found.map(|(ordinal, _)| ordinal)
    }

    /// Calls `each` with every entry of a directory, and with what is wrong with it; its contents are marked, and one of
    /// them is held at a time. Hands out what follows the entries, if the end was reached.
    pub(crate) fn directory(
        &self,
        id: &ObjectId,
        shape: Shape,
        mut each: impl FnMut(Result<Entry, Problem>),
    ) -> Option<Tail> {
        let leaves = match self.leaves(id) {
            Ok(leaves) => leaves,
            Err(problem) => {
                each(Err(problem));
                return None;
            }
        };
        let failed = Cell::new(None);
        let pieces = leaves.into_iter().map(|leaf| {
            self.piece(id, &leaf).map_err(|problem| {
                failed.set(Some(problem));
                Error::corrupt(format!("object {id}"), "a content of it can not be read")
            })
        });
        let wrong = |error: Error| failed.take().unwrap_or_else(|| Problem::malformed(id, error.to_string()));
        let mut reader = Reader::of_pieces(id, pieces, shape).map_err(|error| each(Err(wrong(error)))).ok()?;
        let mut sound = true;
        for entry in reader.by_ref() {
            sound &= entry.is_ok();
            each(entry.map_err(wrong));
        }
        match reader.finish() {
            Ok(tail) => Some(tail),
            Err(error) => {
                if sound {
                    each(Err(wrong(error)));
                }
                None
            }
        }
    }

    /// The contents that an object consists of, with their lengths where a list says them.
    fn leaves(&self, id: &ObjectId) -> Result<Vec<(ObjectId, Option<u64>)>, Problem> {
        let Some(list) = id.list() else { return Ok(vec![(*id, None)]) };
        let parts = self.parts(id, &list)?;
        if end(&parts) > LONGEST_DIRECTORY {
            return Err(Problem::malformed(id, format!("it has more than {LONGEST_DIRECTORY} bytes")));
        }
        let mut leaves = Vec::new();
        for part in parts {
            match part.object.list() {
                None => leaves.push((part.object, Some(part.length))),
                Some(_) => {
                    let below = self.leaves(&part.object)?;
                    let length = below.iter().filter_map(|(_, length)| *length).sum::<u64>();
                    if length != part.length {
                        return Err(other_length(id, &part.object, length, part.length));
                    }
                    leaves.extend(below);
                }
            }
        }
        Ok(leaves)
    }

    /// The bytes of one of the contents of the object `id`.
    fn piece(&self, id: &ObjectId, (leaf, length): &(ObjectId, Option<u64>)) -> Result<Bytes, Problem> {
        let bytes = self.read_leaf(leaf)?;
        match length.filter(|length| *length != bytes.len() as u64) {
            Some(length) => Err(other_length(id, leaf, bytes.len() as u64, length)),
            None => Ok(bytes),
        }
    }

    /// The whole of an object; its contents are marked.
    pub(crate) fn read(&self, id: &ObjectId) -> Result<Bytes, Problem> {
        let Some(list) = id.list() else { return self.read_leaf(id) };
        let parts = self.parts(id, &list)?;
        if end(&parts) > LONGEST_LIST {
            return Err(Problem::malformed(id, format!("it has more than {LONGEST_LIST} bytes")));
        }
        let mut all = BytesMut::new();
        for part in &parts {
            let bytes = self.read(&part.object)?;
            if bytes.len() as u64 != part.length {
                return Err(other_length(id, &part.object, bytes.len() as u64, part.length));
            }
            all.extend_from_slice(&bytes);
        }
        Ok(all.freeze())
    }

    /// The entries of a list, none of which is nested as deep as the list itself.
    fn parts(&self, id: &ObjectId, list: &ObjectId) -> Result<Vec<IndirectEntry>, Problem> {
        let bytes = self.read(list)?;
        let parts = parse_list(id, &bytes).map_err(|error| Problem::malformed(id, error.to_string()))?;
        match parts.iter().any(|part| part.object.indirection() >= id.indirection()) {
            true => Err(Problem::malformed(id, "its list holds an object as deep as itself")),
            false => Ok(parts),
        }
    }

    fn read_leaf(&self, id: &ObjectId) -> Result<Bytes, Problem> {
        let content = id.content();
        let ordinal = self.view.ordinal(&content).ok_or(Problem::Unindexed(content))?;
        self.used.set(ordinal);
        if self.bad.has(ordinal) {
            return Err(Problem::Damaged(ordinal));
        }
        let unreadable = |error| Problem::Unreadable(ordinal, error);
        let bytes = self.repository.read_content_blocking(&content).map_err(unreadable)?;
        if self.verifies && !self.repository.is_own(&content, &bytes) {
            return Err(unreadable(Error::corrupt(format!("content {content}"), "it has another hash")));
        }
        match id.compressed() {
            true => expand(id, &bytes, LONGEST_LIST).map_err(unreadable),
            false => Ok(bytes),
        }
    }
}

fn other_length(id: &ObjectId, part: &ObjectId, length: u64, said: u64) -> Problem {
    Problem::malformed(id, format!("{part} has {length} bytes, and its list says {said}"))
}

/// Bytes of the object that the parts make up.
fn end(parts: &[IndirectEntry]) -> u64 {
    parts.last().map_or(0, |last| last.start.saturating_add(last.length))
}
