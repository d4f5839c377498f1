//! The names of a directory that were seen, so that none occurs twice.
//!
//! Kopia writes directories first and sorts both groups by name, so that a name can only occur twice if the order is
//! broken or the name is in both groups. While the order holds, a name costs the eight bytes of a keyed hash that is not
//! looked at, or 16 in a map if it is a directory's; afterwards all are looked up. That two names of a directory out of
//! order share a hash by chance happens once in 30 million directories of a million entries.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

/// The names of one directory.
#[derive(Default)]
pub(super) struct Names {
    keys: [RandomState; 2],
    /// The last one, and whether it was that of a directory.
    last: Option<(bool, String)>,
    /// Two hashes each.
    directories: HashMap<u64, u64>,
    others: Vec<u64>,
    /// All of them, as soon as the order is broken.
    seen: Option<HashSet<u64>>,
}

impl Names {
    /// Whether the name is new.
    pub(super) fn insert(&mut self, directory: bool, name: &str) -> bool {
        let hash = self.keys[0].hash_one(name);
        if let Some(seen) = &mut self.seen {
            return seen.insert(hash);
        }
        let ascends = self.last.as_ref().is_none_or(|(before, last)| match (before, directory) {
            (true, false) => true,
            (false, true) => false,
            _ => last.as_str() < name,
        });
        if !ascends {
            let seen = self.seen.insert(std::mem::take(&mut self.others).into_iter().collect());
            seen.extend(std::mem::take(&mut self.directories).into_keys());
            return seen.insert(hash);
        }
        if !directory && self.directories.get(&hash).is_some_and(|other| *other == self.keys[1].hash_one(name)) {
            return false;
        }
        let (before, last) = self.last.get_or_insert_default();
        *before = directory;
        last.clear();
        last.push_str(name);
        match directory {
            true => drop(self.directories.insert(hash, self.keys[1].hash_one(name))),
            false => self.others.push(hash),
        }
        true
    }
}
