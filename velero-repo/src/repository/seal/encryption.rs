//! The two encryptions of contents: AES-256-GCM and ChaCha20-Poly1305, under a key per content.
//!
//! The key is HMAC-SHA256 of the `iv` under a secret that HKDF takes from the master key (salt `encryption`, no info).
//! The keyed states of that HMAC are computed once, so a content costs two compressions for its key. The `iv` is also
//! the associated data. Nonces are random; with a key per content their collision would harm nobody.

use std::cell::RefCell;

use aws_lc_rs::aead::{AES_256_GCM, Aad, Algorithm, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey};
use aws_lc_rs::iv::FixedLength;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

use super::{damaged, random};
use crate::repository::format::{FORMAT_BLOB, Key};
use crate::{Error, Result};

/// Length of the nonce in front, bytes.
pub(super) const NONCE_LENGTH: usize = 12;
/// Length of the tag behind, bytes.
pub(super) const TAG_LENGTH: usize = 16;
/// Length of a block, bytes.
pub(super) const BLOCK_LENGTH: usize = 16;
/// Nonces that a thread fetches at a time.
const NONCES: usize = 64;

/// One of the algorithms with its secret.
pub(super) struct Cipher {
    algorithm: &'static Algorithm,
    keys: Hmac<Sha256>,
}

impl Cipher {
    /// The algorithm of a stored name with the repository's master key.
    pub(super) fn new(name: &str, master_key: &Key) -> Result<Self> {
        let algorithm = match name {
            "AES256-GCM-HMAC-SHA256" => &AES_256_GCM,
            "CHACHA20-POLY1305-HMAC-SHA256" => &CHACHA20_POLY1305,
            _ => {
                let reason = format!("the encryption {name:?} is not known to this version");
                return Err(Error::invalid(FORMAT_BLOB, reason));
            }
        };
        let keys = Hmac::new_from_slice(master_key.derive(b"encryption", b"").bytes());
        Ok(Self { algorithm, keys: keys.map_err(|_| Error::invalid(FORMAT_BLOB, "its master key is too short"))? })
    }

    /// Seals `out[start + 12..]`.
    pub(super) fn seal_in_place(&self, iv: &[u8], out: &mut Vec<u8>, start: usize) -> Result<()> {
        self.seal_with(nonce(), iv, out, start)
    }

    /// The same under a given nonce.
    pub(super) fn seal_with(
        &self,
        nonce: [u8; NONCE_LENGTH],
        iv: &[u8],
        out: &mut Vec<u8>,
        start: usize,
    ) -> Result<()> {
        let place = out.get_mut(start..).and_then(|place| place.split_first_chunk_mut::<NONCE_LENGTH>());
        let (front, plain) = place.ok_or_else(|| Error::invalid("sealing a content", "no room for the nonce"))?;
        *front = nonce;
        let sealed =
            self.key(iv)?.seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), Aad::from(iv), plain);
        let tag = sealed.map_err(|_| Error::invalid("sealing a content", "it is too large for its encryption"))?;
        out.extend_from_slice(tag.as_ref());
        Ok(())
    }

    /// Seals `plain` into room for exactly nonce, ciphertext and tag.
    pub(super) fn seal_into(&self, iv: &[u8], plain: &[u8], out: &mut [u8]) -> Result<()> {
        let room = out.split_first_chunk_mut::<NONCE_LENGTH>();
        let room = room.and_then(|(front, rest)| Some((front, rest.split_last_chunk_mut::<TAG_LENGTH>()?)));
        let room = room.filter(|(_, (text, _))| text.len() == plain.len());
        let (front, (text, tag)) =
            room.ok_or_else(|| Error::invalid("sealing a content", "there is room for something else"))?;
        *front = nonce();
        self.key(iv)?
            .seal_out_of_place_scatter(Nonce::assume_unique_for_key(*front), Aad::from(iv), plain, text, &[], tag)
            .map_err(|_| Error::invalid("sealing a content", "it is too large for its encryption"))
    }

    /// What was sealed, in a buffer of its own.
    pub(super) fn open(&self, iv: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LENGTH>().ok_or_else(|| damaged(iv, "it is too short"))?;
        let (text, tag) = rest.split_last_chunk::<TAG_LENGTH>().ok_or_else(|| damaged(iv, "it is too short"))?;
        let mut plain = vec![0; text.len()];
        self.key(iv)?
            .open_separate_gather(Nonce::assume_unique_for_key(*nonce), Aad::from(iv), text, tag, &mut plain)
            .map_err(|_| damaged(iv, "its authentication tag is wrong"))?;
        Ok(plain)
    }

    /// What was sealed, where it lies.
    pub(super) fn open_in_place<'a>(&self, iv: &[u8], sealed: &'a mut [u8]) -> Result<&'a mut [u8]> {
        let (nonce, rest) =
            sealed.split_first_chunk_mut::<NONCE_LENGTH>().ok_or_else(|| damaged(iv, "it is too short"))?;
        self.key(iv)?
            .open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(iv), rest)
            .map_err(|_| damaged(iv, "its authentication tag is wrong"))
    }

    /// Whether [`Cipher::open_part`] works.
    pub(super) fn opens_parts(&self) -> bool {
        *self.algorithm == AES_256_GCM
    }

    /// Decrypts some blocks from block number `block` on, without a look at the tag: GCM's counter is 2 for the first one.
    pub(super) fn open_part(&self, iv: &[u8], nonce: &[u8; NONCE_LENGTH], block: u32, part: &mut [u8]) -> Result<()> {
        let mut counter = [0; BLOCK_LENGTH];
        counter[..NONCE_LENGTH].copy_from_slice(nonce);
        counter[NONCE_LENGTH..].copy_from_slice(&block.wrapping_add(2).to_be_bytes());
        let mut bytes = self.derive(iv);
        let key = UnboundCipherKey::new(&AES_256, &bytes).and_then(DecryptingKey::ctr);
        bytes.zeroize();
        let counter = DecryptionContext::Iv128(FixedLength::from(counter));
        let opened = key.and_then(|key| key.decrypt(part, counter).map(drop));
        opened.map_err(|_| damaged(iv, "a part of it can not be decrypted"))
    }

    /// The key of one content.
    fn key(&self, iv: &[u8]) -> Result<LessSafeKey> {
        let mut bytes = self.derive(iv);
        let key = UnboundKey::new(self.algorithm, &bytes);
        bytes.zeroize();
        key.map(LessSafeKey::new).map_err(|_| damaged(iv, "its key has a wrong length"))
    }

    fn derive(&self, iv: &[u8]) -> [u8; 32] {
        self.keys.clone().chain_update(iv).finalize().into_bytes().into()
    }

    /// The key of one content in clear.
    #[cfg(test)]
    pub(super) fn key_bytes(&self, iv: &[u8]) -> [u8; 32] {
        self.derive(iv)
    }
}

/// A nonce. Each thread reads random bytes for many at a time and uses each byte once.
fn nonce() -> [u8; NONCE_LENGTH] {
    thread_local! {
        static FRESH: RefCell<Vec<[u8; NONCE_LENGTH]>> = const { RefCell::new(Vec::new()) };
    }
    FRESH.with_borrow_mut(|fresh| {
        if fresh.is_empty() {
            let bytes = random::<{ NONCES * NONCE_LENGTH }>();
            fresh.extend(bytes.as_chunks::<NONCE_LENGTH>().0);
        }
        fresh.pop().unwrap_or_else(random)
    })
}
