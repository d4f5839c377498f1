//! Error correction `REED-SOLOMON-CRC32`: a sealed value in shards, of which some may be lost.
//!
//! ```text
//! value   length (u32, big-endian) | sealed bytes | zeros       cut into shards of one size, a number of them a block
//! stored  parity shards of all blocks | data shards             each with its CRC-32 (big-endian) in front
//! ```
//!
//! Short values use 6 + 2 shards as small as possible; those of up to a block the usual number of shards, again as
//! small as possible; longer ones shards of full size, where the zeros at the end are not stored. A shard whose CRC is
//! wrong counts as lost. Up to the number of parity shards may be lost in each block; beyond that the value is refused.
//! The code itself is the systematic one of a Vandermonde matrix over GF(2^8) with polynomial 0x11d.

use reed_solomon_erasure::galois_8::ReedSolomon;

use crate::repository::format::FORMAT_BLOB;
use crate::{Error, Result};

/// The only name that Kopia has.
const NAME: &str = "REED-SOLOMON-CRC32";
/// Bytes of the length in front of the value.
const LENGTH: usize = 4;
/// Bytes of the CRC in front of a shard.
const CRC: usize = 4;
/// Data shards of short values.
const SMALL_DATA: usize = 6;
/// Parity shards of short values.
const SMALL_PARITY: usize = 2;

/// The error correction of one repository.
pub(super) struct Ecc {
    small: ReedSolomon,
    large: ReedSolomon,
    shard: usize,
}

/// How one value is cut.
struct Layout<'a> {
    code: &'a ReedSolomon,
    shard: usize,
    blocks: usize,
    /// Whether the zeros at the end are stored.
    padded: bool,
}

impl Ecc {
    /// The algorithm of a stored name, with a share in percent.
    pub(super) fn new(name: &str, percent: u32) -> Result<Self> {
        if name != NAME {
            return Err(Error::invalid(
                FORMAT_BLOB,
                format!("the error correction {name:?} is not known to this version"),
            ));
        }
        if !(1..=100).contains(&percent) {
            return Err(Error::invalid(FORMAT_BLOB, format!("error correction of {percent} percent is not 1 to 100")));
        }
        let shard = match percent {
            1 => 1024,
            2 => 512,
            3 => 256,
            4..=6 => 128,
            _ => 64,
        };
        Self::with_shard(percent, shard)
    }

    /// The same with shards of a given size, bytes.
    fn with_shard(percent: u32, shard: u16) -> Result<Self> {
        let percent = u8::try_from(percent).unwrap_or(100);
        let (data, parity) = counts((f32::from(percent) - 400.0 / f32::from(shard)).max(0.01));
        let code = |data, parity| {
            ReedSolomon::new(data, parity).map_err(|reason| Error::invalid("error correction", reason.to_string()))
        };
        Ok(Self { small: code(SMALL_DATA, SMALL_PARITY)?, large: code(data, parity)?, shard: usize::from(shard) })
    }

    /// Length of the stored form of `sealed` bytes.
    pub(super) fn stored_length(&self, sealed: usize) -> usize {
        let value = sealed + LENGTH;
        let layout = self.layout(value);
        match layout.padded {
            true => layout.total() * (CRC + layout.shard),
            false => layout.parity_length() + value + value.div_ceil(layout.shard) * CRC,
        }
    }

    /// The stored form.
    pub(super) fn encode(&self, sealed: &[u8]) -> Result<Vec<u8>> {
        let too_large = |_| Error::invalid("sealing a content", "it is too large for error correction");
        let length = u32::try_from(sealed.len()).map_err(too_large)?;
        let layout = self.layout(sealed.len() + LENGTH);
        let mut value = Vec::with_capacity(layout.data_length());
        value.extend_from_slice(&length.to_be_bytes());
        value.extend_from_slice(sealed);
        value.resize(layout.data_length(), 0);

        let stored_length = self.stored_length(sealed.len());
        let mut stored = Vec::with_capacity(stored_length + CRC + layout.shard);
        let mut parity = vec![vec![0; layout.shard]; layout.code.parity_shard_count()];
        for block in value.chunks(layout.data_length() / layout.blocks) {
            let shards: Vec<&[u8]> = block.chunks(layout.shard).collect();
            let coded = layout.code.encode_sep(&shards, &mut parity);
            coded.map_err(|reason| Error::invalid("sealing a content", format!("error correction: {reason}")))?;
            parity.iter().for_each(|shard| push_shard(&mut stored, shard));
        }
        for shard in value.chunks(layout.shard) {
            if stored.len() < stored_length {
                push_shard(&mut stored, shard);
            }
        }
        stored.truncate(stored_length);
        Ok(stored)
    }

    /// The sealed bytes, repaired where that is needed and possible; otherwise what is wrong.
    pub(super) fn decode(&self, stored: &[u8]) -> Result<Vec<u8>, String> {
        let layout = self.layout_of_stored(stored.len()).ok_or("its length fits no error correction")?;
        let (parity, data) =
            stored.split_at_checked(layout.parity_length()).ok_or("its length fits no error correction")?;
        let mut value = Vec::with_capacity(layout.data_length());
        let mut bad = Vec::new();
        let mut rest = data;
        for number in 0..layout.data_length() / layout.shard {
            let stored;
            (stored, rest) = rest.split_at(rest.len().min(CRC + layout.shard));
            let start = value.len();
            value.extend_from_slice(stored.get(CRC..).unwrap_or_default());
            value.resize(start + layout.shard, 0);
            if !stored.is_empty() && !is_sound(stored, &value[start..]) {
                bad.push(number); // `start` is within `value`: it grew from there
            }
        }
        let per_block = layout.code.data_shard_count();
        for block in bad.chunk_by(|left, right| left / per_block == right / per_block) {
            layout.repair(block, parity, &mut value)?;
        }
        let length = value.first_chunk().map_or(0, |length| u32::from_be_bytes(*length));
        let length = usize::try_from(length).map_err(|_| "its length does not fit into memory")?;
        if self.stored_length(length) != stored.len() {
            return Err("its length is not that of its error correction".to_owned());
        }
        value.truncate(LENGTH + length);
        value.drain(..LENGTH.min(value.len()));
        Ok(value)
    }

    /// The cut of a value of `length` bytes, its own length included.
    fn layout(&self, length: usize) -> Layout<'_> {
        let block = self.large.data_shard_count() * self.shard;
        if length <= self.small_limit() {
            Layout { code: &self.small, shard: length.div_ceil(SMALL_DATA), blocks: 1, padded: true }
        } else if length <= block {
            let shard = length.div_ceil(self.large.data_shard_count());
            Layout { code: &self.large, shard, blocks: 1, padded: true }
        } else {
            Layout { code: &self.large, shard: self.shard, blocks: length.div_ceil(block), padded: false }
        }
    }

    /// The cut of a value whose stored form has `stored` bytes; `None` when none has that length.
    fn layout_of_stored(&self, stored: usize) -> Option<Layout<'_>> {
        let total = self.large.total_shard_count();
        let small_total = SMALL_DATA + SMALL_PARITY;
        let padded = |code, total: usize| {
            let shard = (stored / total).checked_sub(CRC)?;
            (shard > 0 && stored.is_multiple_of(total)).then_some(Layout { code, shard, blocks: 1, padded: true })
        };
        if stored <= small_total * (CRC + self.small_limit().div_ceil(SMALL_DATA)) {
            padded(&self.small, small_total)
        } else if stored <= total * (CRC + self.shard) {
            padded(&self.large, total)
        } else {
            let blocks = stored.div_ceil(total * (CRC + self.shard));
            Some(Layout { code: &self.large, shard: self.shard, blocks, padded: false })
        }
    }

    /// The longest value that is cut into the small number of shards.
    fn small_limit(&self) -> usize {
        2 * CRC * self.large.total_shard_count()
    }
}

impl Layout<'_> {
    fn total(&self) -> usize {
        self.code.total_shard_count()
    }

    /// Stored bytes of all parity shards.
    fn parity_length(&self) -> usize {
        self.blocks * self.code.parity_shard_count() * (CRC + self.shard)
    }

    /// Bytes of all data shards, without CRCs and with all zeros.
    fn data_length(&self) -> usize {
        self.blocks * self.code.data_shard_count() * self.shard
    }

    /// Computes the shards of one block anew whose numbers are in `bad`.
    fn repair(&self, bad: &[usize], parity: &[u8], value: &mut [u8]) -> Result<(), String> {
        let data_count = self.code.data_shard_count();
        let block = bad.first().map_or(0, |number| number / data_count);
        let data = value.chunks(self.shard).enumerate().skip(block * data_count).take(data_count);
        let data = data.map(|(number, shard)| (!bad.contains(&number)).then(|| shard.to_vec()));
        let parity_count = self.code.parity_shard_count();
        let parity = parity.chunks(CRC + self.shard).skip(block * parity_count).take(parity_count).map(|stored| {
            let shard = stored.get(CRC..).unwrap_or_default();
            is_sound(stored, shard).then(|| shard.to_vec())
        });
        let mut shards: Vec<Option<Vec<u8>>> = data.chain(parity).collect();
        self.code
            .reconstruct_data(&mut shards)
            .map_err(|_| format!("more shards are lost than the {parity_count} that error correction can repair"))?;
        for &number in bad {
            let repaired = shards.get_mut(number - block * data_count).and_then(Option::take);
            let place = value.chunks_mut(self.shard).nth(number);
            let (place, repaired) = place.zip(repaired).ok_or("error correction left a shard out")?;
            place.copy_from_slice(&repaired);
        }
        Ok(())
    }
}

/// Numbers of data and parity shards for a free share in percent; 32-bit floats, as Kopia counts.
fn counts(free: f32) -> (usize, usize) {
    // The products are small and not negative, so the cast only drops the fraction.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let share = |count: u8, factor: f32| (f64::from(count) * f64::from(factor)).floor() as usize;
    match share(128, free / 100.0).clamp(1, 128) {
        1 => (share(2, 100.0 / free).clamp(128, 254), 2),
        parity => (128, parity),
    }
}

fn push_shard(out: &mut Vec<u8>, shard: &[u8]) {
    out.extend_from_slice(&crc32fast::hash(shard).to_be_bytes());
    out.extend_from_slice(shard);
}

/// Whether the CRC in front of `stored` is that of `shard`, its content with all zeros.
fn is_sound(stored: &[u8], shard: &[u8]) -> bool {
    stored.first_chunk().is_some_and(|crc| u32::from_be_bytes(*crc) == crc32fast::hash(shard))
}

#[cfg(test)]
mod tests;
