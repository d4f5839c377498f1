//! BLAKE2b over several contents at once.
//!
//! Comes in: a key and any number of inputs of any lengths. Goes out: one digest per input, in their order, the same
//! as one input alone has. Several inputs go through the processor's vector lanes side by side, and a lane whose input
//! has ended takes the next one: eight lanes on processors with AVX-512, `blake2b_simd`'s four elsewhere and for inputs
//! that would leave the other lanes without work.

#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod batch;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;

use blake2b_simd::many::{HashManyJob, hash_many as hash_jobs};
use blake2b_simd::{KEYBYTES, OUTBYTES, Params};

/// The keyed BLAKE2b digests of `inputs`, in their order. The first `digest_length` bytes (1 to 64) of each are the
/// digest, the others zero. The key has 0 to 64 bytes.
///
/// # Panics
///
/// When the key or the digest is longer than BLAKE2b allows; both are checked when a repository is opened.
pub fn hash_many(key: &[u8], digest_length: usize, inputs: &[&[u8]]) -> Vec<[u8; 64]> {
    assert!(key.len() <= KEYBYTES && (1..=OUTBYTES).contains(&digest_length), "BLAKE2b has no such key or digest");
    let mut digests = vec![[0; 64]; inputs.len()];
    #[cfg(target_arch = "x86_64")]
    if avx512::available() && inputs.len() > 2 {
        let (order, alone) = batch::order(inputs);
        hash_portable(key, digest_length, inputs, &order[..alone], &mut digests);
        batch::run(key, digest_length, inputs, &order[alone..], &mut digests);
        return digests;
    }
    // A lane that is left alone at the end costs as much as all four, so the longest inputs come first.
    let mut order: Vec<usize> = (0..inputs.len()).collect();
    order.sort_by_key(|&input| Reverse(inputs[input].len()));
    hash_portable(key, digest_length, inputs, &order, &mut digests);
    digests
}

/// The digests of the inputs named by `order`, written to their places in `digests`, with what the crate has.
fn hash_portable(key: &[u8], digest_length: usize, inputs: &[&[u8]], order: &[usize], digests: &mut [[u8; 64]]) {
    let mut params = Params::new();
    params.key(key).hash_length(digest_length);
    let mut jobs: Vec<HashManyJob> = order.iter().map(|&input| HashManyJob::new(&params, inputs[input])).collect();
    hash_jobs(&mut jobs);
    for (&input, job) in order.iter().zip(&jobs) {
        digests[input][..digest_length].copy_from_slice(job.to_hash().as_bytes());
    }
}
