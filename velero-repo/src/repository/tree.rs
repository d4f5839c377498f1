//! Trees outside: where files come from and where they go.
//!
//! Two ports, both synchronous because plain threads call them, both addressed by paths relative to the root: bytes,
//! separated by `/`, the root itself being empty. A [`Source`] lists directories and reads files; a [`Sink`] creates
//! what a restore brings. [`LocalSource`] and [`LocalSink`] are a directory of this machine, [`Ahead`] is any source that is read before it is asked; a volume at the far end of
//! a stream is another pair, so no signature names a file descriptor. Errors are the system's own: the caller knows
//! which entry it asked for and says so.

mod ahead;
mod entry;
mod local;
mod sink;
#[cfg(test)]
mod tests;

use std::io;

use jiff::Timestamp;

pub use ahead::Ahead;
pub use entry::{Attributes, Kind, Metadata, Refused, Special};
pub use local::{LocalOptions, LocalSource};
pub use sink::LocalSink;

/// A tree that can be read.
pub trait Source: Send + Sync {
    /// Base name of the root, as the snapshot's root entry shows it.
    fn name(&self) -> Vec<u8>;

    /// When the first of its answers were found, if that was before anybody asked. A snapshot begins then.
    fn begun(&self) -> Option<Timestamp> {
        None
    }

    /// What the root is: a directory, or a single file.
    ///
    /// # Errors
    /// The system's, when the root can not be looked at.
    fn root(&self) -> io::Result<Metadata>;

    /// Opens the directory at `path`; never through a link.
    ///
    /// # Errors
    /// The system's, such as `PermissionDenied`.
    fn directory(&self, path: &[u8]) -> io::Result<Box<dyn SourceDirectory>>;

    /// Opens the root where it is a single file.
    ///
    /// # Errors
    /// The system's.
    fn root_file(&self) -> io::Result<Box<dyn SourceFile>>;
}

/// An open directory of a [`Source`]. It may hold a descriptor, so callers keep few of them.
pub trait SourceDirectory: Send {
    /// What the directory itself is.
    ///
    /// # Errors
    /// The system's.
    fn itself(&self) -> io::Result<Metadata>;

    /// Calls `each` with every name but `.` and `..`, in any order, and with the kind where the listing shows it.
    ///
    /// # Errors
    /// The system's; names seen before are then not to be used.
    fn names(&mut self, each: &mut dyn FnMut(&[u8], Option<Kind>)) -> io::Result<()>;

    /// What the entries of these names are, one answer for each name in the same order.
    fn metadata(&self, names: &[&[u8]]) -> Vec<io::Result<Metadata>>;

    /// Opens the file `name` for reading; never through a link.
    ///
    /// # Errors
    /// The system's, such as `PermissionDenied`.
    fn open(&self, name: &[u8]) -> io::Result<Box<dyn SourceFile>>;

    /// Opens the regular file that the link `name` leads to, even outside the tree; only for files with ignore rules.
    ///
    /// # Errors
    /// The system's; `Unsupported` where a source can not follow links, `InvalidInput` where no regular file is at the end.
    fn follow(&self, name: &[u8]) -> io::Result<Box<dyn SourceFile>> {
        let reason = format!("the link {} can not be followed here", String::from_utf8_lossy(name));
        Err(io::Error::new(io::ErrorKind::Unsupported, reason))
    }

    /// The target of the link `name`.
    ///
    /// # Errors
    /// The system's.
    fn link(&self, name: &[u8]) -> io::Result<Vec<u8>>;
}

/// An open file of a [`Source`], read from front to back.
pub trait SourceFile: Send {
    /// Reads the next bytes; 0 at the end.
    ///
    /// # Errors
    /// The system's.
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize>;

    /// Goes on at `offset` bytes from the start.
    ///
    /// # Errors
    /// The system's; a stream refuses.
    fn seek(&mut self, offset: u64) -> io::Result<()>;

    /// Bytes of a hole that begins where the next read would: they are zero and need not be read. 0 when none is known.
    fn hole(&mut self) -> u64 {
        0
    }

    /// Passes `length` bytes of a hole.
    ///
    /// # Errors
    /// The system's; a source that knows no holes refuses.
    fn skip(&mut self, length: u64) -> io::Result<()> {
        Err(io::Error::new(io::ErrorKind::Unsupported, format!("{length} bytes can not be passed")))
    }

    /// What the file is now, to tell whether it changed while it was read.
    ///
    /// # Errors
    /// The system's.
    fn metadata(&self) -> io::Result<Metadata>;
}

/// A place where a tree can be created. Parents exist before children; attributes of a directory are set after its
/// entries are complete. The root is a directory, or a single file whose path is empty.
pub trait Sink: Send + Sync {
    /// Creates a directory that only its owner may enter, and tells whether it is new. One that exists is kept, and made
    /// accessible to its owner.
    ///
    /// # Errors
    /// The system's; `AlreadyExists` where something else has the name.
    fn create_directory(&self, path: &[u8]) -> io::Result<bool>;

    /// Creates a file of `size` zero bytes, which occupy no space until written; 0 where it grows with what is written.
    /// Only the root itself may exist: it is emptied.
    ///
    /// # Errors
    /// The system's; `AlreadyExists` where anything has the name.
    fn create_file(&self, path: &[u8], size: u64) -> io::Result<Box<dyn SinkFile>>;

    /// Creates a symbolic link with this target.
    ///
    /// # Errors
    /// The system's; `AlreadyExists` where anything has the name.
    fn create_link(&self, path: &[u8], target: &[u8]) -> io::Result<()>;

    /// Gives a file or link another name, in one step; a file or link that has it is gone then.
    ///
    /// # Errors
    /// The system's; `IsADirectory` where a directory has the name.
    fn rename(&self, from: &[u8], to: &[u8]) -> io::Result<()>;

    /// Sets owner, mode and time, in this order, of the entry itself, never of what a link points to. All are tried.
    fn set_attributes(&self, path: &[u8], kind: Kind, attributes: &Attributes) -> Refused;

    /// What is at `path`; `None` if nothing is.
    ///
    /// # Errors
    /// The system's.
    fn metadata(&self, path: &[u8]) -> io::Result<Option<Metadata>>;

    /// Names of the directory's entries, in any order.
    ///
    /// # Errors
    /// The system's.
    fn names(&self, path: &[u8]) -> io::Result<Vec<Vec<u8>>>;

    /// Removes one entry; a directory has to be empty.
    ///
    /// # Errors
    /// The system's.
    fn remove(&self, path: &[u8], kind: Kind) -> io::Result<()>;

    /// Returns once everything created so far survives a power cut.
    ///
    /// # Errors
    /// The system's, which include errors of earlier writes.
    fn sync(&self) -> io::Result<()>;
}

/// A file of a [`Sink`] that is being filled, by several threads and in any order.
pub trait SinkFile: Send + Sync {
    /// Writes all `bytes` at `offset`.
    ///
    /// # Errors
    /// The system's.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;

    /// Lets the file system set space aside for all bytes of the file, each of which will be written: it finds it once
    /// instead of for every part. Nothing happens where it can not.
    ///
    /// # Errors
    /// There is not as much space.
    fn reserve(&self) -> io::Result<()> {
        Ok(())
    }

    /// Whether bytes that are never written read as zeros; not so on a device.
    fn is_blank(&self) -> bool;

    /// As [`Sink::set_attributes`], after the last byte was written.
    fn set_attributes(&self, attributes: &Attributes) -> Refused;

    /// Asks, at the very end, whether everything could be written. File systems of a network may only then say that they
    /// are full. What is still in the memory of this machine is not waited for; that is [`Sink::sync`].
    ///
    /// # Errors
    /// The file is not whole.
    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}
