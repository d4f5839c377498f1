//! The text of a directory object, cut into entries as it comes: no input is asked for, none is waited for.
//!
//! Comes in: pieces of the text, in their order, however they are cut. Goes out: entries one by one, then what follows
//! them. A member or entry that is not there whole is begun anew when more has come; as more means at least as much again
//! as there was, all the beginning anew costs no more than reading twice. What is longer than [`LONGEST`] is refused:
//! otherwise one entry could take all memory.

use super::names::Names;
use super::{Entry, STREAM, Shape, Summary, Tail};
use crate::error::{Error, Result};
use bytes::Bytes;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::value::RawValue;

/// The longest member or entry, bytes; also what all members that this version does not know may take.
pub(crate) const LONGEST: usize = 16 << 20;

/// What can be told from the text so far.
pub(crate) enum Step {
    /// The next entry, or what is wrong with it.
    Entry(Result<Entry>),
    /// So many more bytes are needed, unless there are no more.
    More(usize),
    /// There are no more entries, and the object is what it says.
    Done,
}

/// Reads a directory object from pieces of its text.
pub(crate) struct Parser {
    name: String,
    /// Text that is not dealt with begins at `at`.
    text: Bytes,
    at: usize,
    /// Where `text` begins in the object.
    before: u64,
    ended: bool,
    state: State,
    shape: Shape,
    names: Names,
    count: u64,
    stream: bool,
    listed: bool,
    unknown: usize,
    tail: Tail,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Before the first bracket.
    Opening,
    /// Before a member. The first may be missing.
    Member { first: bool },
    /// Before an entry, or the end of the list.
    Entry { first: bool },
    /// Behind a member or the list.
    Behind,
    /// Behind the last bracket.
    Closed,
    /// Nothing can follow.
    Broken,
}

/// Why a member or entry could not be read.
enum Stop {
    /// Its end has not come yet.
    Short,
    /// The text is broken.
    Broken(Error),
}

type Part<T> = std::result::Result<T, Stop>;

impl Parser {
    /// Nothing has come yet of the directory object `name` (for messages).
    pub(crate) fn new(name: &impl ToString, shape: Shape) -> Self {
        Parser {
            name: name.to_string(),
            text: Bytes::new(),
            at: 0,
            before: 0,
            ended: false,
            state: State::Opening,
            shape,
            names: Names::default(),
            count: 0,
            stream: false,
            listed: false,
            unknown: 0,
            tail: Tail::default(),
        }
    }

    /// Lets go of the piece that was read up to `at`, before the next one is got.
    fn forget(&mut self, at: usize) {
        self.text = Bytes::copy_from_slice(&self.text[at..]); // a part that was begun, which is short
        self.before += at as u64;
        self.at = 0;
    }

    /// Takes the next pieces, after [`Step::More`]. One that nothing is left before is not copied.
    pub(crate) fn feed(&mut self, pieces: &[Bytes]) {
        let left = &self.text;
        self.text = match pieces {
            [piece] if left.is_empty() => piece.clone(),
            pieces => {
                let length = pieces.iter().map(Bytes::len).sum::<usize>() + left.len();
                let mut joined = Vec::with_capacity(length);
                joined.extend_from_slice(left);
                pieces.iter().for_each(|piece| joined.extend_from_slice(piece));
                joined.into()
            }
        };
    }

    /// Says that there are no more pieces.
    pub(crate) fn end(&mut self) {
        self.ended = true;
    }

    /// Whether everything up to the first entry, or to the end, has been read.
    pub(crate) fn is_in_entries(&self) -> bool {
        matches!(self.state, State::Entry { .. })
    }

    /// Whether nothing follows.
    pub(crate) fn is_over(&self) -> bool {
        self.state == State::Broken || (self.state == State::Closed && self.ended)
    }

    /// Goes on to the next entry, or to the end; with `opening`, no further than to the beginning of the list.
    ///
    /// # Errors
    /// Corrupt: the text is broken, or no directory. Nothing follows then.
    pub(crate) fn step(&mut self, opening: bool) -> Result<Step> {
        loop {
            if opening && self.is_in_entries() {
                return Ok(Step::Done);
            }
            let begin = self.at;
            match self.part() {
                Ok(Some(step)) => return Ok(step),
                Ok(None) => {}
                Err(Stop::Short) => {
                    self.at = begin;
                    let left = self.text.len() - begin;
                    if left <= LONGEST {
                        self.forget(begin);
                        return Ok(Step::More(left.max(1)));
                    }
                    self.state = State::Broken;
                    return Err(self.corrupt(format!("something at byte {} is too long", self.place())));
                }
                Err(Stop::Broken(error)) => {
                    self.state = State::Broken;
                    return Err(error);
                }
            }
        }
    }

    /// Hands out what follows the entries.
    ///
    /// # Errors
    /// Corrupt: the end was not reached.
    pub(crate) fn finish(self) -> Result<Tail> {
        match self.state {
            State::Closed => Ok(self.tail),
            _ => Err(self.corrupt("its text is broken")),
        }
    }

    /// Nothing can follow, because the pieces can not be had.
    pub(crate) fn fail(&mut self) {
        self.state = State::Broken;
    }

    fn place(&self) -> u64 {
        self.before + self.at as u64
    }

    pub(crate) fn corrupt(&self, reason: impl Into<String>) -> Error {
        Error::corrupt(format!("directory {}", self.name), reason)
    }

    fn broken<T>(&self, reason: impl Into<String>) -> Part<T> {
        Err(Stop::Broken(self.corrupt(reason)))
    }

    /// The next byte that is no space; none at the end of the object.
    fn peek(&mut self) -> Part<Option<u8>> {
        let rest = &self.text[self.at..]; // `at` never passes the end
        let space = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
        let next = rest.get(space).copied();
        self.at += space;
        match next {
            None if !self.ended => Err(Stop::Short),
            next => Ok(next),
        }
    }

    fn expect(&mut self, wanted: u8) -> Part<()> {
        match self.peek()? {
            Some(byte) if byte == wanted => {
                self.at += 1;
                Ok(())
            }
            _ => self.broken(format!("there is no {:?} at byte {}", char::from(wanted), self.place())),
        }
    }

    fn value<T: DeserializeOwned>(&mut self) -> Part<T> {
        let rest = &self.text[self.at..]; // `at` never passes the end
        let mut values = serde_json::Deserializer::from_slice(rest).into_iter::<T>();
        match values.next() {
            Some(Ok(value)) => {
                let length = values.byte_offset();
                // A number at the end may go on.
                let closed = length.checked_sub(1).is_some_and(|last| matches!(rest[last], b'}' | b']' | b'"'));
                if length == rest.len() && !closed && !self.ended {
                    return Err(Stop::Short);
                }
                self.at += length;
                Ok(value)
            }
            Some(Err(error)) if !self.ended && is_of_the_end(&error, rest) => Err(Stop::Short),
            None if !self.ended => Err(Stop::Short),
            Some(Err(error)) => self.broken(format!("behind byte {}: {error}", self.place())),
            None => self.broken("it ends too early"),
        }
    }

    /// Reads one part of the object. Nothing has changed but the place if it is not there whole.
    fn part(&mut self) -> Part<Option<Step>> {
        match self.state {
            State::Opening => {
                self.expect(b'{')?;
                self.state = State::Member { first: true };
            }
            State::Member { first } => match self.peek()? {
                Some(b'}') if first => self.close()?,
                _ => self.member()?,
            },
            State::Entry { first } => match self.peek()? {
                Some(b']') => {
                    self.at += 1;
                    self.state = State::Behind;
                }
                _ => return self.entry(first).map(|entry| Some(Step::Entry(entry))),
            },
            State::Behind => match self.peek()? {
                Some(b',') => {
                    self.at += 1;
                    self.state = State::Member { first: false };
                }
                _ => self.close()?,
            },
            State::Closed => match self.peek()? {
                None if self.stream => return Ok(Some(Step::Done)),
                None => return self.broken("it is not a directory"),
                Some(_) => return self.broken("something follows its end"),
            },
            State::Broken => return self.broken("its text is broken"),
        }
        Ok(None)
    }

    /// Reads one member; of the list of entries only the first bracket.
    fn member(&mut self) -> Part<()> {
        let key = self.value::<String>()?;
        self.expect(b':')?;
        let next = self.peek()?;
        match key.as_str() {
            "stream" => self.stream = self.value::<String>()? == STREAM,
            "summary" => self.tail.summary = self.value::<Option<Box<Summary>>>()?,
            "entries" if self.listed => return self.broken("it has two lists of entries"),
            "entries" => {
                self.state = match next {
                    Some(b'[') => State::Entry { first: true },
                    _ => self.value::<()>().map(|()| State::Behind)?,
                };
                self.at += usize::from(self.is_in_entries());
                self.listed = true;
                return Ok(());
            }
            other => {
                let raw = self.value::<Box<RawValue>>()?;
                self.unknown += other.len() + raw.get().len();
                if self.unknown > LONGEST {
                    return self.broken("what is not known of it is too long");
                }
                self.tail.extra.push(other, raw);
            }
        }
        self.state = State::Behind;
        Ok(())
    }

    fn close(&mut self) -> Part<()> {
        self.expect(b'}')?;
        if let Some(reason) = self.tail.summary.as_ref().and_then(|summary| summary.fault()) {
            return self.broken(reason);
        }
        self.state = State::Closed;
        Ok(())
    }

    /// The outer result is about the text, the inner one about this entry.
    fn entry(&mut self, first: bool) -> Part<Result<Entry>> {
        if !first {
            self.expect(b',')?;
            self.peek()?;
        }
        let entry = match self.value::<Entry>() {
            Ok(entry) => Ok(entry),
            Err(Stop::Short) => return Err(Stop::Short),
            Err(Stop::Broken(error)) => self.value::<IgnoredAny>().map(|_| Err(error))?, // skipped, if it is JSON at all
        };
        self.count += 1;
        self.state = State::Entry { first: false };
        Ok(entry.and_then(|entry| self.checked(entry)))
    }

    fn checked(&mut self, entry: Entry) -> Result<Entry> {
        let lonely = self.shape != Shape::Device || self.count == 1;
        let fault = match self.shape.fault(&entry).or_else(|| entry.fault()) {
            None if !lonely => Some("a device is one file"),
            None if !self.names.insert(entry.is_directory(), &entry.name) => Some("its name occurs twice"),
            fault => fault,
        };
        match fault {
            Some(reason) => Err(self.corrupt(format!("entry {} ({:.200?}): {reason}", self.count, entry.name))),
            None => Ok(entry),
        }
    }
}

/// Whether an error may only say that the text ends here. That a number is cut off is told like any other fault of it.
fn is_of_the_end(error: &serde_json::Error, text: &[u8]) -> bool {
    let number = || text.last().is_some_and(|last| matches!(last, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    error.is_eof() || (error.is_syntax() && number())
}
