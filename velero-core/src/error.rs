//! Fatal errors of the pure crate: bad documents, bad requests, hostile archives.
//!
//! Trouble with a single object is never an error but a [`crate::Problem`].

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, for programs that react to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The request (a spec, a policy, a modifier, a name) is not valid.
    Invalid,
    /// Stored bytes are damaged or hostile.
    Corrupt,
    /// A plan no longer fits what it was made for.
    Stale,
    /// Reading or writing local bytes failed.
    Io,
}

/// An operation of this crate that could not be done at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A request is not valid; the messages say why, one fault each.
    #[error("{what} is not valid: {}", faults.join("; "))]
    Invalid {
        /// The document or parameter.
        what: String,
        /// Every fault found, not only the first.
        faults: Vec<String>,
    },
    /// A document does not parse.
    #[error("{what} is not a valid document")]
    Document {
        /// The document, by name or key.
        what: String,
        /// Where the parser stopped.
        source: serde_json::Error,
    },
    /// An archive is damaged or hostile and was refused.
    #[error("archive refused at {entry:?}: {reason}")]
    Archive {
        /// The entry at fault, or a place such as `gzip`.
        entry: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A plan no longer fits the backup or the cluster.
    #[error("the plan is stale: {}", changed.join("; "))]
    Stale {
        /// What changed since the plan was made, one object each.
        changed: Vec<String>,
    },
    /// Reading or writing local bytes failed.
    #[error("{operation} failed")]
    Io {
        /// The operation, with the object it worked on.
        operation: String,
        /// The system's answer.
        source: std::io::Error,
    },
}

impl Error {
    /// A request that is not valid for one reason.
    pub fn invalid(what: impl Into<String>, fault: impl Into<String>) -> Self {
        Error::Invalid { what: what.into(), faults: vec![fault.into()] }
    }

    /// An archive refused at `entry`.
    pub fn archive(entry: impl Into<String>, reason: impl Into<String>) -> Self {
        Error::Archive { entry: entry.into(), reason: reason.into() }
    }

    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Invalid { .. } => ErrorKind::Invalid,
            Error::Document { .. } | Error::Archive { .. } => ErrorKind::Corrupt,
            Error::Stale { .. } => ErrorKind::Stale,
            Error::Io { .. } => ErrorKind::Io,
        }
    }

    /// Whether the same call may succeed when repeated unchanged. Pure code is deterministic, so only
    /// interrupted local input or output qualifies.
    pub fn is_retryable(&self) -> bool {
        matches!(self, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::Interrupted)
    }
}
