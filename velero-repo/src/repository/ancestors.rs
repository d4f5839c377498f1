//! The directories above the one that is looked at, so that one that contains itself is refused instead of followed
//! without end.
//!
//! Comes in: directories, depth first. No honest writer makes such a one, because an identity is the hash of what it
//! names. But who reads does not hash, and who has the password can store anything under any identity.

use crate::error::{Error, Result};

/// The way to the directory that is looked at.
pub(super) struct Ancestors<T>(Vec<T>);

impl<T: PartialEq> Ancestors<T> {
    /// Before the first directory.
    pub(super) fn none() -> Self {
        Ancestors(Vec::new())
    }

    /// Goes into a directory at `path`, this many levels below the first one.
    ///
    /// # Errors
    /// Corrupt: it is one of those above it.
    pub(super) fn enter(&mut self, depth: usize, directory: T, path: &str) -> Result<()> {
        self.0.truncate(depth);
        if self.0.contains(&directory) {
            return Err(Error::corrupt(format!("directory {path:?}"), "it contains itself"));
        }
        self.0.push(directory);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
