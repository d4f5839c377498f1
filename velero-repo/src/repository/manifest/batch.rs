//! The content of a batch: a compressed list of records.

use super::Record;
use crate::error::{Error, Result};
use crate::repository::gojson::{self, Key};
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::io::{self, Read, Write};

/// The content that holds `records`: one top-level key, because Kopia's reader can not skip others.
///
/// # Errors
/// Invalid: a record that JSON can not carry.
pub fn encode(records: &[Record]) -> Result<Vec<u8>> {
    let refuse = |e: io::Error| Error::invalid("manifest batch", e.to_string());
    let mut out = GzEncoder::new(Vec::new(), Compression::default());
    out.write_all(b"{\"entries\":").map_err(refuse)?;
    gojson::write(&mut out, records).map_err(|e| refuse(e.into()))?;
    out.write_all(b"}\n").map_err(refuse)?;
    out.finish().map_err(refuse)
}

/// Hands the records of the batch in content `id` to `take`, one after the other.
///
/// # Errors
/// Corrupt: not a batch, or more than `limit` bytes when expanded. Records before the damage were taken then.
pub fn decode(id: &str, content: &[u8], limit: u64, take: impl FnMut(Record)) -> Result<()> {
    let corrupt = |reason: String| Error::corrupt(format!("manifest batch {id}"), reason);
    let mut plain = MultiGzDecoder::new(content).take(limit.saturating_add(1));
    let mut json = serde_json::Deserializer::from_reader(io::BufReader::with_capacity(1 << 16, &mut plain));
    let read = Batch(take).deserialize(&mut json).and_then(|()| json.end());
    drop(json);
    if plain.limit() == 0 {
        return Err(corrupt(format!("it expands to more than {limit} bytes")));
    }
    read.map_err(|e| corrupt(e.to_string()))
}

/// The object around the list.
struct Batch<F>(F);

impl<'de, F: FnMut(Record)> DeserializeSeed<'de> for Batch<F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de, F: FnMut(Record)> Visitor<'de> for Batch<F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("an object with `entries`")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<Key>()? {
            match &*key.0 {
                "entries" => map.next_value_seed(Entries(&mut self.0))?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The list, `null` when empty.
struct Entries<'a, F>(&'a mut F);

impl<'de, F: FnMut(Record)> DeserializeSeed<'de> for Entries<'_, F> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de, F: FnMut(Record)> Visitor<'de> for Entries<'_, F> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str("a list of manifests")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        while let Some(record) = list.next_element::<Record>()? {
            if record.id.as_str().is_empty() {
                return Err(serde::de::Error::custom("a manifest has no id"));
            }
            (self.0)(record);
        }
        Ok(())
    }
}
