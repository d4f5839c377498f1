//! Velero's tarball: entry names, the writer and the reader of untrusted archives (spec 2).
//!
//! Comes in: objects as bytes with their [`ItemId`](crate::ItemId), or an archive of anybody's making. Goes out: a
//! gzip-compressed tar that every gzip and tar reader accepts, or a [`Spool`] that hands back each object. The reader
//! refuses what could lie about its content (damage, truncation, paths that leave the archive, links, two different
//! bodies under one name, sizes beyond [`Limits`]); it ignores, but notes, what is merely unknown. Whether a body is
//! good JSON is not looked at here: the restore reports that object by object.

mod path;
mod reader;
mod spool;
mod writer;

pub(crate) use path::check_writable;
pub use path::{FORMAT_VERSION, object_path};
pub use reader::Limits;
pub use spool::Spool;
pub use writer::{DEFAULT_LEVEL, Writer, WriterOptions, WriterStats};

#[cfg(test)]
mod tests;
