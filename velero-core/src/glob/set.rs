//! A sorted set of globs, of which any may match.

use super::Glob;
use std::collections::BTreeSet;

/// Patterns in sorted order. As in Velero a malformed pattern ends the search: patterns that sort behind it never
/// match; [`GlobSet::malformed`] names it so that the caller can say so.
#[derive(Clone, Debug, Default)]
pub struct GlobSet {
    patterns: BTreeSet<String>,
    globs: Vec<(String, Glob)>,
    malformed: Option<String>,
}

impl GlobSet {
    /// The set of `patterns`.
    pub fn new<S: Into<String>>(patterns: impl IntoIterator<Item = S>) -> Self {
        GlobSet { patterns: patterns.into_iter().map(Into::into).collect(), ..GlobSet::default() }.compiled()
    }

    /// Adds one pattern.
    pub fn insert(&mut self, pattern: impl Into<String>) {
        self.patterns.insert(pattern.into());
        *self = std::mem::take(self).compiled();
    }

    fn compiled(mut self) -> Self {
        self.globs.clear();
        self.malformed = None;
        for pattern in &self.patterns {
            match Glob::new(pattern) {
                Ok(glob) if pattern.contains(['*', '?', '[', '{', '\\']) => self.globs.push((pattern.clone(), glob)),
                Ok(_) => {}
                Err(_) => {
                    self.malformed = Some(pattern.clone());
                    break;
                }
            }
        }
        self
    }

    /// The pattern that matches `text`, if any.
    pub fn find(&self, text: &str) -> Option<&str> {
        let in_reach = |pattern: &&String| self.malformed.as_ref().is_none_or(|end| *pattern < end);
        let literal = self.patterns.get(text).filter(in_reach).filter(|p| !p.contains(['*', '?', '[', '{', '\\']));
        let by_glob = || self.globs.iter().find(|(_, glob)| glob.matches(text)).map(|(pattern, _)| pattern.as_str());
        literal.map(String::as_str).or_else(by_glob)
    }

    /// Whether any pattern matches `text`.
    pub fn matches(&self, text: &str) -> bool {
        self.find(text).is_some()
    }

    /// Whether the set holds exactly this pattern.
    pub fn contains(&self, pattern: &str) -> bool {
        self.patterns.contains(pattern)
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// How many patterns it holds.
    pub fn len(&self) -> usize {
        self.patterns.len()
    }

    /// The patterns, sorted.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().map(String::as_str)
    }

    /// The first pattern that is malformed; it and those behind it never match.
    pub fn malformed(&self) -> Option<&str> {
        self.malformed.as_deref()
    }
}
