//! The 32-bit BUZHASH of the last 64 bytes, and the search for where it allows a cut.
//!
//! Rolling in a byte rotates the hash by one and XORs the byte's table value in; the byte that leaves after 64 steps
//! has been rotated twice around, so its plain value takes it out again.

use super::WINDOW;
use super::table::BUZHASH;

/// An implementation of the search; all of them find the same places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kernel {
    /// Byte by byte, on any processor.
    Scalar,
    /// Eight stretches side by side.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// Sixty-four table look-ups at once.
    #[cfg(target_arch = "x86_64")]
    Avx512,
}

impl Kernel {
    /// All that this processor runs, the fastest last.
    pub(crate) fn available() -> Vec<Kernel> {
        let mut kernels = vec![Kernel::Scalar];
        #[cfg(target_arch = "x86_64")]
        {
            if super::avx2::available() {
                kernels.push(Kernel::Avx2);
            }
            if super::avx512::available() {
                kernels.push(Kernel::Avx512);
            }
        }
        kernels
    }

    /// The fastest that this processor runs.
    pub(crate) fn fastest() -> Kernel {
        Kernel::available().pop().unwrap_or(Kernel::Scalar)
    }

    /// Where the first 64 bytes within `data` end whose hash has no bit of `mask`: an index from 64 to its length.
    pub(crate) fn find(self, data: &[u8], mask: usize) -> Option<usize> {
        let mask = mask as u32; // averages are at most 8 MiB
        match self {
            Kernel::Scalar => scalar(data, mask),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx2 => super::avx2::find(data, mask),
            #[cfg(target_arch = "x86_64")]
            Kernel::Avx512 => super::avx512::find(data, mask),
        }
    }
}

/// The search in plain steps; the vector kernels leave odd ends to it and are tested against it.
pub(super) fn scalar(data: &[u8], mask: u32) -> Option<usize> {
    let (first, rest) = data.split_at_checked(WINDOW)?;
    let mut hash = first.iter().fold(0u32, |hash, &byte| hash.rotate_left(1) ^ BUZHASH[byte as usize]);
    if hash & mask == 0 {
        return Some(WINDOW);
    }
    for (step, (&entering, &leaving)) in rest.iter().zip(data).enumerate() {
        hash = hash.rotate_left(1) ^ BUZHASH[entering as usize] ^ BUZHASH[leaving as usize];
        if hash & mask == 0 {
            return Some(WINDOW + step + 1);
        }
    }
    None
}
