//! Which of several index blobs an entry is written to.

/// Entries that one index blob takes at most when we write it, as with Kopia.
pub const SHARD_ROWS: usize = 16_000_000;

/// Into how many index blobs this many entries are split.
pub fn shard_count(rows: usize) -> usize {
    rows.div_ceil(SHARD_ROWS).max(1)
}

/// The shard of a content, by its binary key: FNV-1a over the text form of the id, as Kopia does. Readers accept any
/// partition.
pub fn shard_of(key: &[u8], shards: usize) -> usize {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(16_777_619);
    let (prefix, hash) = key.split_first().map_or((0, key), |(prefix, hash)| (*prefix, hash));
    let mut sum = 2_166_136_261;
    if prefix != 0 {
        sum = step(sum, prefix);
    }
    for byte in hash {
        // Nibbles are below 16.
        sum = step(sum, DIGITS[usize::from(byte >> 4)]);
        sum = step(sum, DIGITS[usize::from(byte & 15)]);
    }
    usize::try_from(sum).unwrap_or(0) % shards.max(1)
}
