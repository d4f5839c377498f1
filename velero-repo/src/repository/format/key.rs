//! Keys derived from the password and from the master key.
//!
//! Comes in: secret bytes and the salt of the repository. Goes out: a [`Key`], which is wiped when dropped and never
//! printed. Every derivation is HKDF-SHA256 with 32 bytes of output; Kopia takes the repository's identity as salt and
//! the purpose as info, except for contents, where the purpose is the salt and the info is empty.

use std::fmt;

use aes_gcm::Aes256Gcm;
use aes_gcm::aead::{Aead, KeyInit, Payload};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::super::seal::random;

/// Length of every derived key, bytes.
pub(crate) const KEY_LENGTH: usize = 32;
/// Length of a nonce of AES-GCM, bytes.
const NONCE_LENGTH: usize = 12;

/// A secret of the repository. Wiped when dropped; `Debug` does not print it.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<Vec<u8>>);

impl Key {
    /// A key of these bytes.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// 32 fresh random bytes.
    pub(crate) fn generate() -> Self {
        Self::new(random::<KEY_LENGTH>())
    }

    /// No key, as for repositories without a hash key.
    pub(crate) fn empty() -> Self {
        Self::new([])
    }

    /// Whether there is no key.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes, for the algorithm that needs them.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// HKDF-SHA256 of this key, 32 bytes.
    pub(crate) fn derive(&self, salt: &[u8], info: &[u8]) -> Key {
        let mut derived = Zeroizing::new(vec![0; KEY_LENGTH]);
        let expanded = Hkdf::<Sha256>::new(Some(salt), &self.0).expand(info, &mut derived);
        assert!(expanded.is_ok(), "32 bytes are within the 8160 that HKDF-SHA256 yields");
        Key(derived)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Key(..)")
    }
}

/// AES-256-GCM with a fixed key and fixed associated data, as Kopia seals its few small blobs: the nonce comes first.
pub(crate) struct BlobCipher {
    cipher: Aes256Gcm,
    associated: Zeroizing<Vec<u8>>,
}

impl BlobCipher {
    /// A cipher of `key`, which has 32 bytes; `None` when it has another length.
    pub(crate) fn new(key: &Key, associated: &[u8]) -> Option<Self> {
        let cipher = Aes256Gcm::new_from_slice(key.bytes()).ok()?;
        Some(Self { cipher, associated: Zeroizing::new(associated.to_vec()) })
    }

    /// Nonce, ciphertext and tag of `plain`; `None` only beyond the 64 GiB that AES-GCM can take.
    pub(crate) fn seal(&self, plain: &[u8]) -> Option<Vec<u8>> {
        self.seal_with(random(), plain)
    }

    /// The same under a given nonce.
    pub(crate) fn seal_with(&self, nonce: [u8; NONCE_LENGTH], plain: &[u8]) -> Option<Vec<u8>> {
        let sealed = self.cipher.encrypt(&nonce.into(), Payload { msg: plain, aad: &self.associated }).ok()?;
        Some([&nonce[..], &sealed].concat())
    }

    /// What was sealed, or `None` when the key is another or a bit has changed.
    pub(crate) fn open(&self, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE_LENGTH>()?;
        let plain = self.cipher.decrypt(&(*nonce).into(), Payload { msg: sealed, aad: &self.associated }).ok()?;
        Some(Zeroizing::new(plain))
    }
}
