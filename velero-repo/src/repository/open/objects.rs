//! Objects: one content, or many that lists join.

use super::Repository;
use crate::error::{Error, Result};
use crate::repository::object::{IndirectEntry, LONGEST_LIST, MOST_PARTS, ObjectId, parse_list};
use crate::repository::seal::compression::Compressor;
use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use futures::stream::{BoxStream, StreamExt, TryStreamExt};

/// Contents that a stream reads at once.
const AHEAD: usize = 3;

impl Repository {
    /// The whole of an object of at most `limit` bytes.
    ///
    /// # Errors
    /// Corrupt: it is longer, or its parts are not as long as its list says. Those of [`Repository::read_content`].
    pub async fn read_object(&self, id: &ObjectId, limit: u64) -> Result<Bytes> {
        let mut parts = self.parts(id).await?;
        if let ([IndirectEntry { object, .. }], true) = (parts.as_slice(), id.indirection() == 0) {
            return self.read_direct(object, limit).await;
        }
        check_length(id, &parts, limit)?;
        let mut bytes = BytesMut::new();
        let mut stream = self.stream_parts(std::mem::take(&mut parts));
        while let Some(part) = stream.try_next().await? {
            bytes.extend_from_slice(&part);
        }
        Ok(bytes.freeze())
    }

    /// The bytes of an object, front to back, in pieces of one content; a few contents are read ahead.
    ///
    /// # Errors
    /// Those of [`Repository::read_object`], here for its lists and in the stream for its contents.
    pub async fn stream_object(&self, id: &ObjectId) -> Result<BoxStream<'static, Result<Bytes>>> {
        self.stream_at_most(id, u64::MAX).await
    }

    /// The same of an object that has at most `limit` bytes, as far as its list tells.
    pub(crate) async fn stream_at_most(&self, id: &ObjectId, limit: u64) -> Result<BoxStream<'static, Result<Bytes>>> {
        let parts = self.parts(id).await?;
        check_length(id, &parts, limit)?;
        Ok(self.stream_parts(parts))
    }

    /// As [`Repository::stream_object`], for plain threads, each content when it is asked for. The object has at most
    /// `limit` bytes, as far as its list tells.
    ///
    /// # Errors
    /// As [`Repository::stream_object`].
    pub fn pieces_blocking(&self, id: &ObjectId, limit: u64) -> Result<Pieces> {
        let parts = match id.list() {
            None => vec![IndirectEntry { start: 0, length: 0, object: *id }],
            Some(_) => self.blobs().wait(self.parts(id))?,
        };
        check_length(id, &parts, limit)?;
        let (repository, single) = (self.clone(), id.indirection() == 0);
        Ok(Box::new(parts.into_iter().map(move |part| {
            let bytes = match part.object.compressed() {
                false => repository.read_content_blocking(&part.object.content())?,
                true => repository.blobs().wait(repository.read_direct(&part.object, limit))?,
            };
            checked(&part, single, bytes)
        })))
    }

    /// The contents of which an object consists, with its lists, and the lists in them, resolved. For an object of a
    /// single content that is one part of length 0: the length is not known before it is read.
    ///
    /// # Errors
    /// Corrupt: a list is damaged, the lists in it are not as long as it says, or there are more than [`MOST_PARTS`].
    pub async fn parts(&self, id: &ObjectId) -> Result<Vec<IndirectEntry>> {
        let Some(list) = id.list() else {
            return Ok(vec![IndirectEntry { start: 0, length: 0, object: *id }]);
        };
        self.resolve(*id, list).await
    }

    /// The contents behind a list. Each level of lists is followed once; ids bound how many there are.
    fn resolve(&self, id: ObjectId, list: ObjectId) -> BoxFuture<'_, Result<Vec<IndirectEntry>>> {
        Box::pin(async move {
            let document = match list.list() {
                None => self.read_direct(&list, LONGEST_LIST).await?,
                Some(above) => {
                    let parts = self.resolve(list, above).await?;
                    let length = parts.last().map_or(0, |last| last.start.saturating_add(last.length));
                    if length > LONGEST_LIST {
                        return Err(too_long(&list, LONGEST_LIST));
                    }
                    let joined = self.stream_parts(parts).try_fold(BytesMut::new(), |mut all, part| async move {
                        all.extend_from_slice(&part);
                        Ok(all)
                    });
                    joined.await?.freeze()
                }
            };
            let mut flat = Vec::new();
            for entry in parse_list(&id, &document)? {
                match entry.object.list() {
                    None => flat.push(entry),
                    Some(_) if entry.object.indirection() >= id.indirection() => {
                        return Err(Error::corrupt(
                            format!("object {id}"),
                            "its list holds an object as deep as itself",
                        ));
                    }
                    Some(list) => match self.resolve(entry.object, list).await? {
                        // Nobody writes it, and any number of them would be read for nothing.
                        none if none.is_empty() => {
                            return Err(Error::corrupt(format!("object {id}"), "its list holds an empty list"));
                        }
                        parts => flat.extend(shifted(&id, &entry, parts)?),
                    },
                }
                if flat.len() > MOST_PARTS {
                    let reason = format!("it has more than the {MOST_PARTS} contents that are allowed");
                    return Err(Error::corrupt(format!("object {id}"), reason));
                }
            }
            Ok(flat)
        })
    }

    fn stream_parts(&self, parts: Vec<IndirectEntry>) -> BoxStream<'static, Result<Bytes>> {
        let repository = self.clone();
        let single = parts.len() == 1 && parts.iter().all(|part| part.length == 0);
        let read = move |part: IndirectEntry| {
            let repository = repository.clone();
            async move {
                let limit = if single { u64::MAX } else { part.length };
                checked(&part, single, repository.read_direct(&part.object, limit).await?)
            }
        };
        futures::stream::iter(parts).map(read).buffered(AHEAD).boxed()
    }

    /// The bytes of an object that is one content.
    async fn read_direct(&self, object: &ObjectId, limit: u64) -> Result<Bytes> {
        let bytes = self.read_content(&object.content()).await?;
        let bytes = if object.compressed() { expand(object, &bytes, limit)? } else { bytes };
        match bytes.len() as u64 > limit {
            true => Err(too_long(object, limit)),
            false => Ok(bytes),
        }
    }
}

/// Pieces of an object, front to back.
pub type Pieces = Box<dyn Iterator<Item = Result<Bytes>> + Send>;

/// The bytes of a part, if there are as many as its list says.
fn checked(part: &IndirectEntry, single: bool, bytes: Bytes) -> Result<Bytes> {
    match single || bytes.len() as u64 == part.length {
        true => Ok(bytes),
        false => {
            let reason = format!("it has {} bytes, and its list says {}", bytes.len(), part.length);
            Err(Error::corrupt(format!("object {}", part.object), reason))
        }
    }
}

/// The longest chunk that any splitter makes, and an expanded object of one content can be, bytes.
const LONGEST_CHUNK: u64 = 128 << 20;

/// Undoes the compression of an object in repositories of index version 1.
pub(in crate::repository) fn expand(object: &ObjectId, bytes: &[u8], limit: u64) -> Result<Bytes> {
    let (header, body) = bytes
        .split_first_chunk::<4>()
        .ok_or_else(|| Error::corrupt(format!("object {object}"), "it is too short to name its compression"))?;
    let limit = usize::try_from(limit.min(LONGEST_CHUNK)).unwrap_or(usize::MAX);
    let plain = Compressor::by_id(u32::from_be_bytes(*header))?.decompress(body, limit);
    plain.map(Bytes::from).map_err(|error| Error::corrupt(format!("object {object}"), error.to_string()))
}

/// The parts of a list within a list, moved to where they belong.
fn shifted(id: &ObjectId, entry: &IndirectEntry, parts: Vec<IndirectEntry>) -> Result<Vec<IndirectEntry>> {
    let length = parts.last().map_or(0, |last| last.start.saturating_add(last.length));
    if length != entry.length {
        let reason = format!("{} has {length} bytes, and the list says {}", entry.object, entry.length);
        return Err(Error::corrupt(format!("object {id}"), reason));
    }
    // No overflow: the list was checked to end within 63 bits, and this part within the list.
    Ok(parts.into_iter().map(|part| IndirectEntry { start: entry.start + part.start, ..part }).collect())
}

fn check_length(id: &ObjectId, parts: &[IndirectEntry], limit: u64) -> Result<()> {
    let length = parts.last().map_or(0, |last| last.start.saturating_add(last.length));
    if length > limit { Err(too_long(id, limit)) } else { Ok(()) }
}

fn too_long(id: &ObjectId, limit: u64) -> Error {
    Error::corrupt(format!("object {id}"), format!("it has more than the {limit} bytes that are allowed"))
}
