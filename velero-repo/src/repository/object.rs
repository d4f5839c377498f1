//! Identities of objects, and the lists of which long objects consist. No bytes of contents are moved here.
//!
//! Comes in: texts such as `Ix5eaa…`; the bytes of a list; the chunks of a file that was written in parts. Goes out:
//! [`ObjectId`], checked entries, a list in the bytes that Kopia would write. Refused: ids that mix `I` and `Z` or nest
//! deeper than any file can; lists with gaps, overlaps, negative numbers or sums that overflow, because a reader would
//! put bytes where they do not belong.

use crate::error::{Error, Result};
use crate::repository::{content::ContentId, gojson};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::{fmt, str::FromStr};

/// Levels of lists that are followed. Every level is at least a thousand times shorter than the one below it.
pub const DEEPEST: u8 = 8;

/// Bytes of the longest text form: marks, a prefix letter, 32 bytes in hexadecimal.
const LONGEST_TEXT: usize = DEEPEST as usize + 1 + 64;

/// Identity of an object: one content, or a list of objects, or a list of lists.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId {
    content: ContentId,
    indirection: u8,
    compressed: bool,
}

impl ObjectId {
    /// The object that is exactly one content.
    pub const fn direct(content: ContentId) -> Self {
        ObjectId { content, indirection: 0, compressed: false }
    }

    /// The object whose list is `list`.
    ///
    /// # Errors
    /// Invalid: `list` is nested [`DEEPEST`] levels already, or compressed as an object.
    pub fn indirect(list: ObjectId) -> Result<Self> {
        if list.indirection >= DEEPEST || list.compressed {
            return Err(Error::invalid(format!("object {list}"), "no object may consist of its parts"));
        }
        Ok(ObjectId { indirection: list.indirection + 1, ..list })
    }

    /// Reads the text form. A `D` before the content is a mark of old writers without a meaning.
    ///
    /// # Errors
    /// Invalid: `I` together with `Z`, more than [`DEEPEST`] times `I`, or not a content id.
    pub fn parse(text: &str) -> Result<Self> {
        let rest = text.trim_start_matches('I');
        let indirection = u8::try_from(text.len() - rest.len()).unwrap_or(u8::MAX);
        let (compressed, rest) = rest.strip_prefix('Z').map_or((false, rest), |rest| (true, rest));
        let refuse = |reason: &str| Err(Error::invalid(format!("object id {text:.100?}"), reason));
        if indirection > DEEPEST {
            return refuse("lists of lists are nested deeper than any object needs");
        }
        if compressed && indirection > 0 {
            return refuse("a list is never compressed as an object");
        }
        match ContentId::parse(rest.strip_prefix('D').unwrap_or(rest)) {
            Ok(content) => Ok(ObjectId { content, indirection, compressed }),
            Err(_) => refuse("it does not end in a content id"),
        }
    }

    /// The object that holds the list of this one, when it is a list.
    pub fn list(&self) -> Option<ObjectId> {
        self.indirection.checked_sub(1).map(|indirection| ObjectId { indirection, ..*self })
    }

    /// The content that this object is, or with which its outermost list begins.
    pub fn content(&self) -> ContentId {
        self.content
    }

    /// Levels of lists: 0 for one content.
    pub fn indirection(&self) -> u8 {
        self.indirection
    }

    /// The text form, without memory of its own: directories hold millions of them.
    fn text<'a>(&self, out: &'a mut [u8; LONGEST_TEXT]) -> &'a str {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let marks = std::iter::repeat_n(b'I', self.indirection.into()).chain(self.compressed.then_some(b'Z'));
        let mut length = 0;
        for (slot, byte) in out.iter_mut().zip(marks.chain(self.content.prefix())) {
            *slot = byte;
            length += 1;
        }
        for (pair, byte) in out[length..].chunks_exact_mut(2).zip(self.content.hash()) {
            pair.copy_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
            length += 2;
        }
        std::str::from_utf8(&out[..length]).unwrap_or_default() // all of it is ASCII
    }

    /// Appends the text form.
    pub(crate) fn append_to(&self, out: &mut Vec<u8>) {
        let mut text = [0; LONGEST_TEXT];
        out.extend_from_slice(self.text(&mut text).as_bytes());
    }

    /// Whether the content's bytes begin with the number of a compressor (repositories of index version 1).
    pub fn compressed(&self) -> bool {
        self.compressed
    }
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut text = [0; LONGEST_TEXT];
        f.write_str(self.text(&mut text))
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for ObjectId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        ObjectId::parse(text)
    }
}

impl Serialize for ObjectId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0; LONGEST_TEXT];
        serializer.serialize_str(self.text(&mut text))
    }
}

impl<'de> Deserialize<'de> for ObjectId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = ObjectId;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("an object id")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<ObjectId, E> {
                ObjectId::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

/// One part of a long object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndirectEntry {
    /// Offset of its first byte.
    pub start: u64,
    /// Bytes; 0 occurs at the end of files that were written in parts.
    pub length: u64,
    /// The object that holds the bytes.
    pub object: ObjectId,
}

/// The most contents of an object: 32 TiB of chunks of the usual 4 MiB. What has more is not written, because it would
/// not be read: its list takes memory, for who writes and for who reads.
pub const MOST_PARTS: usize = 1 << 23;

/// The longest list that is read, bytes: that of the most contents, with the longest names.
pub const LONGEST_LIST: u64 = 1 << 30;

/// Longest object, in bytes, that Kopia's signed numbers can name.
const LONGEST: u64 = i64::MAX as u64;
const STREAM: &str = "kopia:indirect";

#[derive(Serialize, Deserialize)]
struct Part {
    #[serde(rename = "s", default, skip_serializing_if = "is_zero")]
    start: i64,
    #[serde(rename = "l", default, skip_serializing_if = "is_zero")]
    length: i64,
    #[serde(rename = "o")]
    object: ObjectId,
}

#[derive(Serialize, Deserialize)]
struct List {
    stream: String,
    entries: Option<Vec<Part>>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// The bytes of a list, as Kopia writes it.
///
/// # Errors
/// Invalid: there are more than [`MOST_PARTS`], they have gaps or overlaps, or are longer together than a file can be.
pub fn encode_list(entries: &[IndirectEntry]) -> Result<Vec<u8>> {
    let refuse = |reason: String| Error::invalid("list of an object", reason);
    if entries.len() > MOST_PARTS {
        return Err(refuse(format!("it would have more than {MOST_PARTS} entries")));
    }
    total_length(entries).map_err(refuse)?;
    let part = |e: &IndirectEntry| Part { start: e.start as i64, length: e.length as i64, object: e.object };
    let list = List { stream: STREAM.to_owned(), entries: Some(entries.iter().map(part).collect()) };
    let mut out = gojson::to_vec(&list).map_err(|e| refuse(e.to_string()))?;
    out.push(b'\n');
    Ok(out)
}

/// Reads the list `id`, of which every entry begins where the one before it ends.
///
/// Kopia does not look at the list's `stream`; neither does this. The entries take three to four times the memory of
/// `bytes`, whose length the caller bounds.
///
/// # Errors
/// Corrupt: not a list, gaps, overlaps, negative numbers, or sums that overflow.
pub fn parse_list(id: &ObjectId, bytes: &[u8]) -> Result<Vec<IndirectEntry>> {
    let corrupt = |reason: String| Error::corrupt(format!("object {id}"), reason);
    let list: List = serde_json::from_slice(bytes).map_err(|e| corrupt(format!("it is not a list: {e}")))?;
    let entry = |part: Part| {
        let (start, length) = (u64::try_from(part.start).ok()?, u64::try_from(part.length).ok()?);
        Some(IndirectEntry { start, length, object: part.object })
    };
    let entries: Option<Vec<_>> = list.entries.unwrap_or_default().into_iter().map(entry).collect();
    let entries = entries.ok_or_else(|| corrupt("an entry of its list is negative".to_owned()))?;
    total_length(&entries).map_err(corrupt)?;
    Ok(entries)
}

/// Bytes of the object that `entries` make up.
fn total_length(entries: &[IndirectEntry]) -> Result<u64, String> {
    entries.iter().try_fold(0, |end: u64, entry| {
        if entry.start != end {
            return Err(format!("an entry of its list begins at {} instead of {end}", entry.start));
        }
        let end = end.checked_add(entry.length).filter(|end| *end <= LONGEST);
        end.ok_or_else(|| "its list is longer than an object can be".to_owned())
    })
}

/// A part of a file that was written apart from the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilePart {
    /// The part is one content of `length` bytes.
    Single {
        /// Bytes.
        length: u64,
        /// The object.
        object: ObjectId,
    },
    /// The part has a list of its own, whose entries these are.
    List(Vec<IndirectEntry>),
}

/// The one flat list of a file whose parts were written apart, as Kopia joins files above 2 GiB.
///
/// An empty part at the end stays as an entry without a length, because Kopia keeps it too.
///
/// # Errors
/// Invalid: a part has gaps, or all are longer together than a file can be.
pub fn concatenate(parts: Vec<FilePart>) -> Result<Vec<IndirectEntry>> {
    let refuse = |reason: String| Error::invalid("parts of an object", reason);
    let mut all: Vec<IndirectEntry> = Vec::new();
    let mut end = 0_u64;
    for part in parts {
        let entries = match part {
            FilePart::Single { length, object } => vec![IndirectEntry { start: 0, length, object }],
            FilePart::List(entries) => entries,
        };
        let length = total_length(&entries).map_err(refuse)?;
        let begin = end;
        end = begin.checked_add(length).filter(|end| *end <= LONGEST).ok_or_else(|| refuse("they overflow".into()))?;
        all.extend(entries.into_iter().map(|entry| IndirectEntry { start: begin + entry.start, ..entry }));
    }
    Ok(all)
}

#[cfg(test)]
mod tests;
