//! From a password to the key of the format blob.
//!
//! The cost parameters belong to the algorithm's name, so a hostile blob can not ask for more memory or time than the
//! two named derivations take (scrypt: 64 MiB). A salt below 16 bytes is refused, as Kopia refuses it.

use std::fmt;

use sha2::Sha256;
use zeroize::Zeroizing;

use super::key::{KEY_LENGTH, Key};
use super::{FORMAT_BLOB, scrypt};
use crate::{Error, Result};

/// The shortest salt that is taken, bytes.
const MIN_SALT: usize = 16;

/// The password of a repository. Wiped when dropped; `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// A password as the user typed it; its UTF-8 bytes count.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Password(..)")
    }
}

/// How a password becomes a key.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum KeyDerivation {
    /// scrypt with N = 65536, r = 8, p = 1; Kopia's default.
    #[default]
    Scrypt,
    /// PBKDF2-HMAC-SHA256 with 600000 rounds.
    Pbkdf2,
}

impl KeyDerivation {
    /// The algorithm of a stored name.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming an unknown one.
    pub fn by_name(name: &str) -> Result<Self> {
        [Self::Scrypt, Self::Pbkdf2].into_iter().find(|one| one.name() == name).ok_or_else(|| {
            Error::invalid(FORMAT_BLOB, format!("the key derivation {name:?} is not known to this version"))
        })
    }

    /// The name that the format blob stores.
    pub fn name(self) -> &'static str {
        match self {
            Self::Scrypt => "scrypt-65536-8-1",
            Self::Pbkdf2 => "pbkdf2-sha256-600000",
        }
    }

    /// The key of the format blob: 32 bytes. Takes about 0.1 s; scrypt also 64 MiB for that time.
    pub(crate) fn derive(self, password: &Password, salt: &[u8]) -> Result<Key> {
        if salt.len() < MIN_SALT {
            return Err(Error::corrupt(FORMAT_BLOB, format!("its uniqueID has {} bytes, below 16", salt.len())));
        }
        let mut derived = Zeroizing::new(vec![0; KEY_LENGTH]);
        match self {
            Self::Scrypt => scrypt::derive(password.0.as_bytes(), salt, &mut derived)?,
            Self::Pbkdf2 => pbkdf2::pbkdf2_hmac::<Sha256>(password.0.as_bytes(), salt, 600_000, &mut derived),
        }
        Ok(Key::new(std::mem::take(&mut *derived)))
    }
}
