//! Who works with a repository.

use crate::error::{Error, Result};
use std::fmt;

/// A user on a machine, as snapshots and locks name them: `user@host`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// User name.
    pub username: String,
    /// Host name.
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

    /// This user on this machine, as Kopia says it: the name in the system's database of users, else of the variable
    /// `USER`, else `nobody`; the name of the machine in small letters up to its first dot, else `nohost`.
    pub fn of_this_process() -> Self {
        let user = nix::unistd::User::from_uid(nix::unistd::getuid()).ok().flatten().map(|user| user.name);
        Identity::as_kopia(user, std::env::var("USER").ok(), rustix::system::uname().nodename().to_str().ok())
    }

    fn as_kopia(known: Option<String>, variable: Option<String>, machine: Option<&str>) -> Self {
        let user = known.into_iter().chain(variable).find(|name| !name.is_empty());
        let host = machine.and_then(|name| name.split('.').next()).filter(|name| !name.is_empty());
        let host = host.map_or_else(|| "nohost".to_owned(), str::to_lowercase);
        Identity::new(user.unwrap_or_else(|| "nobody".to_owned()), host)
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

#[cfg(test)]
mod tests {
    use super::Identity;

    #[test]
    fn this_process_is_called_as_kopia_calls_it() {
        for (known, variable, machine, expected) in [
            (Some("Root"), Some("other"), Some("Web-1.example.COM"), "Root@web-1"),
            (None, Some("somebody"), Some("web"), "somebody@web"),
            (Some(""), None, Some(""), "nobody@nohost"),
            (None, Some(""), None, "nobody@nohost"),
            (None, None, Some(".local"), "nobody@nohost"),
        ] {
            let made = Identity::as_kopia(known.map(str::to_owned), variable.map(str::to_owned), machine);
            assert_eq!(made.to_string(), expected);
        }
    }

    #[test]
    fn the_user_is_known_without_any_variable() {
        let id = std::process::Command::new("id").arg("-un").output().unwrap();
        assert_eq!(Identity::of_this_process().username, String::from_utf8(id.stdout).unwrap().trim());
    }
}
