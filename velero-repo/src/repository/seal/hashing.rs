//! The keyed hashes that give contents their identity, by their stored names.
//!
//! The hash covers plain bytes, before compression and encryption. `-128` cuts a digest of 32 bytes to 16 (which for
//! BLAKE2b is another value than a digest asked for with 16), except for BLAKE2s, which has no such form.

use std::ops::Deref;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Sha224, Sha256};
use sha3::{Sha3_224, Sha3_256};
use zeroize::Zeroizing;

use crate::repository::format::{FORMAT_BLOB, Key};
use crate::repository::lanes;
use crate::{Error, Result};

/// Where a shorter secret is stretched, and its purpose, as BLAKE3 wants it.
const BLAKE3_CONTEXT: &str = "kopia blake3 derived key v1";

/// A hash of 16 to 32 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Hash {
    bytes: [u8; 32],
    length: usize,
}

impl Hash {
    /// The first `length` bytes of a digest; digests here have 16 to 64 bytes.
    fn cut(digest: &[u8], length: usize) -> Self {
        let mut bytes = [0; 32];
        let length = length.min(digest.len()).min(bytes.len());
        bytes[..length].copy_from_slice(&digest[..length]); // bounded by both in the line above
        Self { bytes, length }
    }

    /// The last 16 bytes, under which contents and blobs are sealed.
    pub fn iv(&self) -> [u8; 16] {
        let mut iv = [0; 16];
        iv.copy_from_slice(&self[self.length - 16..]); // every algorithm yields 16 bytes or more
        iv
    }
}

impl Deref for Hash {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.length] // at most 32, by construction
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.iter().try_for_each(|byte| write!(out, "{byte:02x}"))
    }
}

/// One of the algorithms with its key.
pub(super) struct Hasher {
    algorithm: Algorithm,
    length: usize,
}

enum Algorithm {
    Blake2b(Zeroizing<Vec<u8>>),
    Blake2s(Zeroizing<Vec<u8>>),
    Blake3(Zeroizing<[u8; 32]>),
    HmacSha224(Hmac<Sha224>),
    HmacSha256(Hmac<Sha256>),
    HmacSha3_224(Hmac<Sha3_224>),
    HmacSha3_256(Hmac<Sha3_256>),
}

impl Hasher {
    /// The algorithm of a stored name with the repository's secret.
    pub(super) fn new(name: &str, secret: &Key) -> Result<Self> {
        let key = secret.bytes();
        let (algorithm, length) = match name {
            "BLAKE2B-256-128" => (Algorithm::Blake2b(up_to(64, name, key)?), 16),
            "BLAKE2B-256" => (Algorithm::Blake2b(up_to(64, name, key)?), 32),
            "BLAKE2S-128" if key.is_empty() => return Err(bad_secret(name)),
            "BLAKE2S-128" => (Algorithm::Blake2s(up_to(32, name, key)?), 16),
            "BLAKE2S-256" => (Algorithm::Blake2s(up_to(32, name, key)?), 32),
            "BLAKE3-256" => (Algorithm::Blake3(blake3_key(key)), 32),
            "BLAKE3-256-128" => (Algorithm::Blake3(blake3_key(key)), 16),
            "HMAC-SHA256" => (Algorithm::HmacSha256(keyed(name, key)?), 32),
            "HMAC-SHA256-128" => (Algorithm::HmacSha256(keyed(name, key)?), 16),
            "HMAC-SHA224" => (Algorithm::HmacSha224(keyed(name, key)?), 28),
            "HMAC-SHA3-224" => (Algorithm::HmacSha3_224(keyed(name, key)?), 28),
            "HMAC-SHA3-256" => (Algorithm::HmacSha3_256(keyed(name, key)?), 32),
            _ => {
                return Err(Error::invalid(FORMAT_BLOB, format!("the hash {name:?} is not known to this version")));
            }
        };
        Ok(Self { algorithm, length })
    }

    pub(super) fn hash(&self, plain: &[u8]) -> Hash {
        match &self.algorithm {
            Algorithm::Blake2b(key) => {
                self.cut(blake2b_simd::Params::new().hash_length(32).key(key).hash(plain).as_bytes())
            }
            Algorithm::Blake2s(key) => {
                self.cut(blake2s_simd::Params::new().hash_length(self.length).key(key).hash(plain).as_bytes())
            }
            Algorithm::Blake3(key) => self.cut(blake3::keyed_hash(key, plain).as_bytes()),
            Algorithm::HmacSha224(mac) => self.cut(&mac.clone().chain_update(plain).finalize().into_bytes()),
            Algorithm::HmacSha256(mac) => self.cut(&mac.clone().chain_update(plain).finalize().into_bytes()),
            Algorithm::HmacSha3_224(mac) => self.cut(&mac.clone().chain_update(plain).finalize().into_bytes()),
            Algorithm::HmacSha3_256(mac) => self.cut(&mac.clone().chain_update(plain).finalize().into_bytes()),
        }
    }

    /// Hashes in the order of `plains`; BLAKE2b takes several at a time.
    pub(super) fn hash_many(&self, plains: &[&[u8]]) -> Vec<Hash> {
        let Algorithm::Blake2b(key) = &self.algorithm else {
            return plains.iter().map(|plain| self.hash(plain)).collect();
        };
        lanes::hash_many(key, 32, plains).iter().map(|digest| self.cut(digest)).collect()
    }

    fn cut(&self, digest: &[u8]) -> Hash {
        Hash::cut(digest, self.length)
    }
}

/// The secret, where the algorithm takes no longer one than `most` bytes.
fn up_to(most: usize, name: &str, key: &[u8]) -> Result<Zeroizing<Vec<u8>>> {
    if key.len() <= most { Ok(Zeroizing::new(key.to_vec())) } else { Err(bad_secret(name)) }
}

/// The first 32 bytes of a secret; a shorter one is stretched.
fn blake3_key(key: &[u8]) -> Zeroizing<[u8; 32]> {
    Zeroizing::new(key.first_chunk().copied().unwrap_or_else(|| blake3::derive_key(BLAKE3_CONTEXT, key)))
}

fn keyed<M: KeyInit>(name: &str, key: &[u8]) -> Result<M> {
    M::new_from_slice(key).map_err(|_| bad_secret(name))
}

fn bad_secret(name: &str) -> Error {
    Error::invalid(FORMAT_BLOB, format!("the hash {name} can not take a secret of that length"))
}
