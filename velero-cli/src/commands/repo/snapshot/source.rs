//! Sources of snapshots as the command line names them: `user@host:/path`.

use crate::exit::usage;
use anyhow::Context as _;
use std::path::{Component, Path, PathBuf};
use velero_repo::repository::open::Identity;
use velero_repo::repository::snapshot::Source;

/// Reads `USER@HOST:PATH`. Slashes behind the path mean nothing.
pub fn parse(text: &str) -> Result<Source, String> {
    let refusal = || format!("{text:?} is not of the form USER@HOST:PATH");
    let (user, rest) = text.split_once('@').ok_or_else(refusal)?;
    let (host, path) = rest.split_once(':').ok_or_else(refusal)?;
    if user.is_empty() || host.is_empty() || path.is_empty() {
        return Err(refusal());
    }
    Ok(Source::new(host, user, without_slashes(path)))
}

/// A path without slashes at its end; the root stays one.
fn without_slashes(path: &str) -> &str {
    match path.trim_end_matches('/') {
        "" => "/",
        rest => rest,
    }
}

/// Which sources are listed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    user: String,
    host: String,
    path: Option<String>,
}

impl Filter {
    /// Reads `USER@HOST:PATH`, or `USER@HOST` for all paths.
    pub fn parse(text: &str) -> Result<Filter, String> {
        if let Ok(Source { user, host, path, .. }) = parse(text) {
            return Ok(Filter { user, host, path: Some(path) });
        }
        match text.split_once('@') {
            Some((user, host)) if !user.is_empty() && !host.is_empty() && !host.contains(':') => {
                Ok(Filter { user: user.into(), host: host.into(), path: None })
            }
            _ => Err(format!("{text:?} is not of the form USER@HOST:PATH or USER@HOST")),
        }
    }

    /// Whether `source` is wanted.
    pub fn matches(&self, source: &Source) -> bool {
        source.user == self.user
            && source.host == self.host
            && self.path.as_ref().is_none_or(|path| path == without_slashes(&source.path))
    }
}

/// The source of a tree of this machine: its absolute path, without following links, as kopia names it.
pub fn of_path(path: &Path, identity: &Identity) -> anyhow::Result<Source> {
    let absolute = std::path::absolute(path).with_context(|| format!("resolving {}", path.display()))?;
    let mut clean = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => drop(clean.pop()),
            Component::CurDir => {}
            other => clean.push(other),
        }
    }
    let path = clean.into_os_string().into_string().map_err(|path| {
        usage(format!("the path {} is not UTF-8; name the source with --source USER@HOST:PATH", path.display()))
    })?;
    Ok(Source::new(&identity.hostname, &identity.username, path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_have_a_user_a_host_and_a_path() {
        let source = parse("me@host:/a:b@c").unwrap();
        assert_eq!((source.user.as_str(), source.host.as_str(), source.path.as_str()), ("me", "host", "/a:b@c"));
        for text in ["", "/a", "me@host", "@host:/a", "me@:/a", "me@host:"] {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn slashes_at_the_end_of_a_path_mean_nothing() {
        for (text, path) in [("me@host:/a/", "/a"), ("me@host:/a//", "/a"), ("me@host:/", "/"), ("me@host:b/", "b")] {
            assert_eq!(parse(text).unwrap().path, path, "{text}");
        }
        for stored in ["/a", "/a/"] {
            let source = Source::new("host", "me", stored);
            let found = ["me@host:/a", "me@host:/a/"].map(|text| Filter::parse(text).unwrap().matches(&source));
            assert_eq!(found, [true, true], "{stored}");
        }
    }

    #[test]
    fn a_filter_without_a_path_takes_all_paths() {
        let source = parse("me@host:/a").unwrap();
        for (text, expected) in [("me@host", true), ("me@host:/a", true), ("me@host:/b", false), ("you@host", false)] {
            assert_eq!(Filter::parse(text).unwrap().matches(&source), expected, "{text}");
        }
        assert!(Filter::parse("me@host:").is_err());
    }

    #[test]
    fn paths_are_absolute_and_without_detours() {
        let source = of_path(Path::new("/a/./b/../c//d/"), &Identity::new("me", "host")).unwrap();
        assert_eq!(source.to_string(), "me@host:/a/c/d");
    }
}
