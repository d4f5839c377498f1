//! Directories, read entry by entry.

use super::parser::{Parser, Step};
use super::{Entry, Shape, Tail};
use crate::error::Result;
use bytes::Bytes;
use std::iter::{Empty, empty};

/// Reads a directory object from pieces of its text, one of which it holds at a time.
///
/// An item is an entry or what is wrong with one. After an error about one entry the others follow; after an error
/// about the whole, or of whoever has the pieces, nothing follows. [`Reader::finish`] tells whether the end was reached
/// and the object is what it says, so nobody should call a directory read before.
pub struct Reader<P = Empty<Result<Bytes>>> {
    pieces: P,
    parser: Parser,
}

impl Reader {
    /// Begins to read the directory object `name` (for messages) from all of its `bytes`.
    ///
    /// # Errors
    /// Corrupt: not a directory object, as far as can be told before its entries.
    pub fn new(name: impl ToString, bytes: &[u8], shape: Shape) -> Result<Self> {
        let mut parser = Parser::new(&name, shape);
        parser.feed(&[Bytes::copy_from_slice(bytes)]);
        Reader { pieces: empty(), parser }.opened()
    }
}

impl<P: Iterator<Item = Result<Bytes>>> Reader<P> {
    /// Begins to read the directory object `name` (for messages) from its pieces, front to back.
    ///
    /// # Errors
    /// As [`Reader::new`]; that of the pieces.
    pub fn of_pieces(name: impl ToString, pieces: P, shape: Shape) -> Result<Self> {
        Reader { pieces, parser: Parser::new(&name, shape) }.opened()
    }

    fn opened(mut self) -> Result<Self> {
        self.go(true)?;
        Ok(self)
    }

    /// The next entry, or nothing at the end; with `opening`, also nothing before the first.
    fn go(&mut self, opening: bool) -> Result<Option<Result<Entry>>> {
        loop {
            match self.parser.step(opening)? {
                Step::Entry(entry) => return Ok(Some(entry)),
                Step::Done => return Ok(None),
                Step::More(least) => self.more(least)?,
            }
        }
    }

    /// Gets `least` more bytes, if there are so many.
    fn more(&mut self, least: usize) -> Result<()> {
        let (mut pieces, mut length) = (Vec::new(), 0);
        while length < least {
            let Some(piece) = self.pieces.next() else {
                self.parser.end();
                break;
            };
            let piece = piece.inspect_err(|_| self.parser.fail())?;
            length += piece.len();
            pieces.push(piece);
        }
        self.parser.feed(&pieces);
        Ok(())
    }

    /// Reads what is left and hands out what follows the entries.
    ///
    /// # Errors
    /// Corrupt: an entry that nobody asked for is refused, the object ends too early, or it is not a directory.
    pub fn finish(mut self) -> Result<Tail> {
        for entry in self.by_ref() {
            entry?;
        }
        self.parser.finish()
    }
}

impl<P: Iterator<Item = Result<Bytes>>> Iterator for Reader<P> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        match self.parser.is_over() {
            true => None,
            false => self.go(false).unwrap_or_else(|error| Some(Err(error))),
        }
    }
}
