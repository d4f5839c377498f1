//! The outer JSON of `kopia.repository`, and JSON forms that both of its layers use.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The outer document: what has to be known before the password. Fields that it does not name are kept.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Document {
    #[serde(default)]
    pub(crate) tool: String,
    #[serde(default, rename = "buildVersion")]
    pub(crate) build_version: String,
    #[serde(default, rename = "buildInfo")]
    pub(crate) build_info: String,
    #[serde(default, rename = "uniqueID", with = "base64_bytes")]
    pub(crate) unique_id: Vec<u8>,
    #[serde(default, rename = "keyAlgo")]
    pub(crate) key_derivation: String,
    #[serde(default)]
    pub(crate) encryption: String,
    #[serde(default, rename = "encryptedBlockFormat", with = "base64_bytes")]
    pub(crate) sealed: Vec<u8>,
    #[serde(flatten)]
    pub(crate) unknown: Map<String, Value>,
}

/// Bytes as Go's JSON has them: standard base64, or `null` for none.
pub(crate) mod base64_bytes {
    use std::borrow::Cow;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};
    use zeroize::Zeroizing;

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], out: S) -> Result<S::Ok, S::Error> {
        out.serialize_str(&Zeroizing::new(STANDARD.encode(bytes)))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Vec<u8>, D::Error> {
        let text = Option::<Cow<'de, str>>::deserialize(input)?.unwrap_or_default();
        STANDARD.decode(text.as_bytes()).map_err(|_| D::Error::custom("bytes that are not base64"))
    }
}

/// Secret bytes, in the same form.
pub(crate) mod base64_key {
    use serde::{Deserializer, Serializer};

    use super::super::key::Key;

    pub(crate) fn serialize<S: Serializer>(key: &Key, out: S) -> Result<S::Ok, S::Error> {
        super::base64_bytes::serialize(key.bytes(), out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Key, D::Error> {
        super::base64_bytes::deserialize(input).map(Key::new)
    }
}

/// Numbers that Go keeps in 64 signed bits. Its reader fails at greater ones, so that they are neither read nor
/// written; negative ones are refused because none of them has a meaning.
pub(crate) mod signed {
    use serde::{Deserialize, Deserializer, Serializer, de, ser};

    pub(crate) fn serialize<S: Serializer>(number: &u64, out: S) -> Result<S::Ok, S::Error> {
        match i64::try_from(*number) {
            Ok(number) => out.serialize_i64(number),
            Err(_) => Err(ser::Error::custom(format!("{number} does not fit into 64 signed bits"))),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<u64, D::Error> {
        let number = i64::deserialize(input)?;
        u64::try_from(number).map_err(|_| de::Error::custom(format!("{number} is negative")))
    }
}

/// Durations as Go's JSON has them: whole nanoseconds in 64 signed bits, none negative.
pub(crate) mod nanoseconds {
    use std::time::Duration;

    use serde::{Deserializer, Serializer};

    pub(crate) fn serialize<S: Serializer>(time: &Duration, out: S) -> Result<S::Ok, S::Error> {
        super::signed::serialize(&u64::try_from(time.as_nanos()).unwrap_or(u64::MAX), out)
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(input: D) -> Result<Duration, D::Error> {
        super::signed::deserialize(input).map(Duration::from_nanos)
    }
}

/// For fields that Go omits when they are zero.
#[allow(clippy::trivially_copy_pass_by_ref)]
pub(crate) fn is_zero<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Whole minutes.
pub(crate) const fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}
