//! What earlier snapshots know about a directory, read alongside the directory itself.
//!
//! Comes in: directory objects of earlier snapshots; names in the order in which directories are written. Goes out: what
//! each name was. An object is read chunk by chunk and entry by entry, so a directory of a million entries costs one
//! chunk of memory. An object that can not be read, or whose entries are out of order, gives no answer for the rest: the
//! files are then read again, which costs time and loses nothing.

use std::borrow::Cow;
use std::collections::VecDeque;

use bytes::Bytes;
use serde::Deserialize;

use crate::repository::directory::canonical::{self, Plain};
use crate::repository::directory::{Kind, Mode};
use crate::repository::gojson::Time;
use crate::repository::object::ObjectId;
use crate::repository::tree::{self, Metadata};
use crate::{Error, Result};

/// How every directory object of Kopia, of any version, begins.
const OPENING: &[u8] = b"{\"stream\":\"kopia:directory\",\"entries\":[";

/// Reads objects, for threads that wait.
pub(super) trait Objects {
    /// The bytes of an object that is one content.
    fn chunk(&self, object: &ObjectId) -> Result<Bytes>;
    /// The objects of one content each of which an object consists.
    fn parts(&self, object: &ObjectId) -> Result<Vec<ObjectId>>;
}

/// What an entry was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Earlier {
    pub(super) kind: Kind,
    pub(super) mode: Mode,
    pub(super) size: u64,
    pub(super) mtime: Time,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) object: ObjectId,
}

impl Earlier {
    /// Whether nothing about the entry has changed. Kopia asks the same; the size of a stream is not known before it is
    /// read.
    pub(super) fn is_unchanged(&self, now: &Metadata) -> bool {
        let kind = match now.kind {
            tree::Kind::File | tree::Kind::Stream => Kind::File,
            tree::Kind::Link => Kind::Symlink,
            tree::Kind::Directory | tree::Kind::Special(_) => return false,
        };
        self.kind == kind
            && !now.time_clamped
            && self.mtime == Time::from_nanos(now.modified)
            && self.mode == Mode::from_posix(now.mode)
            && (self.uid, self.gid) == (now.uid, now.gid)
            && (self.size == now.size || now.kind == tree::Kind::Stream)
    }
}

/// An entry as it lies in a directory object.
#[derive(Deserialize)]
struct Stored<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
    #[serde(rename = "type", default)]
    kind: Kind,
    #[serde(default)]
    mode: Mode,
    #[serde(default)]
    size: u64,
    #[serde(default)]
    mtime: Time,
    #[serde(default)]
    uid: u32,
    #[serde(default)]
    gid: u32,
    #[serde(rename = "obj")]
    object: ObjectId,
}

/// The entries of one earlier directory, in its order.
#[derive(Debug, Default)]
pub(super) struct EarlierDirectory {
    /// All of it, if it is one content as it stands.
    whole: Option<Whole>,
    rest: VecDeque<ObjectId>,
    text: Bytes,
    at: usize,
    /// The next entry, and its name.
    next: Option<Earlier>,
    name: String,
}

/// A directory object that is one content.
#[derive(Clone, Debug)]
pub(super) struct Whole {
    pub(super) object: ObjectId,
    pub(super) text: Bytes,
}

impl EarlierDirectory {
    /// Begins to read a directory object.
    ///
    /// # Errors
    /// The object can not be read, or is no directory.
    pub(super) fn open(object: ObjectId, objects: &dyn Objects) -> Result<EarlierDirectory> {
        let rest = objects.parts(&object)?.into();
        let mut directory = EarlierDirectory { rest, ..EarlierDirectory::default() };
        while directory.text.len() < OPENING.len() && directory.more(objects)? {}
        let is_whole = object.indirection() == 0 && !object.compressed();
        directory.whole = is_whole.then(|| Whole { object, text: directory.text.clone() });
        if directory.text.starts_with(OPENING) {
            directory.at = OPENING.len();
            directory.advance(objects)?;
        } else {
            directory.rest.clear(); // an empty one says `null`; anything else has nothing to offer
        }
        Ok(directory)
    }

    /// All of it, if it is one content; asked for before the first name.
    pub(super) fn whole(&mut self) -> Option<Whole> {
        self.whole.take()
    }

    /// What `name` was, if names are asked for in the order in which directories are written.
    pub(super) fn find(&mut self, directory: bool, name: &[u8], objects: &dyn Objects) -> Result<Option<Earlier>> {
        loop {
            let Some(earlier) = &self.next else { return Ok(None) };
            let key = (earlier.kind != Kind::Directory, self.name.as_bytes());
            match key.cmp(&(!directory, name)) {
                std::cmp::Ordering::Less => self.advance(objects)?,
                std::cmp::Ordering::Equal => {
                    let found = self.next.take();
                    self.advance(objects)?;
                    return Ok(found);
                }
                std::cmp::Ordering::Greater => return Ok(None),
            }
        }
    }

    /// Gets the next chunk behind what is left of the text.
    fn more(&mut self, objects: &dyn Objects) -> Result<bool> {
        let Some(chunk) = self.rest.pop_front() else { return Ok(false) };
        let bytes = objects.chunk(&chunk)?;
        self.text = match &self.text[self.at..] {
            [] => bytes,
            begun => [begun, &bytes[..]].concat().into(),
        };
        self.at = 0;
        Ok(true)
    }

    fn advance(&mut self, objects: &dyn Objects) -> Result<()> {
        self.next = None;
        loop {
            match self.parse()? {
                Step::Entry(earlier) => {
                    self.next = Some(earlier);
                    return Ok(());
                }
                Step::End => {
                    *self = EarlierDirectory::default();
                    return Ok(());
                }
                Step::Short if self.more(objects)? => {}
                Step::Short => return Err(Error::corrupt("an earlier directory", "it ends too early")),
            }
        }
    }

    /// One entry from the text, if it is there whole.
    fn parse(&mut self) -> Result<Step> {
        let rest = &self.text[self.at..]; // `at` never passes the end
        let skip = match rest.first() {
            None => return Ok(Step::Short),
            Some(b']') => return Ok(Step::End),
            Some(b',') => 1,
            Some(_) => 0,
        };
        if let Some((Plain { name, kind, mode, size, mtime, uid, gid, object }, length)) =
            canonical::read(&rest[skip..])
        {
            self.name.clear();
            self.name.push_str(name);
            self.at += skip + length;
            return Ok(Step::Entry(Earlier { kind, mode, size, mtime, uid, gid, object }));
        }
        let mut values = serde_json::Deserializer::from_slice(&rest[skip..]).into_iter::<Stored<'_>>();
        match values.next() {
            Some(Ok(stored)) => {
                let Stored { name, kind, mode, size, mtime, uid, gid, object } = stored;
                self.name = name.into_owned();
                self.at += skip + values.byte_offset();
                Ok(Step::Entry(Earlier { kind, mode, size, mtime, uid, gid, object }))
            }
            Some(Err(error)) if !error.is_eof() => Err(Error::corrupt("an earlier directory", error.to_string())),
            Some(Err(_)) | None => Ok(Step::Short),
        }
    }
}

/// Begins to read all of these directories; those that can not be read are left out.
pub(super) fn open_all(earlier: &[ObjectId], objects: &dyn Objects) -> Vec<EarlierDirectory> {
    let open = |object: &ObjectId| match EarlierDirectory::open(*object, objects) {
        Ok(directory) => Some(directory),
        Err(error) => {
            tracing::warn!(%object, %error, "an earlier directory can not be read; its files are read anew");
            None
        }
    };
    earlier.iter().filter_map(open).collect()
}

enum Step {
    Entry(Earlier),
    End,
    Short,
}
