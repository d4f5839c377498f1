//! Entries in the one form that nearly all of them have, without a detour.
//!
//! Kopia writes the fields of an entry in one order and in one way each, and few entries have more than the usual ones. A
//! tree of a million files has as many of them to be read and written again, even if nothing has changed. Comes in: an
//! entry; text that begins with one. Goes out: the bytes, or the fields, that serde would yield. Nothing is refused
//! here: what is not in this form (escapes, sums, unknown fields, another order, an end that has not come yet) is left
//! to serde.

use super::{Entry, Kind, Mode};
use crate::repository::gojson::{Time, Unset};
use crate::repository::object::ObjectId;

/// Longest numbers that are read here: they fit into their fields whatever their digits are.
const DIGITS: (usize, usize) = (18, 9);

/// An entry without sums and unknown fields.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Plain<'a> {
    pub(crate) name: &'a str,
    pub(crate) kind: Kind,
    pub(crate) mode: Mode,
    pub(crate) size: u64,
    pub(crate) mtime: Time,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) object: ObjectId,
}

/// The entry with which `text` begins, and its length in bytes.
pub(crate) fn read(text: &[u8]) -> Option<(Plain<'_>, usize)> {
    let mut rest = Rest(text);
    rest.pass(b"{\"name\":\"")?;
    let name = rest.string()?;
    rest.pass(b",\"type\":\"")?;
    let kind = match rest.string()? {
        "f" => Kind::File,
        "s" => Kind::Symlink,
        "d" => Kind::Directory,
        _ => return None,
    };
    let mode = match rest.pass(b",\"mode\":\"0") {
        Some(()) => Mode::octal(rest.string()?)?,
        None => Mode::default(),
    };
    let size = rest.number(b",\"size\":", DIGITS.0)?;
    let mtime = match rest.pass(b",\"mtime\":\"") {
        Some(()) => Time::parse(rest.string()?).ok()?,
        None => Time::default(),
    };
    let uid = u32::try_from(rest.number(b",\"uid\":", DIGITS.1)?).ok()?;
    let gid = u32::try_from(rest.number(b",\"gid\":", DIGITS.1)?).ok()?;
    rest.pass(b",\"obj\":\"")?;
    let object = ObjectId::parse(rest.string()?).ok()?;
    rest.pass(b"}")?;
    Some((Plain { name, kind, mode, size, mtime, uid, gid, object }, text.len() - rest.0.len()))
}

/// Text that is still to be read.
struct Rest<'a>(&'a [u8]);

impl<'a> Rest<'a> {
    fn pass(&mut self, expected: &[u8]) -> Option<()> {
        self.0 = self.0.strip_prefix(expected)?;
        Some(())
    }

    /// What is left of a string without escapes, and its last quote.
    fn string(&mut self) -> Option<&'a str> {
        let ends = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < b' ';
        let (string, rest) = self.0.split_at_checked(self.0.iter().position(ends)?)?;
        self.0 = rest.strip_prefix(b"\"")?;
        std::str::from_utf8(string).ok()
    }

    /// The number behind `key`, 0 if the key is not there.
    fn number(&mut self, key: &[u8], most: usize) -> Option<u64> {
        if self.pass(key).is_none() {
            return Some(0);
        }
        let count = self.0.iter().take(most + 1).take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at_checked(count)?;
        // Serde takes neither leading zeros nor, for whole numbers, fractions and powers.
        let plain = (1..=most).contains(&count) && (digits[0] != b'0' || count == 1);
        if !plain || matches!(rest.first(), Some(b'.' | b'e' | b'E')) {
            return None;
        }
        self.0 = rest;
        Some(digits.iter().fold(0, |number, digit| number * 10 + u64::from(digit - b'0')))
    }
}

/// Appends the entry to `out`; false if it is not in this form, and nothing was appended.
pub(super) fn write(out: &mut Vec<u8>, entry: &Entry) -> bool {
    let is_plain = entry.summary.is_none() && entry.extra.is_empty() && !matches!(entry.kind, Kind::Other(_));
    let is_named = !entry.name.is_empty() && entry.name.bytes().all(|byte| PLAIN[usize::from(byte)]);
    let Some(object) = entry.object.filter(|_| is_plain && is_named) else { return false };
    out.extend_from_slice(b"{\"name\":\"");
    out.extend_from_slice(entry.name.as_bytes());
    out.extend_from_slice(b"\",\"type\":\"");
    out.extend_from_slice(entry.kind.as_str().as_bytes());
    out.push(b'"');
    if !entry.mode.is_unset() {
        out.extend_from_slice(b",\"mode\":\"0");
        append_number(out, u64::from(entry.mode.bits()), 8);
        out.push(b'"');
    }
    append_field(out, b",\"size\":", entry.size);
    if !entry.mtime.is_unset() {
        out.extend_from_slice(b",\"mtime\":\"");
        entry.mtime.append_to(out);
        out.push(b'"');
    }
    append_field(out, b",\"uid\":", entry.uid.into());
    append_field(out, b",\"gid\":", entry.gid.into());
    out.extend_from_slice(b",\"obj\":\"");
    object.append_to(out);
    out.extend_from_slice(b"\"}");
    true
}

fn append_field(out: &mut Vec<u8>, key: &[u8], number: u64) {
    if number != 0 {
        out.extend_from_slice(key);
        append_number(out, number, 10);
    }
}

fn append_number(out: &mut Vec<u8>, mut number: u64, radix: u64) {
    let mut digits = [0; 22]; // of 64 bits in the radix 8
    let mut first = digits.len();
    while first > 0 {
        first -= 1;
        digits[first] = b'0' + (number % radix) as u8;
        number /= radix;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[first..]);
}

/// Bytes that stand for themselves in a string that Go writes. Those with which its two line separators begin are left
/// to serde, with all their kin.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < b' ' {
        plain[byte as usize] = false;
        byte += 1;
    }
    let mut others = b"\"\\<>&\xe2" as &[u8];
    while let [byte, rest @ ..] = others {
        plain[*byte as usize] = false;
        others = rest;
    }
    plain
};

#[cfg(test)]
mod tests;
