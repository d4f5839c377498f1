//! Contents: from an identity to its plain bytes.

use super::Repository;
use super::cache::Range;
use crate::error::{Error, Result};
use crate::repository::blob::blocking;
use crate::repository::content::ContentId;
use crate::repository::format::Format;
use crate::repository::index::Entry;
use crate::repository::seal::Seal;
use crate::repository::seal::compression::Compressor;
use bytes::{Bytes, BytesMut};
use std::borrow::Cow;

impl Repository {
    /// The plain bytes of a content. One that is marked as deleted is still read while its pack exists. An unknown
    /// content and a missing pack are looked up once more in a fresh index: another program may have moved them.
    ///
    /// # Errors
    /// Missing: no index names the content. Corrupt, naming content and pack: the pack is gone, too short, or altered.
    pub async fn read_content(&self, id: &ContentId) -> Result<Bytes> {
        if let Some(entry) = self.glimpse(id).await
            && let Ok(Some(bytes)) = self.read_entry_cached(&entry).await
            && self.is_own(id, &bytes)
        {
            return Ok(bytes);
        }
        let known = self.entry(id).await?;
        if let Some(entry) = &known
            && let Some(bytes) = self.read_entry_cached(entry).await?
        {
            return Ok(bytes);
        }
        self.refresh_index().await?;
        let entry = self.entry(id).await?.ok_or_else(|| unknown(id))?;
        self.read_entry(&entry).await?.ok_or_else(|| gone(&entry))
    }

    /// As [`Repository::read_content`], on a plain thread.
    ///
    /// # Errors
    /// As [`Repository::read_content`].
    pub fn read_content_blocking(&self, id: &ContentId) -> Result<Bytes> {
        if let Some(entry) = self.glimpse_blocking(id)
            && let Ok(Some(bytes)) = self.read_entry_blocking(&entry)
            && self.is_own(id, &bytes)
        {
            return Ok(bytes);
        }
        let known = self.entry_blocking(id)?;
        if let Some(entry) = &known
            && let Some(bytes) = self.read_entry_blocking(entry)?
        {
            return Ok(bytes);
        }
        self.blobs().wait(self.refresh_index())?;
        let entry = self.entry_blocking(id)?.ok_or_else(|| unknown(id))?;
        self.read_entry_blocking(&entry)?.ok_or_else(|| gone(&entry))
    }

    /// Whether bytes have the hash that is the identity of a content.
    pub(crate) fn is_own(&self, id: &ContentId, bytes: &[u8]) -> bool {
        self.opened().seal.hash(bytes)[..] == *id.hash()
    }

    fn read_entry_blocking(&self, entry: &Entry) -> Result<Option<Bytes>> {
        if let Some(bytes) = self.cached_entry(entry) {
            return Ok(Some(bytes));
        }
        let Range { blob, offset, length } = range(entry);
        let Some(sealed) = self.blobs().get_range_blocking(&blob, offset, length)? else { return Ok(None) };
        if let Some(cache) = self.cache() {
            cache.put(&range(entry), &sealed);
        }
        self.unpack(entry, sealed).map(Some)
    }

    /// As [`Repository::read_entry`], through the cache.
    pub(super) async fn read_entry_cached(&self, entry: &Entry) -> Result<Option<Bytes>> {
        let Some(cache) = self.cache().cloned() else { return self.read_entry(entry).await };
        let (repository, known) = (self.clone(), entry.clone());
        if let Some(bytes) = blocking(move || Ok(repository.cached_entry(&known))).await? {
            return Ok(Some(bytes));
        }
        let range = range(entry);
        let sealed = self.blobs().get_range(&range.blob, range.offset, range.length).await?;
        let Some(sealed) = sealed else { return Ok(None) };
        let kept = sealed.clone();
        let keep = move || {
            cache.put(&range, &kept);
            Ok(())
        };
        blocking(keep).await?;
        self.unpack(entry, sealed).map(Some)
    }

    /// What the cache has, if it is whole.
    fn cached_entry(&self, entry: &Entry) -> Option<Bytes> {
        let sealed = self.cache()?.get(&range(entry))?;
        self.unpack(entry, sealed).ok()
    }

    /// The plain bytes at an entry of the index, from the store; `None` if there is no such pack.
    ///
    /// # Errors
    /// Corrupt, naming content and pack.
    pub async fn read_entry(&self, entry: &Entry) -> Result<Option<Bytes>> {
        let Range { blob, offset, length } = range(entry);
        let sealed = self.blobs().get_range(&blob, offset, length).await?;
        sealed.map(|sealed| self.unpack(entry, sealed)).transpose()
    }

    fn unpack(&self, entry: &Entry, sealed: Bytes) -> Result<Bytes> {
        let opened = self.opened();
        unpack(&opened.format, &opened.seal, entry, sealed)
    }
}

/// The plain bytes of a content, from exactly the bytes that its entry names in its pack.
///
/// # Errors
/// Corrupt, naming content and pack: the bytes are altered, or the entry does not speak the truth about them. Invalid:
/// the entry names a compression or key that this version does not know.
pub fn unpack(format: &Format, seal: &Seal, entry: &Entry, sealed: Bytes) -> Result<Bytes> {
    let mut buffer = sealed.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    let start = buffer.as_ptr() as usize;
    let (from, length) = match unpack_in_place(format, seal, entry, &mut buffer)? {
        Cow::Owned(plain) => return Ok(plain.into()),
        Cow::Borrowed(plain) => (plain.as_ptr() as usize - start, plain.len()), // a part of the buffer
    };
    Ok(buffer.freeze().slice(from..from + length))
}

/// As [`unpack`], in the buffer that holds the sealed bytes: what is not compressed is not copied.
///
/// # Errors
/// As [`unpack`]; the buffer is then worthless.
pub fn unpack_in_place<'a>(format: &Format, seal: &Seal, entry: &Entry, sealed: &'a mut [u8]) -> Result<Cow<'a, [u8]>> {
    let name = || format!("content {} in pack {}", entry.content, entry.pack);
    let corrupt = |reason: &str| Error::corrupt(name(), reason);
    if entry.key_id != 0 {
        return Err(Error::invalid(name(), format!("encryption key {} is not known to this version", entry.key_id)));
    }
    let body = seal.open_in_place(&entry.content.iv(), sealed).map_err(|error| corrupt(&error.to_string()))?;
    let length = entry.original_length as usize;
    if entry.compression == 0 {
        // Index version 1 keeps no plain length, and what it implies is wrong where error correction adds to it.
        let known = format.parameters.index_version > 1 || !format.parameters.has_ecc();
        return match known && body.len() != length {
            true => Err(corrupt(&format!("it has {} bytes instead of {length}", body.len()))),
            false => Ok(Cow::Borrowed(body)),
        };
    }
    let compressed = body.strip_prefix(&entry.compression.to_be_bytes()[..]);
    let compressed =
        compressed.ok_or_else(|| corrupt("it does not begin with the compression that the index names"))?;
    let plain = Compressor::by_id(entry.compression)?.decompress(compressed, length);
    let plain = plain.map_err(|error| corrupt(&error.to_string()))?;
    match plain.len() == length {
        true => Ok(Cow::Owned(plain)),
        false => Err(corrupt(&format!("it expands to {} bytes instead of {length}", plain.len()))),
    }
}

/// Opens sealed bytes in the buffer that they came in, if nobody else holds it.
pub(super) fn open_in_place(seal: &Seal, iv: &[u8], sealed: Bytes) -> Result<Bytes> {
    let mut buffer = sealed.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&shared[..]));
    let start = buffer.as_ptr() as usize;
    let plain = seal.open_in_place(iv, &mut buffer)?;
    let (from, length) = (plain.as_ptr() as usize - start, plain.len()); // the plain bytes are a part of the buffer
    Ok(buffer.freeze().slice(from..from + length))
}

/// Where an entry says that its content is.
fn range(entry: &Entry) -> Range {
    Range { blob: entry.pack.clone(), offset: u64::from(entry.offset), length: u64::from(entry.packed_length) }
}

fn unknown(id: &ContentId) -> Error {
    Error::Missing { what: format!("content {id}") }
}

fn gone(entry: &Entry) -> Error {
    Error::corrupt(format!("pack {}", entry.pack), format!("it is missing, and content {} was in it", entry.content))
}
