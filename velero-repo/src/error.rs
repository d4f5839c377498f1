//! Errors of the object store and of what it holds.

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, for programs that react to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The object, backup or bucket does not exist.
    NotFound,
    /// The backup exists already.
    AlreadyExists,
    /// The store forbids it, or does not know who asks.
    Denied,
    /// Stored bytes are not what was written.
    Corrupt,
    /// The request (address, name, option) is not valid.
    Invalid,
    /// The store can not be reached, or stalls.
    Unavailable,
    /// It was called off.
    Cancelled,
    /// None of these.
    Other,
}

/// An operation on the object store that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store's address, an option or a name is not valid.
    #[error("{what}: {reason}")]
    Invalid {
        /// The address, option or name.
        what: String,
        /// What is wrong with it, and the fix when it is known.
        reason: String,
    },
    /// The store failed.
    #[error("{operation} {key}")]
    Store {
        /// What was done, such as `read`.
        operation: &'static str,
        /// The object key.
        key: String,
        /// The store's answer.
        source: Box<opendal::Error>,
    },
    /// A backup, restore or repository of that name exists already; nothing was written.
    #[error("{what} exists already")]
    Exists {
        /// What is there, such as `backup web-1`.
        what: String,
    },
    /// There is no such backup, restore or document.
    #[error("{what} does not exist")]
    Missing {
        /// What was looked for.
        what: String,
    },
    /// Who asks is not allowed to, such as with a wrong password.
    #[error("{what}: {reason}")]
    Denied {
        /// What was asked for.
        what: String,
        /// Why it is refused.
        reason: String,
    },
    /// Somebody holds it for now; the same call succeeds later.
    #[error("{what}: {reason}")]
    Locked {
        /// What is held.
        what: String,
        /// By whom, and why.
        reason: String,
    },
    /// Stored bytes are damaged, or larger than allowed.
    #[error("{key} is damaged: {reason}")]
    Corrupt {
        /// The object key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Storing a backup failed, and what was stored of it could not be removed.
    #[error("storing backup {name} failed, and it could not be removed ({left})")]
    Abandoned {
        /// Name of the backup.
        name: String,
        /// Why the removal failed.
        left: String,
        /// Why storing failed.
        source: Box<Error>,
    },
    /// It was called off.
    #[error("{what} was cancelled")]
    Cancelled {
        /// What was called off.
        what: String,
    },
    /// One entry of a tree could not be restored.
    #[error("{operation} {path:?}")]
    Entry {
        /// What was done.
        operation: &'static str,
        /// Its path below the root of the tree.
        path: String,
        /// Why it failed.
        source: Box<Error>,
    },
    /// A writing session has failed, and with it all that goes on in it.
    #[error("the writing session has failed")]
    Ended {
        /// The failure that ended it.
        source: std::sync::Arc<Error>,
    },
    /// Local input or output failed.
    #[error("{operation} {path}")]
    Io {
        /// What was done.
        operation: &'static str,
        /// The file or stream.
        path: String,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl Error {
    /// A failure of the store during `operation` on `key`.
    pub(crate) fn store(operation: &'static str, key: impl Into<String>) -> impl FnOnce(opendal::Error) -> Self {
        let key = key.into();
        move |source| Error::Store { operation, key, source: Box::new(source) }
    }

    /// Stored bytes under `key` are damaged.
    pub(crate) fn corrupt(key: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Corrupt { key: key.into(), reason: reason.into() }
    }

    /// A request of somebody who may not ask for `what`.
    pub(crate) fn denied(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Denied { what: what.into(), reason: reason.into() }
    }

    /// A request for `what` while somebody else holds it.
    pub(crate) fn locked(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Locked { what: what.into(), reason: reason.into() }
    }

    /// A request that is not valid.
    pub(crate) fn invalid(what: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Invalid { what: what.into(), reason: reason.into() }
    }

    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Invalid { .. } => ErrorKind::Invalid,
            Error::Exists { .. } => ErrorKind::AlreadyExists,
            Error::Missing { .. } => ErrorKind::NotFound,
            Error::Denied { .. } => ErrorKind::Denied,
            Error::Locked { .. } => ErrorKind::Unavailable,
            Error::Corrupt { .. } => ErrorKind::Corrupt,
            Error::Abandoned { source, .. } => source.kind(),
            Error::Ended { source } => source.kind(),
            Error::Entry { source, .. } => source.kind(),
            Error::Cancelled { .. } => ErrorKind::Cancelled,
            Error::Io { source, .. } if source.kind() == std::io::ErrorKind::PermissionDenied => ErrorKind::Denied,
            Error::Io { .. } => ErrorKind::Other,
            Error::Store { source, .. } => match source.kind() {
                opendal::ErrorKind::NotFound => ErrorKind::NotFound,
                opendal::ErrorKind::PermissionDenied => ErrorKind::Denied,
                opendal::ErrorKind::ConfigInvalid => ErrorKind::Invalid,
                opendal::ErrorKind::RateLimited => ErrorKind::Unavailable,
                _ if source.is_temporary() || source.is_persistent() => ErrorKind::Unavailable,
                _ => ErrorKind::Other,
            },
        }
    }

    /// Whether it says something of the store rather than of what is stored: nothing can be said of that then.
    pub(crate) fn is_of_store(&self) -> bool {
        matches!(self.kind(), ErrorKind::Unavailable | ErrorKind::Denied | ErrorKind::Cancelled)
    }

    /// Whether the same call may succeed when repeated.
    pub fn is_retryable(&self) -> bool {
        self.kind() == ErrorKind::Unavailable
    }
}
