//! Points in time as Kopia keeps them: nanoseconds since 1970 in 64 bits, RFC 3339 in documents.

use super::Unset;
use crate::error::{Error, Result};
use jiff::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use std::fmt;

/// Nanoseconds since 1970, of the years 1677 to 2262; may be negative.
///
/// Written in UTC with as many digits as needed; read with any offset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

const SECOND: i64 = 1_000_000_000;
const DAY: i64 = 86_400;

impl Time {
    /// What Go's zero time becomes in 64 bits: roots of block volumes carry it.
    pub const GO_ZERO: Time = Time(-6_795_364_578_871_345_152);

    /// The point `nanos` nanoseconds after the start of 1970.
    pub const fn from_nanos(nanos: i64) -> Self {
        Time(nanos)
    }

    /// Nanoseconds since 1970.
    pub const fn nanos(self) -> i64 {
        self.0
    }

    /// The same point as a timestamp.
    pub fn timestamp(self) -> Timestamp {
        Timestamp::from_nanosecond(i128::from(self.0)).unwrap_or(Timestamp::UNIX_EPOCH) // 64 bits lie inside its range
    }

    /// Reads RFC 3339 as strictly as Go does: `T` and `Z` in upper case, seconds below 60, any offset, digits beyond
    /// the ninth dropped. Go's zero time is [`Time::GO_ZERO`].
    ///
    /// # Errors
    /// Invalid: another shape, or a year outside 1677 to 2262.
    pub fn parse(text: &str) -> Result<Time> {
        if text == "0001-01-01T00:00:00Z" {
            return Ok(Time::GO_ZERO);
        }
        parse(text.as_bytes())
            .map(Time)
            .ok_or_else(|| Error::invalid(format!("time {text:?}"), "it is not RFC 3339, or outside 1677 to 2262"))
    }

    /// Appends the text form.
    pub(crate) fn append_to(self, out: &mut Vec<u8>) {
        let mut text = [0; 30];
        let length = self.text(&mut text);
        out.extend_from_slice(&text[..length]);
    }

    fn text(self, out: &mut [u8; 30]) -> usize {
        let (seconds, fraction) = (self.0.div_euclid(SECOND), self.0.rem_euclid(SECOND));
        let (year, month, day) = civil(seconds.div_euclid(DAY));
        let second = seconds.rem_euclid(DAY);
        out.copy_from_slice(b"0000-00-00T00:00:00.000000000Z");
        for (at, width, value) in [
            (0, 4, year),
            (5, 2, month),
            (8, 2, day),
            (11, 2, second / 3600),
            (14, 2, second / 60 % 60),
            (17, 2, second % 60),
            (20, 9, fraction),
        ] {
            decimal(&mut out[at..at + width], value);
        }
        let mut end = 29;
        while end > 20 && out[end - 1] == b'0' {
            end -= 1;
        }
        end -= usize::from(end == 20); // no digit is left, and the dot goes too
        out[end] = b'Z';
        end + 1
    }
}

fn decimal(field: &mut [u8], mut value: i64) {
    for digit in field.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

/// Year, month and day of a day counted from 1970. Years begin in March here, so that a leap day comes last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let (civil_month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    (era * 400 + year + carry, civil_month, day - (153 * month + 2) / 5 + 1)
}

/// The inverse of [`civil`].
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let (era, year) = (year.div_euclid(400), year.rem_euclid(400));
    era * 146_097 + year * 365 + year / 4 - year / 100 + (153 * month + 2) / 5 + day - 1 - 719_468
}

fn parse(text: &[u8]) -> Option<i64> {
    let (date, rest) = text.split_at_checked(19)?;
    let punctuation = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':')];
    if punctuation.iter().any(|(at, mark)| date[*at] != *mark) {
        return None;
    }
    let (year, month, day) = (number(&date[..4])?, number(&date[5..7])?, number(&date[8..10])?);
    let (hour, minute, second) = (number(&date[11..13])?, number(&date[14..16])?, number(&date[17..19])?);
    if !exists(year, month, day) || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let (fraction, rest) = match rest.split_first()? {
        (b'.', digits) => {
            let count = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let kept = count.min(9);
            (number(&digits[..kept])? * 10_i64.pow(9 - kept as u32), &digits[count..])
        }
        _ => (0, rest),
    };
    let seconds = days(year, month, day) * DAY + hour * 3600 + minute * 60 + second - offset(rest)?;
    i64::try_from(i128::from(seconds) * i128::from(SECOND) + i128::from(fraction)).ok()
}

/// Whether there is such a day.
fn exists(year: i64, month: i64, day: i64) -> bool {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => 0,
    };
    (1..=days).contains(&day)
}

/// Seconds east of UTC.
fn offset(text: &[u8]) -> Option<i64> {
    match text {
        b"Z" => Some(0),
        [sign @ (b'+' | b'-'), hours @ .., b':', tens, ones] => {
            let (hours, minutes) = (number(hours).filter(|_| hours.len() == 2)?, number(&[*tens, *ones])?);
            let seconds = (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)?;
            Some(if *sign == b'-' { -seconds } else { seconds })
        }
        _ => None,
    }
}

/// A number of one to nine digits.
fn number(digits: &[u8]) -> Option<i64> {
    let valid = (1..=9).contains(&digits.len()) && digits.iter().all(u8::is_ascii_digit);
    valid.then(|| digits.iter().fold(0, |value, digit| value * 10 + i64::from(digit - b'0')))
}

impl TryFrom<Timestamp> for Time {
    type Error = Error;

    fn try_from(time: Timestamp) -> Result<Self> {
        let outside = |_| Error::invalid(format!("time {time}"), "it is outside 1677 to 2262");
        i64::try_from(time.as_nanosecond()).map(Time).map_err(outside)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        let mut text = [0; 30];
        let length = self.text(&mut text);
        f.write_str(std::str::from_utf8(&text[..length]).map_err(|_| fmt::Error)?)
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut text = [0; 30];
        let length = self.text(&mut text);
        serializer.serialize_str(std::str::from_utf8(&text[..length]).map_err(serde::ser::Error::custom)?)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Text;
        impl de::Visitor<'_> for Text {
            type Value = Time;
            fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
                f.write_str("a time in RFC 3339")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                Time::parse(text).map_err(E::custom)
            }
        }
        deserializer.deserialize_str(Text)
    }
}

impl Unset for Time {
    fn is_unset(&self) -> bool {
        self.0 == 0
    }
}
