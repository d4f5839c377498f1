//! S2 streams: Snappy's framing around blocks of a richer code.
//!
//! ```text
//! chunk   kind (u8) | length (u24, little-endian) | masked CRC-32C (4) | block
//! ```
//!
//! Reading takes S2 and Snappy streams, checks every CRC and never unpacks more than it is allowed to; a chunk claims
//! its unpacked length, which counts before memory is taken.

use minlz::s2;

/// The chunk that begins a stream of S2.
const MAGIC: &[u8] = b"\xff\x06\x00\x00S2sTwO";
/// What such a chunk may hold.
const IDENTITIES: [&[u8]; 2] = [b"S2sTwO", b"sNaPpY"];
/// A chunk with a packed block.
const PACKED: u8 = 0x00;
/// A chunk with a block as it is.
const PLAIN: u8 = 0x01;
/// Plain bytes of a block that is written.
const BLOCK: usize = 1 << 20;
/// Plain bytes that a block may claim.
const MAX_BLOCK: usize = 4 << 20;

/// A stream of `plain`; `better` spends more time.
pub(super) fn compress(plain: &[u8], better: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(MAGIC.len() + plain.len() / 2);
    out.extend_from_slice(MAGIC);
    for block in plain.chunks(BLOCK) {
        let packed = if better { s2::encode_better(block) } else { s2::encode(block) };
        let (kind, body) = if packed.len() < block.len() { (PACKED, &packed[..]) } else { (PLAIN, block) };
        out.push(kind);
        let length = body.len() + 4;
        out.extend_from_slice(&length.to_le_bytes()[..3]); // a block and its CRC are below 2^24
        out.extend_from_slice(&minlz::crc::crc(block).to_le_bytes());
        out.extend_from_slice(body);
    }
    out
}

/// What a stream unpacks to: at most `limit` bytes. Otherwise what is wrong.
pub(super) fn decompress(stream: &[u8], limit: usize) -> Result<Vec<u8>, String> {
    if stream.first() != Some(&0xff) {
        return Err("it does not begin as an S2 stream".to_owned());
    }
    let mut out = Vec::new();
    let mut rest = stream;
    while !rest.is_empty() {
        let (&[kind, low, middle, high], after) = rest.split_first_chunk::<4>().ok_or("a chunk is cut off")?;
        let length = usize::from(low) | usize::from(middle) << 8 | usize::from(high) << 16;
        let body;
        (body, rest) = after.split_at_checked(length).ok_or("a chunk is cut off")?;
        match kind {
            PACKED | PLAIN => append(&mut out, kind, body, limit)?,
            0xff if IDENTITIES.contains(&body) => {}
            0x80..=0xfe => {} // may be skipped: padding, seek tables
            _ => return Err(format!("a chunk of unknown kind {kind:#04x}")),
        }
    }
    Ok(out)
}

/// Unpacks one chunk.
fn append(out: &mut Vec<u8>, kind: u8, body: &[u8], limit: usize) -> Result<(), String> {
    let (crc, block) = body.split_first_chunk::<4>().ok_or("a chunk is too short")?;
    let length = match kind {
        PACKED => s2::decode_len(block).map_err(|reason| reason.to_string())?.0,
        _ => block.len(),
    };
    if length > MAX_BLOCK || length > limit.saturating_sub(out.len()) {
        return Err(format!("it unpacks to more than the {limit} bytes that are allowed"));
    }
    let start = out.len();
    if kind == PACKED {
        out.resize(start + length, 0);
        s2::decode_into(&mut out[start..], block).map_err(|reason| reason.to_string())?; // grown in the line above
    } else {
        out.extend_from_slice(block);
    }
    let sound = out.get(start..).is_some_and(|plain| minlz::crc::crc(plain) == u32::from_le_bytes(*crc));
    if sound { Ok(()) } else { Err("the checksum of a chunk is wrong".to_owned()) }
}
