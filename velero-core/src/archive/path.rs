//! Names of the entries in Velero's tarball (spec 2.2, 2.4), and nothing else: text in, text out.
//!
//! Writing refuses names that would change the shape of the tree (`/`, NUL, `..`). Reading is stricter about paths that
//! leave the archive, and lenient about files it does not know: those are classified, so that the caller can note them.

use crate::error::{Error, Result};
use crate::resource::{GroupResource, ItemId};

/// The format that the archive's first entry and `status.formatVersion` name.
pub const FORMAT_VERSION: &str = "1.1.0";

/// The first entry.
pub(super) const VERSION_PATH: &str = "metadata/version";

/// Longest path an entry may have: names of 4096 bytes fit with their directories.
pub(super) const LONGEST_PATH: usize = 16 << 10;

const PREFERRED: &str = "-preferredversion";

/// The path of an object: `resources/<resource>/[<version>/](cluster|namespaces/<namespace>)/<name>.json`, where
/// `version` is the name of a version directory, empty for the unversioned tree.
pub fn object_path(id: &ItemId, version: &str) -> String {
    let ItemId { resource, namespace, name } = id;
    let slash = if version.is_empty() { "" } else { "/" };
    if namespace.is_empty() {
        format!("resources/{resource}{slash}{version}/cluster/{name}.json")
    } else {
        format!("resources/{resource}{slash}{version}/namespaces/{namespace}/{name}.json")
    }
}

/// The name of the directory that holds the objects of `version`.
pub(super) fn version_directory(version: &str, preferred: bool) -> String {
    if preferred { format!("{version}{PREFERRED}") } else { version.to_owned() }
}

/// Refuses to write an object whose names are no single path segments.
pub(crate) fn check_writable(id: &ItemId, version: &str) -> Result<()> {
    let resource = id.resource.to_string();
    let segment = |s: &str| !s.is_empty() && s != "." && s != ".." && !s.contains(['/', '\0']);
    let named = !id.name.is_empty() && !id.name.contains(['/', '\0']);
    let scoped = id.namespace.is_empty() || segment(&id.namespace);
    let long = resource.len() + version.len() + id.namespace.len() + id.name.len() + 64 > LONGEST_PATH;
    if segment(&resource) && segment(version) && scoped && named && !long {
        return Ok(());
    }
    Err(Error::invalid(format!("{id} at version {version:?}"), "its names do not make a path of the archive"))
}

/// What an entry is, by its path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// `metadata/version`.
    Version,
    /// An object of the unversioned tree.
    Object {
        /// Everything before the last `/`; the same for all objects of one resource and namespace.
        directory: &'a str,
        /// Text of the resource directory.
        resource: &'a str,
        /// Namespace, empty for cluster-scoped objects.
        namespace: &'a str,
        /// Name without `.json`.
        name: &'a str,
    },
    /// A copy of an object under a version directory.
    Versioned {
        /// Everything before the last `/`.
        directory: &'a str,
        /// Text of the resource directory.
        resource: &'a str,
        /// Version without suffix.
        version: &'a str,
        /// Whether the source cluster preferred this version.
        preferred: bool,
        /// Namespace, empty for cluster-scoped objects.
        namespace: &'a str,
        /// Name without `.json`.
        name: &'a str,
    },
    /// None of these.
    Unknown,
}

/// Refuses paths that are no plain relative ones; returns the path without a leading `./` and a trailing `/`.
pub(super) fn check_readable(bytes: &[u8]) -> Result<&str> {
    let refuse = |reason: &str| Err(Error::archive(shorten(&String::from_utf8_lossy(bytes)), reason));
    if bytes.len() > LONGEST_PATH {
        return refuse("the path is too long");
    }
    let Ok(path) = std::str::from_utf8(bytes) else {
        return refuse("the path is not UTF-8");
    };
    if path.starts_with('/') {
        return refuse("the path is absolute");
    }
    if path.contains('\0') {
        return refuse("the path holds a NUL");
    }
    let path = path.strip_prefix("./").unwrap_or(path);
    let path = path.strip_suffix('/').unwrap_or(path);
    if path.split('/').any(|segment| segment == "..") {
        return refuse("the path leaves the archive");
    }
    if path.split('/').any(|segment| segment.is_empty() || segment == ".") && !matches!(path, "" | ".") {
        return refuse("the path has an empty segment");
    }
    Ok(path)
}

/// Classifies a path that [`check_readable`] let pass.
pub(super) fn classify(path: &str) -> Place<'_> {
    if path == VERSION_PATH {
        return Place::Version;
    }
    let Some((directory, file)) = path.rsplit_once('/') else { return Place::Unknown };
    let Some(name) = file.strip_suffix(".json").filter(|name| !name.is_empty()) else { return Place::Unknown };
    let segments: [Option<&str>; 6] = {
        let mut split = directory.split('/');
        std::array::from_fn(|_| split.next())
    };
    let object = |resource, namespace| match GroupResource::parse(resource).to_string() == resource {
        true => Place::Object { directory, resource, namespace, name },
        false => Place::Unknown,
    };
    match segments {
        [Some("resources"), Some(resource), Some("cluster"), None, ..] => object(resource, ""),
        [Some("resources"), Some(resource), Some("namespaces"), Some(namespace), None, _] => {
            object(resource, namespace)
        }
        [Some("resources"), Some(resource), Some(version), Some("cluster"), None, _] => {
            versioned(directory, resource, version, "", name)
        }
        [Some("resources"), Some(resource), Some(version), Some("namespaces"), Some(namespace), None] => {
            versioned(directory, resource, version, namespace, name)
        }
        _ => Place::Unknown,
    }
}

/// A copy in a directory `version`, which may end in the mark of the preferred one.
fn versioned<'a>(
    directory: &'a str,
    resource: &'a str,
    version: &'a str,
    namespace: &'a str,
    name: &'a str,
) -> Place<'a> {
    let bare = version.strip_suffix(PREFERRED);
    let (preferred, version) = (bare.is_some(), bare.unwrap_or(version));
    Place::Versioned { directory, resource, version, preferred, namespace, name }
}

/// A path short enough for an error message.
pub(super) fn shorten(path: &str) -> String {
    match path.char_indices().nth(300) {
        Some((end, _)) => format!("{}…", &path[..end]),
        None => path.to_owned(),
    }
}
