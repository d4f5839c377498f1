//! Addresses of stores, taken apart: `scheme://bucket/prefix?option=value&…`, or a directory.
//!
//! What is shown of an address is scheme, bucket, prefix and the values of options that can be no secret. User names and
//! passwords in an address are refused, and so are options that the store does not know.

use crate::error::{Error, Result};
use std::collections::BTreeMap;
use std::fmt;

/// An address, taken apart.
pub(super) struct Address {
    /// `file`, `memory`, `s3`, …
    pub(super) scheme: String,
    /// Bucket or container; empty for directories.
    pub(super) bucket: String,
    /// Prefix without slashes around it; for directories the path as given.
    pub(super) path: String,
    options: BTreeMap<String, String>,
}

impl Address {
    pub(super) fn parse(text: &str) -> Result<Address> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Address::directory(text);
        };
        if scheme == "file" {
            return Address::directory(rest);
        }
        let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (bucket, path) = place.split_once('/').unwrap_or((place, ""));
        let shown = format!("{scheme}://{}", place.rsplit('@').next().unwrap_or_default());
        if place.contains('@') {
            return Err(Error::invalid(shown, "credentials do not belong into an address"));
        }
        if path.split('/').any(|segment| matches!(segment, "." | "..")) {
            return Err(Error::invalid(shown, "the prefix must not hold '.' or '..'"));
        }
        if bucket.is_empty() && scheme != "memory" {
            return Err(Error::invalid(shown, format!("name a bucket: {scheme}://BUCKET/PREFIX")));
        }
        let mut options = BTreeMap::new();
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = percent_decode(value)
                .ok_or_else(|| Error::invalid(shown.clone(), format!("option {key} is not well encoded")))?;
            if options.insert(key.to_owned(), value).is_some() {
                return Err(Error::invalid(shown, format!("option {key} is given twice")));
            }
        }
        let (scheme, bucket, path) = (scheme.to_owned(), bucket.to_owned(), path.trim_matches('/').to_owned());
        Ok(Address { scheme, bucket, path, options })
    }

    fn directory(path: &str) -> Result<Address> {
        if path.is_empty() {
            return Err(Error::invalid("store", "the address is empty; give a directory or s3://BUCKET/PREFIX"));
        }
        Ok(Address { scheme: "file".into(), bucket: String::new(), path: path.into(), options: BTreeMap::new() })
    }

    /// The value of an option.
    pub(super) fn option(&self, key: &str) -> Option<&str> {
        self.options.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// A yes-or-no option.
    pub(super) fn flag(&self, key: &str) -> Result<Option<bool>> {
        match self.option(key) {
            None => Ok(None),
            Some("true" | "1") => Ok(Some(true)),
            Some("false" | "0") => Ok(Some(false)),
            Some(_) => Err(Error::invalid(self.to_string(), format!("option {key} is true or false"))),
        }
    }

    /// Refuses options other than `known`, by name only: a value may be a secret.
    pub(super) fn allow(&self, known: &[&str]) -> Result<()> {
        let unknown: Vec<_> = self.options.keys().filter(|key| !known.contains(&key.as_str())).cloned().collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
        let reason = format!("unknown option {}; known: {known}", unknown.join(", "));
        Err(Error::invalid(self.to_string(), reason))
    }
}

impl fmt::Display for Address {
    /// Without options, except the endpoint.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.scheme == "file" {
            return f.write_str(&self.path);
        }
        write!(f, "{}://{}", self.scheme, self.bucket)?;
        if !self.path.is_empty() {
            write!(f, "/{}", self.path)?;
        }
        match self.option("endpoint") {
            Some(endpoint) if !endpoint.contains('@') => write!(f, "?endpoint={endpoint}"),
            _ => Ok(()),
        }
    }
}

fn percent_decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        if byte == b'%' {
            let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
            bytes.push(u8::from_str_radix(digits, 16).ok()?);
            rest = &rest[2..];
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).ok()
}
