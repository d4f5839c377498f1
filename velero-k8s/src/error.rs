//! Errors of talking to a cluster, offline or live, and of the drivers.

/// Shorthand for results of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What went wrong, for programs that react to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The object or resource does not exist.
    NotFound,
    /// The object exists already.
    AlreadyExists,
    /// The object changed in between, or is in the way of the write.
    Conflict,
    /// The server forbids it, or does not know who asks.
    Denied,
    /// The server refuses the object itself.
    Invalid,
    /// A continue token or resource version is too old.
    Expired,
    /// The server can not be reached or is overloaded.
    Unavailable,
    /// The caller cancelled.
    Cancelled,
    /// The object store or the archive failed; see the source.
    Backend,
    /// None of these.
    Other,
}

/// An operation on a cluster, or a whole run, that failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The API server answered with a failure.
    #[error("{operation} {object}: {reason} ({code}): {message}")]
    Api {
        /// Verb, such as `create`.
        operation: &'static str,
        /// Resource and name.
        object: String,
        /// HTTP status.
        code: u16,
        /// The server's reason, such as `AlreadyExists`.
        reason: String,
        /// The server's message.
        message: String,
        /// The messages of `details.causes`.
        causes: Vec<String>,
    },
    /// The API server could not be asked.
    #[error("{operation} {object}: the API server did not answer")]
    Transport {
        /// Verb.
        operation: &'static str,
        /// Resource and name.
        object: String,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The API server's answer makes no sense.
    #[error("{operation} {object}: the answer is malformed: {reason}")]
    Malformed {
        /// Verb.
        operation: &'static str,
        /// Resource and name.
        object: String,
        /// What is wrong with it.
        reason: String,
    },
    /// No connection could be set up: kubeconfig, context, certificates.
    #[error("connecting to the cluster: {reason}")]
    Connect {
        /// What is wrong, and the fix when it is known.
        reason: String,
    },
    /// An offline cluster's directory could not be read or written.
    #[error("{operation} {path}")]
    Offline {
        /// What was done.
        operation: &'static str,
        /// The file.
        path: String,
        /// What happened.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The run was cancelled.
    #[error("cancelled")]
    Cancelled,
    /// A backup failed, and what was stored of it could not be removed; it is not visible as a backup.
    #[error("backup {name} failed, and what was stored of it could not be removed ({left})")]
    Abandoned {
        /// Name of the backup.
        name: String,
        /// Why the removal failed.
        left: String,
        /// Why the backup failed.
        source: Box<Error>,
    },
    /// A document, plan or archive was refused.
    #[error(transparent)]
    Core(#[from] velero_core::Error),
    /// The object store failed.
    #[error(transparent)]
    Repo(#[from] velero_repo::Error),
}

impl Error {
    /// The class of the error.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Error::Api { code, reason, .. } => match (*code, reason.as_str()) {
                (404, _) => ErrorKind::NotFound,
                (409, "AlreadyExists") => ErrorKind::AlreadyExists,
                (409, _) => ErrorKind::Conflict,
                (401 | 403, _) => ErrorKind::Denied,
                (400 | 422, _) => ErrorKind::Invalid,
                (410, _) => ErrorKind::Expired,
                (429 | 500..=599, _) => ErrorKind::Unavailable,
                _ => ErrorKind::Other,
            },
            Error::Transport { .. } | Error::Connect { .. } => ErrorKind::Unavailable,
            Error::Cancelled => ErrorKind::Cancelled,
            Error::Abandoned { source, .. } => source.kind(),
            Error::Core(_) | Error::Repo(_) | Error::Offline { .. } => ErrorKind::Backend,
            Error::Malformed { .. } => ErrorKind::Other,
        }
    }

    /// Whether a write that failed like this may have been done all the same.
    pub(crate) fn leaves_in_doubt(&self) -> bool {
        self.kind() == ErrorKind::Unavailable || matches!(self, Error::Malformed { .. })
    }

    /// Whether the same call may succeed when repeated.
    pub fn is_retryable(&self) -> bool {
        match self {
            Error::Core(e) => e.is_retryable(),
            Error::Repo(e) => e.is_retryable(),
            Error::Abandoned { source, .. } => source.is_retryable(),
            _ => self.kind() == ErrorKind::Unavailable && !matches!(self, Error::Connect { .. }),
        }
    }
}

/// An error and its causes in one line.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}
