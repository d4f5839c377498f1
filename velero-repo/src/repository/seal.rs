//! Plain bytes become sealed bytes and back: hash, encryption, error correction, compression, by their stored names.
//!
//! ```text
//! sealed  nonce (12) | ciphertext | tag (16)      wrapped in shards where the repository has error correction
//! ```
//!
//! Comes in: plain bytes and an `iv`, which is the end of their hash. Goes out: sealed bytes, under a key of their own
//! (HMAC-SHA256 of the `iv`), with the `iv` as associated data and a random nonce. Refused: sealed bytes of which a
//! single bit changed, unless error correction repairs them; algorithms that this version does not know, by name.
//! Nothing here waits or knows a store.

pub mod compression;
mod ecc;
mod encryption;
mod hashing;
mod s2;

use std::ops::Range;
use std::sync::Arc;

use bytes::{Buf, Bytes, BytesMut};

pub use hashing::Hash;

use super::content::ContentId;
use super::format::Parameters;
use crate::{Error, Result};
use ecc::Ecc;
use encryption::{BLOCK_LENGTH, Cipher, NONCE_LENGTH, TAG_LENGTH};
use hashing::Hasher;

/// Seals and opens the contents and blobs of one repository. Cheap to clone; shared by all threads.
#[derive(Clone)]
pub struct Seal(Arc<Inner>);

struct Inner {
    hasher: Hasher,
    cipher: Cipher,
    ecc: Option<Ecc>,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str("Seal(..)")
    }
}

impl Seal {
    /// The algorithms that the format blob names.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming an algorithm that is not known, or that can not take the stored key.
    pub fn new(parameters: &Parameters) -> Result<Self> {
        let ecc = match parameters.has_ecc() {
            true => Some(Ecc::new(&parameters.ecc, parameters.ecc_overhead_percent)?),
            false => None,
        };
        Ok(Self(Arc::new(Inner {
            hasher: Hasher::new(&parameters.hash, &parameters.secret)?,
            cipher: Cipher::new(&parameters.encryption, &parameters.master_key)?,
            ecc,
        })))
    }

    /// The keyed hash of plain bytes.
    pub fn hash(&self, plain: &[u8]) -> Hash {
        self.0.hasher.hash(plain)
    }

    /// The identity of a content. `prefix` is `None`, or a letter from `g` to `z`; any other is left out.
    pub fn content_id(&self, prefix: Option<u8>, plain: &[u8]) -> ContentId {
        identity(prefix, &self.hash(plain))
    }

    /// The identities of many contents of one prefix, several at a time where the processor can.
    pub fn content_ids(&self, prefix: Option<u8>, plains: &[&[u8]]) -> Vec<ContentId> {
        self.0.hasher.hash_many(plains).iter().map(|hash| identity(prefix, hash)).collect()
    }

    /// Appends the sealed form of `plain` to `out`.
    ///
    /// # Errors
    /// [`Error::Invalid`] for more bytes than the format can hold.
    pub fn seal(&self, iv: &[u8], plain: &[u8], out: &mut Vec<u8>) -> Result<()> {
        let start = out.len();
        out.reserve(plain.len() + self.overhead(plain.len()));
        out.extend_from_slice(&[0; NONCE_LENGTH]);
        out.extend_from_slice(plain);
        self.seal_in_place(iv, out, start)
    }

    /// Seals what lies at `out[start + 12..]`, where it lies; the 12 bytes before it take the nonce, the tag is
    /// appended. With error correction the result is laid out anew.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no room for the nonce, and for more bytes than the format can hold. What lies
    /// in `out` from `start` is then worthless.
    pub fn seal_in_place(&self, iv: &[u8], out: &mut Vec<u8>, start: usize) -> Result<()> {
        self.0.cipher.seal_in_place(iv, out, start)?;
        match &self.0.ecc {
            Some(ecc) => {
                let stored = ecc.encode(&out[start..])?; // `start` is within `out`: the cipher found its nonce there
                out.truncate(start);
                out.extend_from_slice(&stored);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// Whether sealed bytes are wrapped in shards that repair damage.
    pub fn corrects_errors(&self) -> bool {
        self.0.ecc.is_some()
    }

    /// Seals `plain` into `out`, which has room for exactly the sealed form, whatever is in it. Not for repositories with
    /// error correction.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is other room, and for more bytes than the format can hold. What is in `out` is then
    /// worthless.
    pub fn seal_into(&self, iv: &[u8], plain: &[u8], out: &mut [u8]) -> Result<()> {
        match self.corrects_errors() {
            true => Err(Error::invalid("sealing a content", "it has to be laid out in shards")),
            false => self.0.cipher.seal_into(iv, plain, out),
        }
    }

    /// What was sealed under `iv`: at most `limit` bytes.
    ///
    /// # Errors
    /// [`Error::Corrupt`] for another `iv` or key, for damage, and for more than `limit` bytes; the message names the
    /// `iv`, which for hashes of 16 bytes is the content.
    pub fn open(&self, iv: &[u8], sealed: &[u8], limit: usize) -> Result<Vec<u8>> {
        let repaired;
        let sealed = match &self.0.ecc {
            Some(ecc) => {
                repaired = ecc.decode(sealed).map_err(|reason| damaged(iv, reason))?;
                &repaired[..]
            }
            None => sealed,
        };
        if sealed.len().saturating_sub(NONCE_LENGTH + TAG_LENGTH) > limit {
            return Err(damaged(iv, format!("it is larger than the {limit} bytes that are allowed")));
        }
        self.0.cipher.open(iv, sealed)
    }

    /// The same in the buffer that holds the sealed bytes: the result is a part of it. Without error correction nothing
    /// is copied.
    ///
    /// # Errors
    /// As [`Seal::open`]; the buffer is then worthless.
    pub fn open_in_place<'a>(&self, iv: &[u8], sealed: &'a mut [u8]) -> Result<&'a mut [u8]> {
        match &self.0.ecc {
            Some(ecc) => {
                let repaired = ecc.decode(sealed).map_err(|reason| damaged(iv, reason))?;
                let place = sealed.get_mut(..repaired.len()).ok_or_else(|| damaged(iv, "its length is wrong"))?;
                place.copy_from_slice(&repaired);
                self.0.cipher.open_in_place(iv, place)
            }
            None => self.0.cipher.open_in_place(iv, sealed),
        }
    }

    /// The bytes in front of what was sealed, which [`Seal::open_part`] needs.
    pub const FRONT: usize = NONCE_LENGTH;

    /// Whether [`Seal::open_part`] works: with AES-256-GCM and without error correction.
    pub fn opens_parts(&self) -> bool {
        self.0.ecc.is_none() && self.0.cipher.opens_parts()
    }

    /// Which of the sealed bytes [`Seal::open_part`] needs for these plain ones: from the beginning of a block on.
    pub fn part(plain: Range<usize>) -> Range<usize> {
        let ahead = plain.start % BLOCK_LENGTH;
        NONCE_LENGTH + plain.start - ahead..NONCE_LENGTH + plain.end
    }

    /// The plain bytes from `start` on, from their [`Seal::part`] of the sealed ones and the [`Seal::FRONT`] of these.
    /// **Nothing authenticates them**, as that takes all of the sealed bytes: whoever changed a bit here has changed it
    /// there. They are a hint, to be believed when something else proves it.
    ///
    /// # Errors
    /// [`Error::Invalid`] where [`Seal::opens_parts`] says no. [`Error::Corrupt`] for a front of another length, and
    /// more than 64 GiB.
    pub fn open_part(&self, iv: &[u8], front: &[u8], start: usize, mut part: BytesMut) -> Result<Bytes> {
        if !self.opens_parts() {
            return Err(Error::invalid("opening a part", "the repository's encryption opens only the whole"));
        }
        let front = front.try_into().map_err(|_| damaged(iv, "it is too short"))?;
        let block = u32::try_from(start / BLOCK_LENGTH).map_err(|_| damaged(iv, "it is too long"))?;
        self.0.cipher.open_part(iv, front, block, &mut part)?;
        part.advance((start % BLOCK_LENGTH).min(part.len()));
        Ok(part.freeze())
    }

    /// How many bytes the sealed form of `plain` bytes is longer.
    pub fn overhead(&self, plain: usize) -> usize {
        let sealed = plain + NONCE_LENGTH + TAG_LENGTH;
        self.0.ecc.as_ref().map_or(sealed, |ecc| ecc.stored_length(sealed)) - plain
    }
}

/// The identity of a hash; a prefix that no content can have is left out.
fn identity(prefix: Option<u8>, hash: &Hash) -> ContentId {
    let prefix = prefix.filter(|letter| (b'g'..=b'z').contains(letter));
    ContentId::new(prefix, hash).expect("hashes have 16 to 32 bytes, and the prefix was checked")
}

/// The error of sealed bytes that can not be opened.
fn damaged(iv: &[u8], reason: impl Into<String>) -> Error {
    let name: String = iv.iter().map(|byte| format!("{byte:02x}")).collect();
    Error::corrupt(format!("the sealed content {name}"), reason)
}

/// Random bytes for nonces, keys and names, from the operating system's generator.
///
/// # Panics
/// When the system has none, or refuses it to this process.
pub fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    let filled = getrandom::fill(&mut bytes);
    assert!(filled.is_ok(), "no nonce or key may be made without the system's generator");
    bytes
}

#[cfg(test)]
mod tests;
