//! Whose tree a snapshot is of.

use super::{HOST, PATH, SNAPSHOT, USER, VELERO_NAME, VELERO_UPLOADER, clean};
use crate::repository::gojson::{Extra, document};
use crate::repository::manifest::{Labels, TYPE, labels};
use serde::{Deserialize, Serialize};
use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

/// Where a snapshot was taken. Host, user and path say whether two are the same.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(from = "Document", into = "Document")]
pub struct Source {
    /// Host name.
    pub host: String,
    /// User name.
    pub user: String,
    /// Path on the host, or what stands for it.
    pub path: String,
    /// Fields that this version does not know; they do not make it another source.
    pub extra: Extra,
}

document! {
    /// A source as it is stored.
    pub struct Document {
        /// Host name.
        pub host: String = "host",
        /// User name.
        pub user: String = "userName",
        /// Path.
        pub path: String = "path",
    }
}

impl From<Document> for Source {
    fn from(Document { host, user, path, extra }: Document) -> Self {
        Source { host, user, path, extra }
    }
}

impl From<Source> for Document {
    fn from(Source { host, user, path, extra }: Source) -> Self {
        Document { host, user, path, extra }
    }
}

impl Source {
    /// The source of this path.
    pub fn new(host: impl Into<String>, user: impl Into<String>, path: impl Into<String>) -> Self {
        Source { host: host.into(), user: user.into(), path: path.into(), extra: Extra::default() }
    }

    /// The source of a volume in Velero's repositories: user and host are `default`, the path names requestor and
    /// volume. `real_source` is `<namespace>/<claim>` for the data mover and `<namespace>/<pod>/<volume>` for a backup
    /// of a pod's volume.
    pub fn velero(requestor: &str, real_source: &str) -> Self {
        Source::new(VELERO_NAME, VELERO_NAME, clean(&format!("{requestor}/{VELERO_UPLOADER}/{real_source}")))
    }

    /// The labels by which snapshots of this source are found.
    pub fn labels(&self) -> Labels {
        labels([(TYPE, SNAPSHOT), (HOST, &self.host), (USER, &self.user), (PATH, &self.path)])
    }

    fn key(&self) -> (&str, &str, &str) {
        (&self.host, &self.user, &self.path)
    }
}

impl PartialEq for Source {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Source {}

impl PartialOrd for Source {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Source {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl Hash for Source {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{}@{}:{}", self.user, self.host, self.path)
    }
}
