//! Directories, read entry by entry.

use super::{Entry, STREAM, Shape, Summary, Tail};
use crate::error::{Error, Result};
use crate::repository::gojson::Key;
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;
use std::collections::HashSet;
use std::hash::{BuildHasher, RandomState};

/// Reads a directory object from its bytes.
///
/// An item is an entry or what is wrong with one. After an error about one entry the others follow; after an error
/// about the whole nothing follows. [`Reader::finish`] tells whether the end was reached and the object is what it
/// says, so nobody should call a directory read before.
pub struct Reader<'a> {
    name: String,
    bytes: &'a [u8],
    at: usize,
    state: State,
    shape: Shape,
    names: Names,
    count: u64,
    stream: bool,
    listed: bool,
    tail: Tail,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    Members,
    Entries { first: bool },
    Done,
    Broken,
}

impl<'a> Reader<'a> {
    /// Begins to read the directory object `name` (for messages) from `bytes`.
    ///
    /// # Errors
    /// Corrupt: not a directory object, as far as can be told before its entries.
    pub fn new(name: impl ToString, bytes: &'a [u8], shape: Shape) -> Result<Self> {
        let mut reader = Reader {
            name: name.to_string(),
            bytes,
            at: 0,
            state: State::Members,
            shape,
            names: Names::default(),
            count: 0,
            stream: false,
            listed: false,
            tail: Tail::default(),
        };
        reader.expect(b'{')?;
        match reader.next_byte() {
            Some(b'}') => reader.end()?,
            _ => reader.members()?,
        }
        Ok(reader)
    }

    /// Reads what is left and hands out what follows the entries.
    ///
    /// # Errors
    /// Corrupt: an entry that nobody asked for is refused, the object ends too early, or it is not a directory.
    pub fn finish(mut self) -> Result<Tail> {
        for entry in self.by_ref() {
            entry?;
        }
        match self.state {
            State::Done if self.stream => Ok(self.tail),
            State::Done => Err(self.corrupt("it is not a directory")),
            _ => Err(self.corrupt("its text is broken")),
        }
    }

    fn corrupt(&self, reason: impl Into<String>) -> Error {
        Error::corrupt(format!("directory {}", self.name), reason)
    }

    fn next_byte(&mut self) -> Option<u8> {
        let rest = self.bytes.get(self.at..)?;
        let space = rest.iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n')).count();
        self.at += space;
        rest.get(space).copied()
    }

    fn expect(&mut self, wanted: u8) -> Result<()> {
        match self.next_byte() {
            Some(byte) if byte == wanted => self.at += 1,
            _ => return Err(self.corrupt(format!("there is no {:?} at byte {}", char::from(wanted), self.at))),
        }
        Ok(())
    }

    fn value<T: Deserialize<'a>>(&mut self) -> Result<T> {
        let mut values = serde_json::Deserializer::from_slice(&self.bytes[self.at..]).into_iter::<T>(); // `at` never passes the end
        match values.next() {
            Some(Ok(value)) => {
                self.at += values.byte_offset();
                Ok(value)
            }
            Some(Err(error)) => Err(self.corrupt(format!("behind byte {}: {error}", self.at))),
            None => Err(self.corrupt("it ends too early")),
        }
    }

    /// Reads fields of the directory up to the list of entries, or to the end.
    fn members(&mut self) -> Result<()> {
        loop {
            let key = self.value::<Key>()?.0;
            self.expect(b':')?;
            match &*key {
                "stream" => self.stream = self.value::<Key>()?.0 == STREAM,
                "summary" => self.tail.summary = self.value::<Option<Box<Summary>>>()?,
                "entries" if self.listed => return Err(self.corrupt("it has two lists of entries")),
                "entries" => {
                    self.listed = true;
                    if self.next_byte() == Some(b'[') {
                        self.at += 1;
                        self.state = State::Entries { first: true };
                        return Ok(());
                    }
                    self.value::<()>()?;
                }
                other => {
                    let value = self.value::<Box<RawValue>>()?;
                    self.tail.extra.push(other, value);
                }
            }
            match self.next_byte() {
                Some(b',') => self.at += 1,
                _ => return self.end(),
            }
        }
    }

    fn end(&mut self) -> Result<()> {
        self.expect(b'}')?;
        if let Some(reason) = self.tail.summary.as_ref().and_then(|summary| summary.fault()) {
            return Err(self.corrupt(reason));
        }
        self.state = State::Done;
        match self.next_byte() {
            None => Ok(()),
            Some(_) => Err(self.corrupt("something follows its end")),
        }
    }

    /// What follows the list.
    fn after_entries(&mut self) -> Result<()> {
        self.expect(b']')?;
        self.state = State::Members;
        match self.next_byte() {
            Some(b',') => {
                self.at += 1;
                self.members()
            }
            _ => self.end(),
        }
    }

    /// The outer result is about the text, the inner one about this entry.
    fn entry(&mut self, first: bool) -> Result<Result<Entry>> {
        if !first {
            self.expect(b',')?;
            self.next_byte();
        }
        self.count += 1;
        match self.value::<Entry>() {
            Ok(entry) => Ok(self.checked(entry)),
            Err(error) => self.value::<IgnoredAny>().map(|_| Err(error)), // skipped, if it is JSON at all
        }
    }

    fn checked(&mut self, entry: Entry) -> Result<Entry> {
        let lonely = self.shape != Shape::Device || self.count == 1;
        let fault = match self.shape.fault(&entry).or_else(|| entry.fault()) {
            None if !lonely => Some("a device is one file"),
            None if !self.names.insert(&entry.name) => Some("its name occurs twice"),
            fault => fault,
        };
        match fault {
            Some(reason) => Err(self.corrupt(format!("entry {} ({:.200?}): {reason}", self.count, entry.name))),
            None => Ok(entry),
        }
    }
}

impl Iterator for Reader<'_> {
    type Item = Result<Entry>;

    fn next(&mut self) -> Option<Result<Entry>> {
        let State::Entries { first } = self.state else { return None };
        let step = match self.next_byte() {
            Some(b']') => self.after_entries().map(|()| None),
            _ => self.entry(first).map(Some),
        };
        match step {
            Ok(Some(item)) => {
                self.state = State::Entries { first: false };
                Some(item)
            }
            Ok(None) => None, // a second list is refused
            Err(error) => {
                self.state = State::Broken;
                Some(Err(error))
            }
        }
    }
}

/// Names that were seen: 128 bits of two keyed hashes of each, so that memory does not grow with their length.
#[derive(Default)]
struct Names {
    keys: [RandomState; 2],
    seen: HashSet<[u64; 2]>,
}

impl Names {
    /// Whether the name is new.
    fn insert(&mut self, name: &str) -> bool {
        self.seen.insert([self.keys[0].hash_one(name), self.keys[1].hash_one(name)])
    }
}
