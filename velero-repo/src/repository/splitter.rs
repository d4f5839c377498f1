//! Where a stream is cut into contents, by the stored name of the splitter.
//!
//! Comes in: a splitter's name, then the bytes of one object from the start of the current chunk. Goes out: the length
//! of that chunk as soon as it is known. Refused: names that Kopia does not know.
//!
//! Which contents two snapshots share depends on every cut being where Kopia makes it, so [`Cutter`] answers as Kopia's
//! rolling loop does, without running it: both rolling hashes are functions of the last 64 bytes alone, and the
//! shortest chunk is longer than that. A chunk therefore needs nothing of the chunk before it, its first
//! `min_chunk - 64` bytes need not be hashed, and any stretch can be searched independently, which is what the vector
//! kernels do. All kernels find the same cuts; which one runs is the processor's choice.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod buzhash;
mod rabin_karp;
mod table;
#[cfg(test)]
mod tests;

use crate::{Error, Result};

/// Bytes that decide whether a cut may follow them.
const WINDOW: usize = 64;

/// What decides about a cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Fixed,
    Buzhash(buzhash::Kernel),
    RabinKarp,
}

/// A way to cut streams, as a repository's format names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Splitter {
    rule: Rule,
    /// Bytes; a power of two.
    average: usize,
}

impl Splitter {
    /// The splitter that a repository's format calls `name`, such as `DYNAMIC-4M-BUZHASH`. The older names `FIXED` (also
    /// meant by no name at all) and `DYNAMIC` stand for `FIXED-4M` and `DYNAMIC-4M-BUZHASH`.
    ///
    /// # Errors
    ///
    /// Invalid, when Kopia has no splitter of that name.
    pub fn by_name(name: &str) -> Result<Splitter> {
        let full = match name {
            "" | "FIXED" => "FIXED-4M",
            "DYNAMIC" => "DYNAMIC-4M-BUZHASH",
            name => name,
        };
        let parts: Vec<&str> = full.split('-').collect();
        let (rule, size) = match parts[..] {
            ["FIXED", size] => (Rule::Fixed, size),
            ["DYNAMIC", size, "BUZHASH"] => (Rule::Buzhash(buzhash::Kernel::fastest()), size),
            ["DYNAMIC", size, "RABINKARP"] => (Rule::RabinKarp, size),
            _ => return Err(unknown(name)),
        };
        let average = match size {
            "128K" => 128 << 10,
            "256K" => 256 << 10,
            "512K" => 512 << 10,
            "1M" => 1 << 20,
            "2M" => 2 << 20,
            "4M" => 4 << 20,
            "8M" => 8 << 20,
            _ => return Err(unknown(name)),
        };
        Ok(Splitter { rule, average })
    }

    /// The shortest chunk in bytes; only the last one of a stream may be shorter.
    pub fn min_chunk(&self) -> usize {
        if self.rule == Rule::Fixed { self.average } else { self.average / 2 }
    }

    /// The longest chunk in bytes.
    pub fn max_chunk(&self) -> usize {
        if self.rule == Rule::Fixed { self.average } else { self.average * 2 }
    }

    /// A cutter for one stream; Kopia starts afresh for every object.
    pub fn cutter(&self) -> Cutter {
        Cutter { splitter: *self, seen: 0 }
    }

    /// The length of a chunk that begins `data` and is at least `tested + 1` long, when it ends within `data`.
    fn cut(&self, data: &[u8], tested: usize) -> Option<usize> {
        let from = self.min_chunk().max(tested + 1);
        let to = self.max_chunk().min(data.len());
        if from > to {
            return None;
        }
        // Every splitter's shortest chunk is longer than a window.
        let start = from - WINDOW;
        let hit = match self.rule {
            Rule::Fixed => None, // the longest chunk is the only one
            Rule::Buzhash(kernel) => kernel.find(&data[start..to], self.average - 1),
            Rule::RabinKarp => rabin_karp::find(&data[start..to], self.average - 1),
        };
        hit.map(|end| start + end).or((to == self.max_chunk()).then_some(to))
    }
}

/// Finds the chunks of one stream, one after the other, in a window of it that the caller keeps.
///
/// ```
/// use velero_repo::repository::splitter::Splitter;
///
/// let stream = vec![7; 300 << 10];
/// let mut cutter = Splitter::by_name("FIXED-128K")?.cutter();
/// let (mut start, mut lengths) = (0, Vec::new());
/// while let Some(length) = cutter.next(&stream[start..], true) {
///     lengths.push(length);
///     start += length;
/// }
/// assert_eq!(lengths, [128 << 10, 128 << 10, 44 << 10]);
/// # Ok::<(), velero_repo::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Cutter {
    splitter: Splitter,
    /// Bytes of the current chunk after which there is no cut.
    seen: usize,
}

impl Cutter {
    /// The length of the chunk that begins `data`, or nothing when more bytes are needed to tell.
    ///
    /// `data` always begins where the current chunk does: after nothing, call again with the same bytes and more behind
    /// them (what was searched is not searched again); after a length, with what follows that chunk. With
    /// `end_of_stream` the rest is the last chunk, and no bytes are no chunk: nothing then means that the stream is
    /// done. [`Splitter::max_chunk`] bytes always suffice for an answer, and nothing is kept between two chunks.
    pub fn next(&mut self, data: &[u8], end_of_stream: bool) -> Option<usize> {
        let cut = self.splitter.cut(data, self.seen);
        let length = cut.or((end_of_stream && !data.is_empty()).then_some(data.len()));
        self.seen = if length.is_some() { 0 } else { data.len().max(self.seen) };
        length
    }
}

fn unknown(name: &str) -> Error {
    Error::invalid(
        format!("splitter {name:?}"),
        "Kopia has no splitter of that name; this repository is newer, or damaged",
    )
}
