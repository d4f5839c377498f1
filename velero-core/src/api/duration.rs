//! Durations in Go's notation, `720h0m0s` or `1m30.5s`, as Velero's documents and flags carry them.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;

/// A span of time in nanoseconds that reads and prints like Go's `time.Duration`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(i64);

const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("\u{b5}s", 1_000),
    ("\u{3bc}s", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

impl Duration {
    /// A whole number of seconds.
    pub const fn from_secs(seconds: i64) -> Self {
        Duration(seconds * 1_000_000_000)
    }

    /// Whole seconds, towards zero.
    pub const fn as_secs(self) -> i64 {
        self.0 / 1_000_000_000
    }

    /// Whether the duration is unset, which Velero takes as "use the default".
    pub const fn is_zero(&self) -> bool {
        self.0 == 0
    }

    /// The standard library's type; negative durations become zero.
    pub fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_nanos(u64::try_from(self.0).unwrap_or(0))
    }
}

impl fmt::Display for Duration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        if nanos == 0 {
            return f.write_str("0s");
        }
        if nanos < 1_000_000_000 {
            let (unit, size) =
                [("ms", 1_000_000), ("\u{b5}s", 1_000)].into_iter().find(|(_, s)| nanos >= *s).unwrap_or(("ns", 1));
            return write!(f, "{}{unit}", fraction(nanos, size));
        }
        let (hours, minutes) = (nanos / 3_600_000_000_000, nanos / 60_000_000_000 % 60);
        if hours > 0 {
            write!(f, "{hours}h")?;
        }
        if nanos >= 60_000_000_000 {
            write!(f, "{minutes}m")?;
        }
        write!(f, "{}s", fraction(nanos % 60_000_000_000, 1_000_000_000))
    }
}

/// `nanos / size` without trailing zeros.
fn fraction(nanos: u64, size: u64) -> String {
    let rest = nanos % size;
    if rest == 0 {
        return (nanos / size).to_string();
    }
    let digits = size.ilog10() as usize;
    format!("{}.{}", nanos / size, format!("{rest:0digits$}").trim_end_matches('0'))
}

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || format!("{text:?} is not a duration such as 72h or 1m30s");
        let (negative, mut rest) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        if rest == "0" {
            return Ok(Duration(0));
        }
        if rest.is_empty() {
            return Err(bad());
        }
        let mut total = 0f64;
        while !rest.is_empty() {
            let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').ok_or_else(bad)?;
            let number: f64 = rest[..end].parse().map_err(|_| bad())?;
            rest = &rest[end..];
            let end = rest.find(|c: char| c.is_ascii_digit() || c == '.').unwrap_or(rest.len());
            let (_, size) = UNITS.iter().find(|(unit, _)| *unit == &rest[..end]).ok_or_else(bad)?;
            total += number * *size as f64;
            rest = &rest[end..];
        }
        if total > i64::MAX as f64 {
            return Err(bad());
        }
        let nanos = total.round() as i64;
        Ok(Duration(if negative { -nanos } else { nanos }))
    }
}

impl Serialize for Duration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Duration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_go_prints_them() {
        let check = |text: &str, expected: &str| assert_eq!(text.parse::<Duration>().unwrap().to_string(), expected);
        check("720h", "720h0m0s");
        check("10m", "10m0s");
        check("90s", "1m30s");
        check("1.5s", "1.5s");
        check("1h0.25s", "1h0m0.25s");
        check("250ms", "250ms");
        check("0", "0s");
        check("-2m", "-2m0s");
    }

    #[test]
    fn text_without_unit_or_number_is_refused() {
        for text in ["", "5", "h", "1d", "1h2", "abc", "1..5s"] {
            assert!(text.parse::<Duration>().is_err(), "{text}");
        }
    }
}
