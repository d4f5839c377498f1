//! Times as Velero's tables print them: absolute in the reader's zone, or relative to now.

use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Parses RFC 3339 as it stands in documents.
pub fn parse(text: &str) -> Option<Timestamp> {
    text.parse().ok()
}

/// `2026-07-31 16:28:39 +0200 CEST`; `unset` for a time that is not there, and text that is no time as it is.
pub fn absolute(text: Option<&str>, unset: &str) -> String {
    in_zone(text, unset, TimeZone::system())
}

fn in_zone(text: Option<&str>, unset: &str, zone: TimeZone) -> String {
    match text.map(|text| (text, parse(text))) {
        None => unset.to_owned(),
        Some((text, None)) => text.to_owned(),
        Some((_, Some(time))) => time.to_zoned(zone).strftime("%Y-%m-%d %H:%M:%S %z %Z").to_string(),
    }
}

/// `29d` for a time to come, `3h ago` for one that is gone, `n/a` for none.
pub fn relative(time: Option<Timestamp>, now: Timestamp) -> String {
    match time {
        None => "n/a".to_owned(),
        Some(time) if time > now => short(time.as_second() - now.as_second()),
        Some(time) => format!("{} ago", short(now.as_second() - time.as_second())),
    }
}

/// A span in its largest unit.
fn short(seconds: i64) -> String {
    match seconds {
        s if s < 60 => format!("{s}s"),
        s if s < 3600 => format!("{}m", s / 60),
        s if s < 86_400 => format!("{}h", s / 3600),
        s if s < 365 * 86_400 => format!("{}d", s / 86_400),
        s => format!("{}y", s / (365 * 86_400)),
    }
}

/// How long a run took, such as `0.42 s` or `3 min 20 s`.
pub fn span(duration: std::time::Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..10 => format!("{:.2} s", duration.as_secs_f64()),
        10..120 => format!("{seconds} s"),
        _ => format!("{} min {} s", seconds / 60, seconds % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_times_are_short() {
        let now: Timestamp = "2026-01-10T00:00:00Z".parse().unwrap();
        let check = |text: &str, expected: &str| assert_eq!(relative(parse(text), now), expected, "{text}");
        check("2026-02-08T12:00:00Z", "29d");
        check("2026-01-09T21:00:00Z", "3h ago");
        check("2026-01-09T23:59:30Z", "30s ago");
        check("2028-01-11T00:00:00Z", "2y");
        check("nonsense", "n/a");
    }

    #[test]
    fn absolute_times_name_the_zone() {
        let zone = TimeZone::UTC;
        assert_eq!(in_zone(Some("2026-07-31T16:28:39Z"), "<nil>", zone.clone()), "2026-07-31 16:28:39 +0000 UTC");
        assert_eq!(in_zone(None, "<nil>", zone.clone()), "<nil>");
        assert_eq!(in_zone(Some("soon"), "<nil>", zone), "soon");
    }
}
