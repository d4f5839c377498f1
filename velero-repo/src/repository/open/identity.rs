//! Who works with a repository.

use crate::error::{Error, Result};
use std::fmt;

/// A user on a machine, as snapshots and locks name them: `user@host`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// User name, in small letters.
    pub username: String,
    /// Host name, in small letters.
    pub hostname: String,
}

impl Identity {
    /// An identity of its parts.
    pub fn new(username: impl Into<String>, hostname: impl Into<String>) -> Self {
        Identity { username: username.into(), hostname: hostname.into() }
    }

    /// What Velero always is.
    pub fn velero() -> Self {
        Identity::new("default", "default")
    }

    /// This user on this machine, as Kopia would say it; parts that are not known are `unknown`.
    pub fn of_this_process() -> Self {
        let user = ["USER", "LOGNAME", "USERNAME"].iter().find_map(|name| std::env::var(name).ok());
        let host = rustix::system::uname().nodename().to_str().map(str::to_owned).ok();
        let tidy = |text: Option<String>| match text.map(|text| text.trim().to_lowercase()) {
            Some(text) if !text.is_empty() => text,
            _ => "unknown".to_owned(),
        };
        Identity::new(tidy(user), tidy(host))
    }

    /// Reads `user@host`.
    ///
    /// # Errors
    /// Invalid: a part is missing.
    pub fn parse(text: &str) -> Result<Self> {
        match text.split_once('@') {
            Some((user, host)) if !user.is_empty() && !host.is_empty() => Ok(Identity::new(user, host)),
            _ => Err(Error::invalid(format!("identity {text:.80?}"), "it must be user@host")),
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.username, self.hostname)
    }
}
