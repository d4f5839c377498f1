//! Ignore rules: which files of a tree are not read.
//!
//! Comes in: the `files` part of a policy, the bytes of dot files, a path below the root with its kind and size. Goes
//! out: a decision with its reason. Nothing is read here. The grammar is Kopia's, which is that of `.gitignore` but
//! for a few points: spaces in front do not count, `^` does not negate a class, a `#` begins a comment only in the
//! first column of a dot file. Refused: rules that are not rules (an open class, a backslash at the end), as Kopia
//! refuses them; a rule that is taken for another one would leave out the wrong files.
//!
//! Rules of a directory count for all below it, later rules and those of deeper directories win. Matching takes time
//! in proportion to the lengths of rule and path, whatever the rule.

mod pattern;

use crate::error::{Error, Result};
use crate::repository::policy::Files;
use pattern::Pattern;
use std::sync::Arc;

/// The file that marks a directory as a cache.
pub const CACHE_MARKER: &str = "CACHEDIR.TAG";
/// How that file begins.
pub const CACHE_SIGNATURE: &[u8] = b"Signature: 8a477f597d28d172789f06886806bc55";

/// What happens to an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decision {
    /// It is read.
    Keep,
    /// It is left out.
    Skip(Reason),
}

/// Why an entry is left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reason {
    /// This rule says so.
    Rule(Arc<str>),
    /// The file is larger than so many bytes.
    TooLarge(u64),
}

/// The rules that count in a directory; cheap to clone.
#[derive(Clone, Debug)]
pub struct Rules(Arc<Level>);

#[derive(Debug)]
struct Level {
    above: Option<Rules>,
    /// Characters of the path of this directory, with a slash in front; none for the root.
    depth: usize,
    patterns: Vec<Pattern>,
    dot_files: Vec<String>,
    max_size: Option<u64>,
    ignore_caches: bool,
    one_file_system: bool,
}

impl Rules {
    /// The rules of the root, by its effective policy and the dot files that lie in it: their bytes, in the order of
    /// [`Files::dot_ignore_files`].
    ///
    /// # Errors
    /// Invalid: a rule that is not a rule.
    pub fn root(files: &Files, dot_files: &[&[u8]]) -> Result<Self> {
        let blank = Level {
            above: None,
            depth: 0,
            patterns: Vec::new(),
            dot_files: Vec::new(),
            max_size: None,
            ignore_caches: true,
            one_file_system: false,
        };
        Rules(Arc::new(blank)).enter("", Some(files), dot_files)
    }

    /// The rules of the directory `path` (relative to the root, without slashes at its ends), with the policy that is
    /// defined for just this directory and the bytes of the dot files that lie in it.
    ///
    /// As in Kopia such a policy stands alone: names of dot files, caches and devices are as it says, and where it says
    /// nothing, as Kopia takes it for unset: no dot files, caches empty, other devices too. Only the rules and the size
    /// limit from above go on counting. Kopia reads `noParentIgnore` and then applies the rules from above all the same;
    /// here they do not count.
    ///
    /// # Errors
    /// Invalid: a rule that is not a rule.
    pub fn enter(&self, path: &str, own: Option<&Files>, dot_files: &[&[u8]]) -> Result<Self> {
        if own.is_none() && dot_files.is_empty() {
            return Ok(self.clone());
        }
        let invalid = |reason: String| Error::invalid(format!("ignore rules of {path:?}"), reason);
        let mut level = Level {
            above: own.is_none_or(|own| !own.no_parent_ignore).then(|| self.clone()),
            depth: if path.is_empty() { 0 } else { 1 + path.chars().count() },
            patterns: Vec::new(),
            dot_files: self.0.dot_files.clone(),
            max_size: self.0.max_size,
            ignore_caches: self.0.ignore_caches,
            one_file_system: self.0.one_file_system,
        };
        if let Some(own) = own {
            level.adopt(own).map_err(invalid)?;
        }
        for bytes in dot_files {
            for line in String::from_utf8_lossy(bytes).lines().filter(|line| is_rule(line)) {
                level.patterns.push(Pattern::parse(line).map_err(invalid)?);
            }
        }
        Ok(Rules(Arc::new(level)))
    }

    /// Names of the files in which rules may lie.
    pub fn dot_files(&self) -> &[String] {
        &self.0.dot_files
    }

    /// Whether entries on other devices than their directory's are left out.
    pub fn one_file_system(&self) -> bool {
        self.0.one_file_system
    }

    /// Whether a directory whose [`CACHE_MARKER`] begins with `marker` is stored empty, as Kopia does it: the
    /// directory stays, what is in it is left out.
    pub fn is_cache(&self, marker: &[u8]) -> bool {
        self.0.ignore_caches && marker.starts_with(CACHE_SIGNATURE)
    }

    /// What happens to the entry `path` (relative to the root, below the directory of these rules). `size` is in
    /// bytes and counts for files only.
    pub fn decide(&self, path: &str, is_directory: bool, size: u64) -> Decision {
        let mut next = Some(self).filter(|rules| rules.has_patterns());
        let whole: Vec<char> = next.iter().flat_map(|_| std::iter::once('/').chain(path.chars())).collect();
        while let Some(Rules(level)) = next {
            let below = whole.get(level.depth..).unwrap_or_default();
            let matching = level.patterns.iter().rev().find(|pattern| pattern.matches(below, is_directory));
            match matching {
                Some(pattern) if pattern.negated => break,
                Some(pattern) => return Decision::Skip(Reason::Rule(pattern.text.clone())),
                None => next = level.above.as_ref(),
            }
        }
        match self.0.max_size {
            Some(most) if !is_directory && size > most => Decision::Skip(Reason::TooLarge(most)),
            _ => Decision::Keep,
        }
    }
}

impl Rules {
    /// Whether any path has to be matched; most trees have no rules, and millions of entries.
    fn has_patterns(&self) -> bool {
        !self.0.patterns.is_empty() || self.0.above.as_ref().is_some_and(Rules::has_patterns)
    }
}

impl Level {
    fn adopt(&mut self, own: &Files) -> Result<(), String> {
        self.dot_files.clear();
        for name in &own.dot_ignore_files {
            if !self.dot_files.contains(name) {
                self.dot_files.push(name.clone());
            }
        }
        self.max_size = u64::try_from(own.max_file_size).ok().filter(|size| *size > 0).or(self.max_size);
        self.ignore_caches = own.ignore_cache_dirs.unwrap_or(true);
        self.one_file_system = own.one_file_system.unwrap_or(false);
        for rule in &own.ignore {
            self.patterns.push(Pattern::parse(rule)?);
        }
        Ok(())
    }
}

/// Whether a line of a dot file is neither blank nor a comment.
fn is_rule(line: &str) -> bool {
    !line.starts_with('#') && !line.trim().is_empty()
}

#[cfg(test)]
mod tests;
