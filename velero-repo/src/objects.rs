//! Single objects of a store: put, read, hash, list, remove. All other modules go through these few operations.
//!
//! Reading is bounded: an object larger than its limit is refused, before and after decompression. Putting leaves either
//! the whole object or none under its key: object stores promise that, and on a directory the bytes go to a file beside
//! it (`<key>.partial`, inside the backup's own directory) that is then renamed.

use crate::digests::{Digest, Hasher};
use crate::error::{Error, Result};
use crate::store::Store;
use async_compression::tokio::bufread::GzipDecoder;
use async_compression::tokio::write::GzipEncoder;
use bytes::{Bytes, BytesMut};
use futures::stream::{BoxStream, StreamExt, TryStreamExt};
use std::collections::BTreeSet;
use std::path::PathBuf;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Parts in which large objects are written and read; small in tests, where hashing is slow.
pub(crate) const PART: usize = if cfg!(test) { 64 << 10 } else { 8 << 20 };

/// Small requests in flight at once.
pub(crate) const AT_ONCE: usize = 16;

/// One object of a store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectInfo {
    /// Key below the store's prefix.
    pub key: String,
    /// Size in bytes.
    pub size: u64,
}

impl Store {
    /// The size of an object; `None` if there is none (a directory of that name is none).
    pub(crate) async fn size(&self, key: &str) -> Result<Option<u64>> {
        match self.operator().stat(key).await {
            Ok(metadata) => Ok(metadata.is_file().then(|| metadata.content_length())),
            Err(e) if e.kind() == opendal::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::store("look up", key)(e)),
        }
    }

    /// The stored bytes, at most `limit`; `None` if there is no such object.
    pub(crate) async fn read(&self, key: &str, limit: u64) -> Result<Option<Bytes>> {
        let Some(size) = self.size(key).await? else { return Ok(None) };
        if size > limit {
            return Err(Error::corrupt(key, format!("it has {size} bytes, more than the {limit} that are allowed")));
        }
        let mut bytes = BytesMut::with_capacity(size as usize);
        let mut stream = self.stream(key, size).await?;
        while let Some(chunk) = stream.try_next().await? {
            if (bytes.len() + chunk.len()) as u64 > limit {
                return Err(Error::corrupt(key, format!("it has more than the {limit} bytes that are allowed")));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(Some(bytes.freeze()))
    }

    /// The bytes of an object of `size` bytes, front to back; large ones in parts, two of them ahead.
    pub(crate) async fn stream(&self, key: &str, size: u64) -> Result<BoxStream<'static, Result<Bytes>>> {
        if size == 0 {
            return Ok(futures::stream::empty().boxed());
        }
        let reader = match size > PART as u64 {
            true => self.operator().reader_with(key).chunk(PART).concurrent(2).await,
            false => self.operator().reader(key).await,
        };
        let stream = match reader {
            Ok(reader) => reader.into_stream(..).await,
            Err(e) => Err(e),
        };
        let key = key.to_owned();
        let stream = stream.map_err(Error::store("read", key.clone()))?;
        let chunks = stream.map_ok(|buffer| buffer.to_bytes());
        Ok(chunks.map_err(move |e| Error::store("read", key.clone())(e)).boxed())
    }

    /// Reads an object through and hashes it; `None` if there is none.
    pub(crate) async fn measure(&self, key: &str) -> Result<Option<Digest>> {
        let Some(size) = self.size(key).await? else { return Ok(None) };
        let mut hasher = Hasher::default();
        let mut stream = self.stream(key, size).await?;
        while let Some(chunk) = stream.try_next().await? {
            hasher.update(&chunk);
        }
        Ok(Some(hasher.finish()))
    }

    /// Reads an object back and compares it with what was sent.
    pub(crate) async fn verify(&self, key: &str, sent: &Digest) -> Result<()> {
        match self.measure(key).await? {
            Some(found) => sent.check(key, &found),
            None => Err(Error::corrupt(key, "it is missing although the store confirmed it")),
        }
    }

    /// Puts an object, replacing one that is there.
    pub(crate) async fn put(&self, key: &str, bytes: Bytes) -> Result<()> {
        if self.is_directory() {
            let partial = partial(key);
            self.write(&partial, bytes).await?;
            return self.operator().rename(&partial, key).await.map_err(Error::store("rename", partial));
        }
        self.write(key, bytes).await
    }

    /// Puts an object that must not be there; `false` if it is. Whoever reads meanwhile sees the whole object or none.
    /// Stores that know no conditions are asked first.
    pub(crate) async fn put_new(&self, key: &str, bytes: Bytes) -> Result<bool> {
        if self.is_directory() {
            return self.link_new(key, bytes).await;
        }
        self.put_fresh(key, bytes).await
    }

    /// The same for an object that nobody reads until another one names it: on a directory its bytes may appear bit by bit.
    pub(crate) async fn put_fresh(&self, key: &str, bytes: Bytes) -> Result<bool> {
        if self.knows_conditions() {
            match self.operator().write_with(key, bytes.clone()).if_not_exists(true).await {
                Ok(_) => return Ok(true),
                // A try that seemed to fail may have succeeded, and then its repetition meets its own object.
                Err(e) if e.kind() == opendal::ErrorKind::ConditionNotMatch => {
                    return Ok(self.measure(key).await? == Some(Digest::of(&bytes)));
                }
                Err(e) if is_not_implemented(&e) => {}
                Err(e) => return Err(Error::store("write", key)(e)),
            }
        }
        match self.size(key).await? {
            Some(_) => Ok(false),
            None => self.put(key, bytes).await.map(|()| true),
        }
    }

    /// Whether the store can be asked to write an object only if it is not there. Clones that say yes and do not know it
    /// are found out with the first small object ([`Store::try_conditions`]).
    pub(crate) fn knows_conditions(&self) -> bool {
        self.operator().info().capability().write_with_if_not_exists
    }

    /// Writes `key`, which may be there already. Says whether the store keeps conditions.
    pub(crate) async fn try_conditions(&self, key: &str, bytes: Bytes) -> Result<bool> {
        if self.is_directory() {
            // In place: a file beside it would be a leftover to whoever comes next. Half a mark is nobody's.
            return self.write(key, bytes).await.map(|()| true);
        }
        let tried = match self.knows_conditions() {
            true => self.operator().write_with(key, bytes.clone()).if_not_exists(true).await.map(drop),
            false => return self.put(key, bytes).await.map(|()| false),
        };
        match tried {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == opendal::ErrorKind::ConditionNotMatch => self.put(key, bytes).await.map(|()| true),
            Err(e) if is_not_implemented(&e) => self.put(key, bytes).await.map(|()| false),
            Err(e) => Err(Error::store("write", key)(e)),
        }
    }

    /// On a file system a link to a finished file appears at once, and never over another file.
    async fn link_new(&self, key: &str, bytes: Bytes) -> Result<bool> {
        let partial = format!("{key}.{}.partial", unique());
        let linked = match self.write(&partial, bytes).await {
            Ok(()) => self.link(&partial, key).await,
            Err(e) => Err(e),
        };
        let removed = self.remove(vec![partial]).await;
        let linked = linked?;
        removed.map(|()| linked)
    }

    async fn link(&self, from: &str, key: &str) -> Result<bool> {
        let root = PathBuf::from(&*self.operator().info().root());
        let (source, target) = (root.join(from), root.join(key));
        let linked = tokio::task::spawn_blocking(move || std::fs::hard_link(source, target)).await;
        match linked.unwrap_or_else(|e| Err(std::io::Error::other(e))) {
            Ok(()) => Ok(true),
            Err(e) if e.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
            // A file system without links: what is left is to look first.
            Err(e) if matches!(e.kind(), std::io::ErrorKind::Unsupported | std::io::ErrorKind::PermissionDenied) => {
                if self.size(key).await?.is_some() {
                    return Ok(false);
                }
                let renamed = self.operator().rename(from, key).await;
                renamed.map(|()| true).map_err(Error::store("rename", from))
            }
            Err(source) => Err(Error::Io { operation: "linking", path: key.into(), source }),
        }
    }

    async fn write(&self, key: &str, bytes: Bytes) -> Result<()> {
        self.operator().write(key, bytes).await.map(drop).map_err(Error::store("write", key))
    }

    /// Whether the store is a directory of a file system.
    fn is_directory(&self) -> bool {
        self.operator().info().scheme() == "fs"
    }

    /// Makes the entries of a backup's directory outlive a power failure. Object stores need no such thing, and where
    /// a file system can not do it there is nothing more to be had.
    pub(crate) async fn settle(&self, directory: &str) {
        if !self.is_directory() {
            return;
        }
        let mut path = PathBuf::from(&*self.operator().info().root());
        let mut paths = vec![path.clone()];
        for segment in directory.split('/').filter(|segment| !segment.is_empty()) {
            path.push(segment);
            paths.push(path.clone());
        }
        let sync = move || paths.iter().rev().try_for_each(|path| std::fs::File::open(path)?.sync_all());
        if let Ok(Err(e)) = tokio::task::spawn_blocking(sync).await {
            tracing::debug!(directory, error = %e, "the directory was not synced");
        }
    }

    /// All objects below `prefix`, sorted by key.
    pub(crate) async fn list_objects(&self, prefix: &str) -> Result<Vec<ObjectInfo>> {
        let mut lister = match self.operator().lister_with(prefix).recursive(true).await {
            Ok(lister) => lister,
            Err(e) if e.kind() == opendal::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::store("list", prefix)(e)),
        };
        let mut objects = Vec::new();
        while let Some(entry) = lister.try_next().await.map_err(Error::store("list", prefix))? {
            if entry.metadata().is_file() {
                objects.push(ObjectInfo { key: entry.path().to_owned(), size: entry.metadata().content_length() });
            }
        }
        objects.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(objects)
    }

    /// The names of the directories directly below `prefix`, sorted.
    pub(crate) async fn list_directories(&self, prefix: &str) -> Result<Vec<String>> {
        let entries = match self.operator().list(prefix).await {
            Ok(entries) => entries,
            Err(e) if e.kind() == opendal::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(e) => return Err(Error::store("list", prefix)(e)),
        };
        let name = |path: &str| path.strip_prefix(prefix)?.strip_suffix('/').map(str::to_owned);
        let names: BTreeSet<_> = entries.iter().filter_map(|entry| name(entry.path())).collect();
        Ok(names.into_iter().filter(|name| !name.is_empty()).collect())
    }

    /// Removes objects; one that is not there counts as removed. Tries all, then reports the first failure.
    pub(crate) async fn remove(&self, keys: Vec<String>) -> Result<()> {
        let mut emptied: BTreeSet<String> = BTreeSet::new();
        for key in &keys {
            let segments: Vec<_> = key.split('/').collect();
            emptied.extend((2..segments.len()).map(|depth| segments[..depth].join("/") + "/"));
        }
        let removed: Vec<Result<()>> = futures::stream::iter(keys)
            .map(|key| async move {
                match self.operator().delete(&key).await {
                    Err(e) if e.kind() != opendal::ErrorKind::NotFound => Err(Error::store("delete", key)(e)),
                    _ => Ok(()),
                }
            })
            .buffer_unordered(AT_ONCE)
            .collect()
            .await;
        if self.is_directory() {
            for directory in emptied.iter().rev() {
                // Fails where something else lies in it, which is right.
                let _ = self.operator().delete(directory).await;
            }
        }
        removed.into_iter().collect()
    }
}

/// A text that no other process makes.
pub(crate) fn unique() -> String {
    crate::repository::seal::random::<16>().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The file beside `key` that is renamed to it on a file system.
pub(crate) fn partial(key: &str) -> String {
    format!("{key}.partial")
}

/// Whether an S3 clone says that it does not know conditional writes.
fn is_not_implemented(error: &opendal::Error) -> bool {
    error.kind() == opendal::ErrorKind::Unsupported || error.to_string().contains("NotImplemented")
}

/// Compresses a small document into one gzip member.
pub(crate) async fn gzip(key: &str, plain: &[u8]) -> Result<Bytes> {
    let mut encoder = GzipEncoder::new(Vec::with_capacity(plain.len() / 4 + 64));
    let packed = async {
        encoder.write_all(plain).await?;
        encoder.shutdown().await
    };
    packed.await.map_err(|source| Error::Io { operation: "compressing", path: key.into(), source })?;
    Ok(encoder.into_inner().into())
}

/// Decompresses a small document of at most `limit` bytes.
pub(crate) async fn gunzip(key: &str, packed: &[u8], limit: u64) -> Result<Bytes> {
    let mut plain = Vec::new();
    let unpacked = decoder(packed).take(limit.saturating_add(1)).read_to_end(&mut plain).await;
    unpacked.map_err(|e| Error::corrupt(key, format!("it is no whole gzip: {e}")))?;
    if plain.len() as u64 > limit {
        return Err(Error::corrupt(key, format!("it unpacks to more than the {limit} bytes that are allowed")));
    }
    Ok(plain.into())
}

/// Reads all members of a gzip stream.
pub(crate) fn decoder(packed: &[u8]) -> GzipDecoder<&[u8]> {
    let mut decoder = GzipDecoder::new(packed);
    decoder.multiple_members(true);
    decoder
}
