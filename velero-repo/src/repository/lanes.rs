//! BLAKE2b over several contents at once.
//!
//! Comes in: a key and any number of inputs of any lengths. Goes out: one digest per input, in their order, the same
//! as one input alone has. Several inputs go through the processor's vector lanes side by side, and a lane whose input
//! has ended takes the next one.

use blake2b_simd::Params;
use blake2b_simd::many::{HashManyJob, hash_many as hash_jobs};

/// The keyed BLAKE2b digests of `inputs`, in their order. The first `digest_length` bytes (1 to 64) of each are the
/// digest, the others zero. The key has 0 to 64 bytes.
///
/// # Panics
///
/// When the key or the digest is longer than BLAKE2b allows; both are checked when a repository is opened.
pub fn hash_many(key: &[u8], digest_length: usize, inputs: &[&[u8]]) -> Vec<[u8; 64]> {
    let mut params = Params::new();
    params.key(key).hash_length(digest_length);
    let mut jobs: Vec<HashManyJob> = inputs.iter().map(|input| HashManyJob::new(&params, input)).collect();
    hash_jobs(&mut jobs);
    jobs.iter().map(|job| padded(job.to_hash().as_bytes())).collect()
}

fn padded(digest: &[u8]) -> [u8; 64] {
    let mut out = [0; 64];
    out[..digest.len()].copy_from_slice(digest); // a BLAKE2b digest has at most 64 bytes
    out
}
