//! Directory objects: entries, sums, and the checks that keep names harmless.
//!
//! Comes in: entries in order; the bytes of a directory object. Goes out: the bytes that Kopia would write; entries,
//! one after the other. Refused: names that lead elsewhere (`..`, `/`), are empty, hold a NUL or occur twice, because
//! Kopia checks none of this and a restore uses them as paths; entries out of order, because their bytes would not be
//! those of Kopia. A refused entry does not hide the ones behind it.
//!
//! Memory: the piece of the object that is being read, one entry, and 8 bytes for every name that was seen, 16 for those
//! of directories.

pub(crate) mod canonical;
mod mode;
mod names;
pub(crate) mod parser;
mod reader;
mod summary;
mod writer;

use crate::error::{Error, Result};
use crate::repository::gojson::{Extra, Time, Unset, document};
use crate::repository::object::ObjectId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use mode::Mode;
pub use reader::Reader;
pub use summary::{Failure, Summary, Tally};
pub use writer::Writer;

/// What `stream` says in every directory object.
const STREAM: &str = "kopia:directory";

/// The longest directory object that is written and read, bytes: some twenty million entries.
pub(crate) const LONGEST_DIRECTORY: u64 = 4 << 30;

/// What an entry is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; its object holds the target.
    Symlink,
    /// Something this version does not know. Empty: the entry did not say.
    Other(Box<str>),
}

impl Kind {
    /// The letter in documents.
    pub fn as_str(&self) -> &str {
        match self {
            Kind::File => "f",
            Kind::Directory => "d",
            Kind::Symlink => "s",
            Kind::Other(letter) => letter,
        }
    }
}

impl Default for Kind {
    fn default() -> Self {
        Kind::Other("".into())
    }
}

impl Unset for Kind {
    fn is_unset(&self) -> bool {
        self.as_str().is_empty()
    }
}

impl Serialize for Kind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Kind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Letter;
        impl serde::de::Visitor<'_> for Letter {
            type Value = Kind;
            fn expecting(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
                f.write_str("a type of entry")
            }
            fn visit_str<E>(self, letter: &str) -> Result<Kind, E> {
                Ok(match letter {
                    "f" => Kind::File,
                    "d" => Kind::Directory,
                    "s" => Kind::Symlink,
                    other => Kind::Other(other.into()),
                })
            }
        }
        deserializer.deserialize_str(Letter)
    }
}

document! {
    /// One entry of a directory, or the root of a snapshot.
    pub struct Entry {
        /// Base name.
        pub name: String = "name" omit,
        /// What it is.
        pub kind: Kind = "type" omit,
        /// Permissions.
        pub mode: Mode = "mode" omit,
        /// Bytes of a file or of a link's target; 0 for directories.
        pub size: u64 = "size" omit,
        /// When it was changed.
        pub mtime: Time = "mtime" omit,
        /// Numeric owner.
        pub uid: u32 = "uid" omit,
        /// Numeric group.
        pub gid: u32 = "gid" omit,
        /// What it holds. Always present in a valid entry.
        pub object: Option<ObjectId> = "obj",
        /// Sums of a directory.
        pub summary: Option<Box<Summary>> = "summ" omit,
    }
}

impl Entry {
    /// Whether it is a directory.
    pub fn is_directory(&self) -> bool {
        self.kind == Kind::Directory
    }

    /// What it holds.
    ///
    /// # Errors
    /// Corrupt: the entry names no object.
    pub fn object(&self) -> Result<ObjectId> {
        self.object.ok_or_else(|| Error::corrupt(format!("entry {:?}", self.name), "it names no object"))
    }

    /// What is wrong with the entry beside its name, if anything: what Kopia could not read back, or not restore.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        match () {
            () if self.object.is_none() => Some("it names no object"),
            () if self.size > i64::MAX as u64 => Some("its size is not a size"),
            () => self.summary.as_ref().and_then(|summary| summary.fault()),
        }
    }
}

/// What a directory object stands for, which decides about the names in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A tree of files: names are base names.
    Tree,
    /// A block device: one file whose name is the path of the device. That name must never be used as a path.
    Device,
}

impl Shape {
    /// What is wrong with the name of an entry, if anything.
    fn fault(self, entry: &Entry) -> Option<&'static str> {
        let name = entry.name.as_str();
        match self {
            _ if name.is_empty() => Some("its name is empty"),
            _ if name.contains('\0') => Some("its name holds a NUL"),
            Shape::Device if entry.kind != Kind::File => Some("a device is one file"),
            Shape::Device => None,
            Shape::Tree if matches!(name, "." | "..") => Some("its name leads elsewhere"),
            Shape::Tree if name.contains('/') => Some("its name is a path"),
            Shape::Tree => None,
        }
    }
}

/// What follows the entries of a directory.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tail {
    /// Sums over the entries and all below them.
    pub summary: Option<Box<Summary>>,
    /// Fields of the directory that this version does not know.
    pub extra: Extra,
}

impl From<Summary> for Tail {
    fn from(summary: Summary) -> Self {
        Tail { summary: Some(Box::new(summary)), extra: Extra::default() }
    }
}

#[cfg(test)]
mod tests;
