//! Entries of snapshots as lines and documents show them.

use crate::output::{printable, time};
use serde::Serialize;
use velero_repo::repository::directory::{Entry, Kind};
use velero_repo::repository::gojson::Time;
use velero_repo::repository::object::ObjectId;

/// One entry.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EntryDocument {
    path: String,
    #[serde(rename = "type")]
    kind: &'static str,
    /// Permissions in octal digits.
    mode: String,
    uid: u32,
    gid: u32,
    /// Bytes of a file, of a link's target, or of all files below a directory.
    size: u64,
    modified: Time,
    object: Option<ObjectId>,
}

impl EntryDocument {
    /// The entry at `path`.
    pub fn new(path: impl Into<String>, entry: &Entry) -> EntryDocument {
        let kind = match entry.kind {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::Symlink => "link",
            Kind::Other(_) => "unknown",
        };
        EntryDocument {
            path: path.into(),
            kind,
            mode: format!("{:04o}", entry.mode.posix()),
            uid: entry.uid,
            gid: entry.gid,
            size: entry.summary.as_ref().map_or(entry.size, |summary| summary.size),
            modified: entry.mtime,
            object: entry.object,
        }
    }

    /// The path as a line shows it: a slash behind directories, nothing that a terminal would act on.
    pub fn shown(&self) -> String {
        format!("{}{}", printable(&self.path), if self.kind == "directory" { "/" } else { "" })
    }

    /// `0644    1000:1000         42 2026-01-02 03:04:05 +0000 UTC readme`.
    pub fn line(&self) -> String {
        let owner = format!("{}:{}", self.uid, self.gid);
        let modified = time::absolute(Some(&self.modified.timestamp().to_string()), "");
        format!("{} {owner:>12} {:>14} {modified} {}", self.mode, self.size, self.shown())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_a_terminal_would_act_on_are_escaped() {
        let entry = Entry { kind: Kind::Directory, ..Entry::default() };
        assert_eq!(EntryDocument::new("a/b", &entry).shown(), "a/b/");
        assert_eq!(EntryDocument::new("a\u{1b}[2J\n", &Entry::default()).shown(), "a\\u{1b}[2J\\n");
    }
}
