//! Permissions in Go's bits.

use crate::repository::gojson::Unset;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// Permissions, setuid, setgid and sticky in the bits of Go's `FileMode`; the type of a file is not among them.
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Mode(u32);

/// Go's bit and POSIX's bit of setuid, setgid and sticky.
const SPECIAL: [(u32, u32); 3] = [(1 << 23, 0o4000), (1 << 22, 0o2000), (1 << 20, 0o1000)];

impl Mode {
    /// The mode of these POSIX bits (as in `st_mode`); bits that are not permissions are left out.
    pub fn from_posix(posix: u32) -> Self {
        Mode(SPECIAL.iter().filter(|(_, bit)| posix & bit != 0).fold(posix & 0o777, |mode, (go, _)| mode | go))
    }

    /// The POSIX bits for `chmod`, at most `0o7777`.
    pub fn posix(self) -> u32 {
        SPECIAL.iter().filter(|(go, _)| self.0 & go != 0).fold(self.0 & 0o777, |mode, (_, bit)| mode | bit)
    }

    /// Go's bits.
    pub fn bits(self) -> u32 {
        self.0
    }

    /// Reads octal digits, as they follow the first zero where Kopia writes a mode. None if they are not such.
    pub(super) fn octal(digits: &str) -> Option<Mode> {
        let plain = (1..=10).contains(&digits.len()) && digits.bytes().all(|digit| matches!(digit, b'0'..=b'7'));
        plain.then(|| digits.bytes().fold(0, |bits, digit| bits << 3 | u32::from(digit - b'0'))).map(Mode)
    }

    /// Reads a number as C writes it: `0755`, `0x1ed`, `493`. None if it is no number of 31 bits.
    fn parse(text: &str) -> Option<Mode> {
        let radixes = [("0x", 16), ("0X", 16), ("0b", 2), ("0B", 2), ("0o", 8), ("0O", 8), ("0", 8), ("", 10)];
        let digits = |(prefix, radix)| Some((text.strip_prefix(prefix).filter(|rest| !rest.is_empty())?, radix));
        let (digits, radix) = radixes.into_iter().find_map(digits)?;
        let plain = !digits.starts_with('+');
        u32::from_str_radix(digits, radix).ok().filter(|bits| plain && *bits <= i32::MAX as u32).map(Mode)
    }
}

impl fmt::Debug for Mode {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        write!(f, "{:#o}", self.posix())
    }
}

impl Unset for Mode {
    fn is_unset(&self) -> bool {
        self.0 == 0
    }
}

impl Serialize for Mode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("0{:o}", self.0))
    }
}

impl<'de> Deserialize<'de> for Mode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Number;
        impl de::Visitor<'_> for Number {
            type Value = Mode;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("permissions as an octal number in quotes")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Mode, E> {
                Mode::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Number)
    }
}
