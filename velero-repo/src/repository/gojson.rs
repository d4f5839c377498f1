//! JSON as Go's encoder writes it, and documents that keep what they do not know.
//!
//! Comes in: values; text of documents. Goes out: the bytes that Go's `encoding/json` yields for the same values
//! (compact, HTML-safe, keys in the order of declaration), so that what Kopia would write and what is written here are
//! one content. Refused: what Go's decoder refuses where its own reader would then ignore the document, above all
//! times and numbers of another shape.
//!
//! `null` stands for a field that is absent, as it does for Go. A field that this version does not know is kept as
//! the bytes it came in and written again behind the known ones: a document that is read, changed and written loses
//! nothing.

mod document;
mod time;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser::SerializeMap};
use serde_json::{ser::Formatter, value::RawValue};
use std::{borrow::Cow, collections::BTreeMap, fmt, io};

pub(crate) use document::document;
pub use time::Time;

/// The bytes that Go yields for `value`, without a line end.
///
/// # Errors
/// A value that JSON can not carry, such as a map whose keys are not text.
pub fn to_vec<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Vec<u8>> {
    let mut out = Vec::with_capacity(256);
    write(&mut out, value)?;
    Ok(out)
}

/// Writes the bytes that Go yields for `value`, without a line end.
///
/// # Errors
/// As [`to_vec`], and those of `out`.
pub fn write<W: io::Write, T: Serialize + ?Sized>(out: W, value: &T) -> serde_json::Result<()> {
    value.serialize(&mut serde_json::Serializer::with_formatter(out, Go))
}

/// `value` as a raw value in Go's bytes.
///
/// # Errors
/// As [`to_vec`].
pub fn to_raw<T: Serialize + ?Sized>(value: &T) -> serde_json::Result<Box<RawValue>> {
    let text = String::from_utf8(to_vec(value)?).map_err(<serde_json::Error as serde::ser::Error>::custom)?;
    RawValue::from_string(text)
}

/// Escapes what Go escapes beyond the rules of JSON: `<`, `>`, `&` and the two line separators of Unicode.
struct Go;

impl Formatter for Go {
    fn write_string_fragment<W: io::Write + ?Sized>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let bytes = fragment.as_bytes();
        let mut written = 0;
        for (at, byte) in bytes.iter().enumerate() {
            let (escape, length): (&[u8], usize) = match byte {
                b'<' => (b"\\u003c", 1),
                b'>' => (b"\\u003e", 1),
                b'&' => (b"\\u0026", 1),
                0xe2 if bytes[at..].starts_with(b"\xe2\x80\xa8") => (b"\\u2028", 3),
                0xe2 if bytes[at..].starts_with(b"\xe2\x80\xa9") => (b"\\u2029", 3),
                _ => continue,
            };
            out.write_all(&bytes[written..at])?;
            out.write_all(escape)?;
            written = at + length;
        }
        out.write_all(&bytes[written..])
    }
}

/// Bytes as Go's `[]byte`: standard base64, `null` when empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use base64::Engine;
        match self.0.is_empty() {
            true => serializer.serialize_none(),
            false => serializer.serialize_str(&base64::engine::general_purpose::STANDARD.encode(&self.0)),
        }
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        use base64::Engine;
        let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
        base64::engine::general_purpose::STANDARD.decode(text).map(Base64).map_err(de::Error::custom)
    }
}

/// Whether Go's `omitempty` drops a value; also what counts as unset when policies are inherited.
pub trait Unset {
    /// True for the zero value of Go's type.
    fn is_unset(&self) -> bool;
}

macro_rules! unset {
    ($($type:ty: $test:expr),+ $(,)?) => {
        $(impl Unset for $type { fn is_unset(&self) -> bool { let test: fn(&$type) -> bool = $test; test(self) } })+
    };
}
unset!(bool: |v| !*v, u32: |v| *v == 0, u64: |v| *v == 0, i64: |v| *v == 0, String: String::is_empty);

impl<T> Unset for Vec<T> {
    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

impl<T> Unset for Option<T> {
    fn is_unset(&self) -> bool {
        self.is_none()
    }
}

impl<V> Unset for BTreeMap<String, V> {
    fn is_unset(&self) -> bool {
        self.is_empty()
    }
}

/// Fields that this version does not know, as they were read, in their order.
#[derive(Clone, Debug, Default)]
pub struct Extra(Vec<(Box<str>, Box<RawValue>)>);

impl Extra {
    /// Whether every field was known.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Names of the fields.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| &**name)
    }

    pub(crate) fn push(&mut self, name: &str, value: Box<RawValue>) {
        self.0.push((name.into(), value));
    }

    pub(crate) fn write<M: SerializeMap>(&self, map: &mut M) -> Result<(), M::Error> {
        self.0.iter().try_for_each(|(name, value)| map.serialize_entry(name, value))
    }
}

impl PartialEq for Extra {
    fn eq(&self, other: &Self) -> bool {
        let text = |extra: &Self| extra.0.iter().map(|(n, v)| (n.to_string(), v.get().to_string())).collect::<Vec<_>>();
        self.0.len() == other.0.len() && text(self) == text(other)
    }
}

/// A key of an object, borrowed from the text where it has no escapes.
pub(crate) struct Key<'de>(pub Cow<'de, str>);

impl<'de> Deserialize<'de> for Key<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl<'de> de::Visitor<'de> for Text {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(Text)
    }
}

#[cfg(test)]
mod tests;
