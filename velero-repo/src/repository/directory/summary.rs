//! Sums over a directory and all below it.

use super::{Entry, Kind};
use crate::repository::gojson::{Time, document};

/// Failures that a summary names; more are only counted.
const NAMED_FAILURES: usize = 10;

document! {
    /// An entry that could not be read.
    pub struct Failure {
        /// Path below the root of the snapshot.
        pub path: String = "path",
        /// What went wrong.
        pub error: String = "error",
    }
}

document! {
    /// Sums over a directory and all below it.
    pub struct Summary {
        /// Bytes of all files; links do not count.
        pub size: u64 = "size",
        /// Files.
        pub files: u64 = "files",
        /// Symbolic links.
        pub symlinks: u64 = "symlinks",
        /// Directories, with this one.
        pub dirs: u64 = "dirs",
        /// Latest change of any entry; that of an empty directory itself.
        pub max_time: Time = "maxTime",
        /// Why entries are absent; empty if none is.
        pub incomplete: String = "incomplete" omit,
        /// Entries that could not be read.
        pub failed: u64 = "numFailed",
        /// Entries that could not be read where the policy lets that pass.
        pub ignored_errors: u64 = "numIgnoredErrors" omit,
        /// Some of these entries.
        pub errors: Vec<Failure> = "errors" omit,
    }
}

impl Summary {
    /// Kopia reads all numbers as signed.
    pub(crate) fn fault(&self) -> Option<&'static str> {
        let numbers = [self.size, self.files, self.symlinks, self.dirs, self.failed, self.ignored_errors];
        numbers.iter().any(|number| *number > i64::MAX as u64).then_some("a number of its summary is too large")
    }
}

/// Adds up a summary as Kopia does: times before 1970 count as 1970 where a directory has entries.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    summary: Summary,
    entries: u64,
}

impl Tally {
    /// Counts an entry, and all below it if it is a directory with a summary.
    pub fn add(&mut self, entry: &Entry) {
        let sum = &mut self.summary;
        self.entries += 1;
        sum.max_time = sum.max_time.max(entry.mtime);
        match (&entry.kind, &entry.summary) {
            (Kind::Symlink, _) => sum.symlinks = sum.symlinks.saturating_add(1),
            (Kind::File, _) => {
                sum.files = sum.files.saturating_add(1);
                sum.size = sum.size.saturating_add(entry.size);
            }
            (Kind::Directory, Some(below)) => {
                sum.size = sum.size.saturating_add(below.size);
                sum.files = sum.files.saturating_add(below.files);
                sum.symlinks = sum.symlinks.saturating_add(below.symlinks);
                sum.dirs = sum.dirs.saturating_add(below.dirs);
                sum.max_time = sum.max_time.max(below.max_time);
                sum.failed = sum.failed.saturating_add(below.failed);
                sum.ignored_errors = sum.ignored_errors.saturating_add(below.ignored_errors);
                below.errors.iter().for_each(|failure| name(&mut sum.errors, failure.clone()));
            }
            (Kind::Directory, None) | (Kind::Other(_), _) => {}
        }
    }

    /// Counts an entry that could not be read; `ignored` where the policy lets that pass.
    pub fn fail(&mut self, path: &str, error: &str, ignored: bool) {
        let count = if ignored { &mut self.summary.ignored_errors } else { &mut self.summary.failed };
        *count = count.saturating_add(1);
        name(&mut self.summary.errors, Failure { path: path.into(), error: error.into(), ..Failure::default() });
    }

    /// The sums of the directory, which was changed at `mtime` itself. `incomplete` says why entries are absent.
    pub fn finish(mut self, mtime: Time, incomplete: &str) -> Summary {
        self.summary.dirs = self.summary.dirs.saturating_add(1);
        self.summary.incomplete = incomplete.to_owned();
        if self.entries == 0 {
            self.summary.max_time = mtime;
        }
        self.summary
    }
}

/// Keeps the first failures by path.
fn name(errors: &mut Vec<Failure>, failure: Failure) {
    let at = errors.partition_point(|known| known.path <= failure.path);
    if at < NAMED_FAILURES {
        errors.insert(at, failure);
        errors.truncate(NAMED_FAILURES);
    }
}
