//! Manifests: labelled documents, written in batches, merged by identity.
//!
//! Comes in: records; the bytes of batch contents. Goes out: a compressed batch as Kopia reads it; the set of living
//! records. A record that is replaced or deleted is not overwritten: another one with the same identity and a later
//! time hides it. Refused: batches that expand beyond a limit, records without identity, time or (when written) type.
//! The document of a record stays the bytes it came in; only who asks for it parses it. Memory: one record beside
//! those that are kept.

mod batch;

use crate::error::{Error, Result};
use crate::repository::gojson::{self, Time, Unset, document};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, btree_map};
use std::{borrow::Borrow, fmt, sync::Arc};

pub use batch::{decode, encode};

/// The label that says what a manifest is about; every manifest has it.
pub const TYPE: &str = "type";

/// Labels of a manifest, ordered by key.
pub type Labels = BTreeMap<String, String>;

/// Identity of a manifest: 32 hexadecimal digits where Kopia made it.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct ManifestId(Arc<str>);

impl ManifestId {
    /// The identity made of 16 random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        ManifestId(format!("{:032x}", u128::from_be_bytes(bytes)).into())
    }

    /// Reads an identity: up to 64 letters, digits, `-` and `_`.
    ///
    /// # Errors
    /// Invalid: empty, longer, or other characters.
    pub fn parse(text: &str) -> Result<Self> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        match (1..=64).contains(&text.len()) && text.bytes().all(allowed) {
            true => Ok(ManifestId(text.into())),
            false => Err(Error::invalid(format!("manifest id {text:.80?}"), "it must be 1 to 64 letters and digits")),
        }
    }

    /// The text form.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ManifestId {
    fn default() -> Self {
        ManifestId("".into()) // what a record without `id` has; no reader lets it pass
    }
}

impl<'de> Deserialize<'de> for ManifestId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        ManifestId::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl Borrow<str> for ManifestId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ManifestId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ManifestId {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The document of a record, in the bytes it was written in; `null` for a deletion.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Data(Option<Box<RawValue>>);

impl Data {
    /// The bytes, `null` when there are none.
    pub fn get(&self) -> &str {
        self.0.as_ref().map_or("null", |raw| raw.get())
    }
}

impl Unset for Data {
    fn is_unset(&self) -> bool {
        self.get() == "null"
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.get() == other.get()
    }
}

document! {
    /// One manifest, or the word that it is deleted.
    pub struct Record {
        /// Identity.
        pub id: ManifestId = "id",
        /// Labels by which it is found; none for a deletion.
        pub labels: Option<Labels> = "labels",
        /// When it was written. The latest record of an identity counts.
        pub modified: Time = "modified",
        /// Whether this is the word that the identity is deleted.
        pub deleted: bool = "deleted" omit,
        /// The document.
        pub data: Data = "data",
    }
}

impl Record {
    /// A new manifest with `document` in Go's bytes.
    ///
    /// # Errors
    /// Invalid: no `type` among the labels, or a document that JSON can not carry.
    pub fn new<T: Serialize>(id: ManifestId, labels: Labels, modified: Time, document: &T) -> Result<Self> {
        if labels.get(TYPE).is_none_or(String::is_empty) {
            return Err(Error::invalid(format!("manifest {id}"), "it has no label `type`"));
        }
        let data = gojson::to_raw(document).map_err(|e| Error::invalid(format!("manifest {id}"), e.to_string()))?;
        Ok(Record { id, labels: Some(labels), modified, data: Data(Some(data)), ..Record::default() })
    }

    /// The word that the manifest `id` is deleted.
    pub fn deletion(id: ManifestId, modified: Time) -> Self {
        Record { id, modified, deleted: true, ..Record::default() }
    }

    /// The value of a label.
    pub fn label(&self, name: &str) -> Option<&str> {
        self.labels.as_ref()?.get(name).map(String::as_str)
    }

    /// Whether all of `wanted` are among its labels.
    pub fn matches(&self, wanted: &Labels) -> bool {
        wanted.iter().all(|(name, value)| self.label(name) == Some(value))
    }

    /// Reads the document.
    ///
    /// # Errors
    /// Corrupt: it is not of that shape.
    pub fn document<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(self.data.get())
            .map_err(|e| Error::corrupt(format!("manifest {}", self.id), e.to_string()))
    }
}

/// Joins the records of all batches, in any order.
#[derive(Debug, Default)]
pub struct Merge {
    wanted: Labels,
    latest: BTreeMap<ManifestId, Record>,
}

impl Merge {
    /// Keeps the manifests that have all labels in `wanted`; of others only the time, without which a deletion or an
    /// older record would win.
    pub fn new(wanted: Labels) -> Self {
        Merge { wanted, latest: BTreeMap::new() }
    }

    /// Takes one record; the later of two counts, and of two equally late ones the one that came first.
    pub fn add(&mut self, mut record: Record) {
        if !record.deleted && !record.matches(&self.wanted) {
            let Record { id, modified, .. } = record;
            record = Record::deletion(id, modified);
        }
        match self.latest.entry(record.id.clone()) {
            btree_map::Entry::Vacant(entry) => drop(entry.insert(record)),
            btree_map::Entry::Occupied(mut entry) if record.modified > entry.get().modified => {
                drop(entry.insert(record))
            }
            btree_map::Entry::Occupied(_) => {}
        }
    }

    /// Whether a record of this identity was taken.
    pub fn knows(&self, id: &ManifestId) -> bool {
        self.latest.contains_key(id)
    }

    /// The latest record of each identity, those that say that it is deleted with them.
    pub fn records(self) -> impl Iterator<Item = Record> {
        self.latest.into_values()
    }

    /// The living manifests.
    pub fn finish(mut self) -> Manifests {
        self.latest.retain(|_, record| !record.deleted);
        Manifests(self.latest)
    }
}

/// Living manifests, by identity.
#[derive(Clone, Debug, Default)]
pub struct Manifests(BTreeMap<ManifestId, Record>);

impl Manifests {
    /// The manifest `id`.
    pub fn get(&self, id: &str) -> Option<&Record> {
        self.0.get(id)
    }

    /// All manifests, by identity.
    pub fn iter(&self) -> impl Iterator<Item = &Record> {
        self.0.values()
    }

    /// Those that have all labels in `wanted`.
    pub fn find<'a>(&'a self, wanted: &'a Labels) -> impl Iterator<Item = &'a Record> {
        self.iter().filter(move |record| record.matches(wanted))
    }

    /// The one that counts where only one should be: the latest, of equally late ones that with the larger id.
    pub fn latest(&self, wanted: &Labels) -> Option<&Record> {
        self.iter().filter(|record| record.matches(wanted)).max_by(|a, b| (a.modified, &a.id).cmp(&(b.modified, &b.id)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// The labels `pairs`.
pub fn labels<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Labels {
    pairs.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[cfg(test)]
mod tests;
