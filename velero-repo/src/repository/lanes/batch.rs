//! Which input goes through which of eight lanes, and when.
//!
//! The longest input starts first and a lane whose input has ended takes the next one, so the lanes end nearly
//! together. Inputs so long that the others would be done long before them are left out.

use std::cmp::Reverse;

use super::avx512::{CONSTANTS, compress};

pub(super) const LANES: usize = 8;
/// Bytes that BLAKE2b takes in at once.
pub(super) const BLOCK: usize = 128;
/// Word by word, the lanes' states next to each other.
pub(super) type State = [[u64; LANES]; 8];

/// Blocks that lanes take in without looking whether one has come to its end.
const STRIDE: usize = 32;
static IDLE: [u8; STRIDE * BLOCK] = [0; STRIDE * BLOCK];
/// How many times longer an input takes in one of eight lanes than alone, in tenths (measured: 19).
const SHARED: usize = 19;

/// The inputs, longest first, and how many of them are faster hashed without lanes.
pub(super) fn order(inputs: &[&[u8]]) -> (Vec<usize>, usize) {
    let mut order: Vec<usize> = (0..inputs.len()).collect();
    order.sort_by_key(|&input| Reverse(inputs[input].len()));
    let (mut alone, mut rest) = (0, inputs.iter().map(|input| input.len()).sum::<usize>());
    let mut best = (usize::MAX, 0);
    for position in 0..order.len() {
        let length = |after: usize| order.get(position + after).map_or(0, |&input| inputs[input].len());
        let longest = length(0);
        // With more inputs than lanes, some lane takes two of the first nine.
        let two = if length(LANES) == 0 { 0 } else { length(LANES - 1) + length(LANES) };
        let cost = 10 * alone + SHARED * longest.max(two).max(rest / LANES);
        best = best.min((cost, position));
        (alone, rest) = (alone + longest, rest - longest);
    }
    let count = if 10 * alone <= best.0 { inputs.len() } else { best.1 };
    // No bytes are less than the lanes' least step.
    let empty = order.iter().rev().take_while(|&&input| inputs[input].is_empty()).count();
    order.rotate_right(empty);
    (order, (count + empty).min(inputs.len()))
}

/// One input on its way through a lane.
struct Job<'a> {
    input: usize,
    rest: &'a [u8],
}

/// The digests of the inputs named by `order`, none of which is empty, written to their places in `digests`.
pub(super) fn run(key: &[u8], digest_length: usize, inputs: &[&[u8]], order: &[usize], digests: &mut [[u8; 64]]) {
    let (start, start_count) = keyed(key, digest_length);
    let (mut state, mut counts): (State, _) = ([[0; LANES]; 8], [0; LANES]);
    let mut waiting = order.iter();
    let mut jobs: [Option<Job>; LANES] = [const { None }; LANES];
    loop {
        for lane in 0..LANES {
            if jobs[lane].is_none()
                && let Some(&input) = waiting.next()
            {
                jobs[lane] = Some(Job { input, rest: inputs[input] });
                (0..8).for_each(|word| state[word][lane] = start[word]);
                counts[lane] = start_count;
            }
        }
        // The last block of an input, whole or not, is taken in on its own.
        let Some(blocks) = jobs.iter().flatten().map(|job| (job.rest.len() - 1) / BLOCK).min() else { return };
        if blocks > 0 {
            advance(&mut state, &mut jobs, &mut counts, blocks.min(STRIDE) * BLOCK);
        } else {
            finish(&mut state, &mut jobs, &mut counts, |input, digest| {
                digests[input][..digest_length].copy_from_slice(&digest[..digest_length]);
            });
        }
    }
}

/// Takes `length` bytes into every lane; each has more.
fn advance(state: &mut State, jobs: &mut [Option<Job>; LANES], counts: &mut [u64; LANES], length: usize) {
    let mut taken: [&[u8]; LANES] = [&IDLE[..length]; LANES];
    for (taken, job) in taken.iter_mut().zip(jobs.iter_mut()) {
        if let Some(job) = job {
            (*taken, job.rest) = job.rest.split_at(length);
        }
    }
    compress(state, &taken, counts, &[0; LANES]);
}

/// Takes one block into every lane, and empties those for which it was the last.
fn finish(
    state: &mut State,
    jobs: &mut [Option<Job>; LANES],
    counts: &mut [u64; LANES],
    mut done: impl FnMut(usize, [u8; 64]),
) {
    let (mut tails, mut last) = ([[0; BLOCK]; LANES], [0; LANES]);
    for lane in 0..LANES {
        if let Some(job) = &mut jobs[lane] {
            let (block, rest) = job.rest.split_at(job.rest.len().min(BLOCK));
            tails[lane][..block.len()].copy_from_slice(block);
            if rest.is_empty() {
                last[lane] = u64::MAX;
                // The count is of bytes, without the zeros that fill the block.
                counts[lane] = counts[lane].wrapping_sub((BLOCK - block.len()) as u64);
            }
            job.rest = rest;
        }
    }
    compress(state, &tails.each_ref().map(|tail| &tail[..]), counts, &last);
    for (lane, job) in jobs.iter_mut().enumerate() {
        if let Some(ended) = job.take_if(|job| job.rest.is_empty()) {
            let mut digest = [0; 64];
            for (bytes, words) in digest.chunks_exact_mut(8).zip(&*state) {
                bytes.copy_from_slice(&words[lane].to_le_bytes());
            }
            done(ended.input, digest);
        }
    }
}

/// The state that every input starts from, and the bytes that led to it: a key is a block of its own.
fn keyed(key: &[u8], digest_length: usize) -> ([u64; 8], u64) {
    let mut start = CONSTANTS;
    start[0] ^= 0x0101_0000 ^ (key.len() as u64) << 8 ^ digest_length as u64;
    if key.is_empty() {
        return (start, 0);
    }
    let mut block = zeroize::Zeroizing::new([0; BLOCK]);
    block[..key.len()].copy_from_slice(key);
    let mut state = start.map(|word| [word; LANES]);
    compress(&mut state, &[&block[..]; LANES], &mut [0; LANES], &[0; LANES]);
    (state.map(|lanes| lanes[0]), BLOCK as u64)
}
