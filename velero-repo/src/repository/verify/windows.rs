//! Which stretches of a pack are read at once.

use std::ops::Range;

/// Contents this far apart, in bytes, are still read at once.
const GAP: u64 = 256 << 10;

/// A content in a pack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) ordinal: usize,
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// A stretch of a pack, and the contents in it, which do not overlap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Window {
    pub(crate) offset: u64,
    pub(crate) length: u64,
    /// Ordinals, and where in the window the contents lie.
    pub(crate) contents: Vec<(usize, Range<usize>)>,
}

/// Windows of at most `limit` bytes, unless a single content is longer, over contents that are sorted by offset.
pub(crate) fn windows(contents: impl IntoIterator<Item = Place>, limit: u64) -> impl Iterator<Item = Window> {
    let mut contents = contents.into_iter().peekable();
    std::iter::from_fn(move || {
        let first = contents.next()?;
        let mut window = Window { offset: first.offset, length: 0, contents: Vec::new() };
        window.push(first);
        while let Some(next) = contents.next_if(|next| window.takes(next, limit)) {
            window.push(next);
        }
        Some(window)
    })
}

impl Window {
    fn takes(&self, next: &Place, limit: u64) -> bool {
        let end = self.offset + self.length;
        let apart = next.offset.checked_sub(end);
        apart.is_some_and(|apart| apart <= GAP) && next.offset + next.length - self.offset <= limit
    }

    fn push(&mut self, content: Place) {
        let start = content.offset - self.offset; // sorted by offset
        self.length = start + content.length;
        let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX);
        self.contents.push((content.ordinal, place(start)..place(self.length)));
    }
}
