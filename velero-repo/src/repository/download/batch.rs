//! Pieces of files, sorted into regions of packs. Pure.

use std::sync::Arc;

use crossbeam_channel::Sender;

use super::job::Job;
use super::memory::Plan;
use crate::repository::index::Entry;
use crate::repository::name::PackName;

/// One use of a content in a file.
pub(super) struct Piece {
    /// The content, and where it lies.
    pub(super) entry: Entry,
    /// Whether its bytes begin with the number of a compressor, as objects of index version 1 may.
    pub(super) compressed: bool,
    pub(super) job: Arc<Job>,
    pub(super) place: Place,
}

/// Where a piece belongs in its file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// It is the whole file, or the link's target.
    Whole,
    /// It is a part of it.
    Part {
        /// Its first byte.
        start: u64,
        /// Its bytes, as the object's list says.
        length: u64,
        /// Bytes of the whole file.
        total: u64,
    },
}

/// A stretch of a pack that is read at once.
pub(super) struct Region {
    pub(super) pack: PackName,
    pub(super) start: u64,
    pub(super) length: u64,
    /// By offset; those of the same content follow each other, and no others overlap.
    pub(super) pieces: Vec<Piece>,
}

impl Region {
    fn new(piece: Piece) -> Region {
        let (start, length) = (u64::from(piece.entry.offset), u64::from(piece.entry.packed_length));
        Region { pack: piece.entry.pack.clone(), start, length, pieces: vec![piece] }
    }

    /// Takes the piece if it lies right behind the last one, or is another use of it.
    fn take(&mut self, piece: Piece, plan: &Plan) -> Option<Piece> {
        let (offset, end) = (u64::from(piece.entry.offset), self.start + self.length);
        let longer = (offset + u64::from(piece.entry.packed_length)).saturating_sub(self.start);
        let same = self.pieces.last().is_some_and(|last| last.entry == piece.entry);
        let near = offset >= end && offset - end <= u64::from(plan.gap) && longer <= plan.region as u64;
        if piece.entry.pack != self.pack || !(same || near) {
            return Some(piece);
        }
        if near {
            self.length = longer;
        }
        self.pieces.push(piece);
        None
    }
}

/// Where regions go to be restored.
pub(super) struct Tasks {
    /// Those of whole files.
    pub(super) whole: Sender<Region>,
    /// Those with parts of files.
    pub(super) parts: Sender<Region>,
}

impl Tasks {
    /// Hands a region over; waits while there are enough. Whether anybody is there to take it.
    pub(super) fn send(&self, region: Region) -> bool {
        let part = region.pieces.iter().any(|piece| matches!(piece.place, Place::Part { .. }));
        let queue = if part { &self.parts } else { &self.whole };
        queue.send(region).is_ok()
    }
}

/// The regions that hold all pieces, in the order of packs and offsets.
pub(super) fn regions(mut pieces: Vec<Piece>, plan: &Plan) -> Vec<Region> {
    pieces.sort_by(|a, b| {
        let key = |piece: &Piece| (piece.entry.offset, piece.entry.packed_length);
        let names = a.entry.pack.as_str().cmp(b.entry.pack.as_str());
        names.then(key(a).cmp(&key(b))).then(a.entry.content.cmp(&b.entry.content))
    });
    let mut regions: Vec<Region> = Vec::new();
    for piece in pieces {
        let rest = match regions.last_mut() {
            Some(region) => region.take(piece, plan),
            None => Some(piece),
        };
        regions.extend(rest.map(Region::new));
    }
    regions
}
