//! Regions of packs become plain contents.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use crossbeam_channel::{Receiver, Sender, select_biased};

use super::batch::{Piece, Place, Region};
use super::room::Room;
use super::run::Run;
use crate::repository::index::Entry;
use crate::repository::name::PackName;
use crate::repository::object::ObjectId;
use crate::repository::open::{expand, unpack, unpack_in_place};
use crate::{Error, Result};

/// Regions of packs that are files of this machine, in two queues, so that the disk takes the parts of large files while
/// the processors are busy with small ones.
#[derive(Clone)]
pub(super) struct Planned {
    /// Regions of whole files.
    pub(super) whole: Receiver<Region>,
    /// Regions with parts of files.
    pub(super) parts: Receiver<Region>,
}

impl Planned {
    /// The next region, of whole files rather than of parts; none if there will be no more.
    fn next(&self) -> Option<Region> {
        select_biased! {
            recv(self.whole) -> region => region.or_else(|_| self.parts.recv()).ok(),
            recv(self.parts) -> region => region.or_else(|_| self.whole.recv()).ok(),
        }
    }
}

/// Packs that are not there, so that nobody looks for them again.
#[derive(Default)]
pub(super) struct Packs {
    lost: Mutex<HashSet<PackName>>,
    refreshing: Mutex<()>,
}

impl Packs {
    /// Notes it, once `refresh` has looked where its contents are now. Whoever comes meanwhile waits for that: what he
    /// knows of the index is as old.
    fn lose(&self, pack: &PackName, refresh: impl FnOnce() -> Result<()>) -> Result<()> {
        let _turn = self.refreshing.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.is_lost(pack) {
            refresh()?;
            self.lost.lock().unwrap_or_else(PoisonError::into_inner).insert(pack.clone());
        }
        Ok(())
    }

    fn is_lost(&self, pack: &PackName) -> bool {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner).contains(pack)
    }
}

impl Run {
    /// Reads regions ahead of the workers, until there are no more.
    pub(super) fn read_ahead(&self, planned: &Receiver<Region>, fetched: &Sender<(Region, Result<Option<Bytes>>)>) {
        for region in planned {
            if !self.is_over() {
                let bytes = self.read(&region);
                if fetched.send((region, bytes)).is_err() {
                    return;
                }
            }
        }
    }

    /// Restores what regions of local packs hold, until there are no more.
    pub(super) fn work(&self, planned: &Planned, longest: usize) {
        self.restore_all(std::iter::from_fn(|| planned.next()), longest);
    }

    /// As [`Run::work`], only parts of files. Their threads wait for the disk most of the time.
    pub(super) fn work_on_parts(&self, planned: &Planned, longest: usize) {
        self.restore_all(planned.parts.iter(), longest);
    }

    fn restore_all(&self, regions: impl Iterator<Item = Region>, longest: usize) {
        let mut room = Room::new(longest);
        for region in regions.filter(|_| !self.is_over()) {
            let bytes = room.read(self.repository.blobs(), &region).ok().flatten();
            self.restore(&region, bytes);
        }
    }

    /// Restores what regions hold that others have read.
    pub(super) fn work_on_fetched(&self, regions: &Receiver<(Region, Result<Option<Bytes>>)>) {
        for (region, bytes) in regions {
            let bytes = bytes.ok().flatten();
            let mut bytes = bytes.map(|bytes| bytes.try_into_mut().unwrap_or_else(|shared| (&*shared).into()));
            self.restore(&region, bytes.as_deref_mut());
        }
    }

    fn read(&self, region: &Region) -> Result<Option<Bytes>> {
        self.repository.blobs().get_range_blocking(&region.pack, region.start, region.length)
    }

    /// Opens each content of a region once and hands it to all pieces that use it. What fails is read alone: the rest
    /// of a damaged region is good.
    fn restore(&self, region: &Region, mut bytes: Option<&mut [u8]>) {
        let (format, seal) = (self.repository.format(), self.repository.seal());
        for uses in region.pieces.chunk_by(|a, b| a.entry == b.entry) {
            if self.is_over() {
                return;
            }
            let entry = &uses[0].entry; // a chunk has one at least
            let from = usize::try_from(u64::from(entry.offset) - region.start).unwrap_or(usize::MAX);
            let sealed =
                bytes.as_mut().and_then(|bytes| bytes.get_mut(from..)?.get_mut(..entry.packed_length as usize));
            let plain = match sealed.map(|sealed| unpack_in_place(&format, &seal, entry, sealed)) {
                Some(Ok(plain)) => Ok(plain),
                _ => self.read_alone(entry).map(|bytes| Cow::Owned(bytes.into())),
            };
            match plain {
                Ok(plain) => uses.iter().for_each(|piece| self.deliver_piece(piece, &plain)),
                Err(error) => uses.iter().for_each(|piece| self.lose(&piece.job, repeated(&error))),
            }
        }
    }

    /// One content by itself. When its pack is gone, another program may have moved the content; the index is read
    /// again once for each pack.
    fn read_alone(&self, entry: &Entry) -> Result<Bytes> {
        let (format, seal, blobs) = (self.repository.format(), self.repository.seal(), self.repository.blobs());
        let read = |entry: &Entry| -> Result<Option<Bytes>> {
            if self.packs.is_lost(&entry.pack) {
                return Ok(None);
            }
            let (offset, length) = (u64::from(entry.offset), u64::from(entry.packed_length));
            let sealed = blobs.get_range_blocking(&entry.pack, offset, length);
            let named = |error: Error| match error {
                Error::Corrupt { key, reason } => Error::corrupt(
                    format!("content {} in pack {}", entry.content, entry.pack),
                    format!("{key}: {reason}"),
                ),
                other => other,
            };
            sealed.map_err(named)?.map(|sealed| unpack(&format, &seal, entry, sealed)).transpose()
        };
        if let Some(plain) = read(entry)? {
            return Ok(plain);
        }
        self.packs.lose(&entry.pack, || blobs.wait(self.repository.refresh_index()))?;
        let moved = self.repository.entry_blocking(&entry.content)?;
        let moved = moved.ok_or_else(|| Error::Missing { what: format!("content {}", entry.content) })?;
        match read(&moved)? {
            Some(plain) => Ok(plain),
            None => {
                let reason = format!("it is missing, and content {} was in it", moved.content);
                Err(Error::corrupt(format!("pack {}", moved.pack), reason))
            }
        }
    }

    fn deliver_piece(&self, piece: &Piece, plain: &[u8]) {
        if !piece.compressed {
            return self.deliver(&piece.job, piece.place, plain);
        }
        let limit = match piece.place {
            Place::Whole => u64::MAX,
            Place::Part { length, .. } => length,
        };
        match expand(&ObjectId::direct(piece.entry.content), plain, limit) {
            Ok(plain) => self.deliver(&piece.job, piece.place, &plain),
            Err(error) => self.lose(&piece.job, error),
        }
    }
}

/// The same failure for another file that uses the content.
fn repeated(error: &Error) -> Error {
    match error {
        Error::Corrupt { key, reason } => Error::corrupt(key, reason),
        Error::Missing { what } => Error::Missing { what: what.clone() },
        Error::Invalid { what, reason } => Error::invalid(what, reason),
        other => Error::corrupt("its content", super::run::chain(other)),
    }
}
