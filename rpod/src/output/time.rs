//! Times for people, and as Go prints and reads them.

use std::sync::OnceLock;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// `2 minutes ago`
pub fn ago(then: Timestamp) -> String {
    format!(
        "{} ago",
        human_duration(Timestamp::now().duration_since(then))
    )
}

/// A length of time in one unit: `Less than a second`, `About an hour`, `3 weeks`.
pub fn human_duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let minutes = seconds / 60;
    // Half an hour more is the next hour, as in podman.
    let hours = (seconds + 1800) / 3600;
    match () {
        () if seconds < 1 => "Less than a second".to_owned(),
        () if seconds == 1 => "1 second".to_owned(),
        () if seconds < 60 => format!("{seconds} seconds"),
        () if minutes == 1 => "About a minute".to_owned(),
        () if minutes < 60 => format!("{minutes} minutes"),
        () if hours == 1 => "About an hour".to_owned(),
        () if hours < 48 => format!("{hours} hours"),
        () if hours < 24 * 7 * 2 => format!("{} days", hours / 24),
        () if hours < 24 * 30 * 2 => format!("{} weeks", hours / 24 / 7),
        () if hours < 24 * 365 * 2 => format!("{} months", hours / 24 / 30),
        () => format!("{} years", hours / 24 / 365),
    }
}

/// This host's zone. For its name, which nothing here asks for, jiff would list the whole database of zones.
pub fn local_zone() -> TimeZone {
    static ZONE: OnceLock<TimeZone> = OnceLock::new();
    let read = || {
        if std::env::var_os("TZ").is_some() {
            return TimeZone::system();
        }
        match std::fs::read("/etc/localtime") {
            Ok(rules) => TimeZone::tzif("Local", &rules).unwrap_or_else(|_| TimeZone::system()),
            // As Go: a host that says nothing has UTC.
            Err(_) => TimeZone::UTC,
        }
    };
    ZONE.get_or_init(read).clone()
}

/// As Go prints a time in the local zone: `2026-11-24 00:37:33.69 +0000 UTC`.
pub fn go_time(time: Timestamp) -> String {
    time.to_zoned_datetime(local_zone())
        .strftime("%Y-%m-%d %H:%M:%S%.f %z %Z")
        .to_string()
}

/// As Go prints it when the fraction was dropped before: `2026-11-24 00:37:33 +0000 UTC`.
pub fn go_seconds(time: Timestamp) -> String {
    time.to_zoned_datetime(local_zone())
        .strftime("%Y-%m-%d %H:%M:%S %z %Z")
        .to_string()
}

/// As date(1) prints it: `Tue Nov 24 00:37:33 UTC 2026`.
pub fn unix_date(time: Timestamp) -> String {
    time.to_zoned_datetime(local_zone())
        .strftime("%a %b %e %H:%M:%S %Z %Y")
        .to_string()
}

/// As Go prints a duration: `1h2m3.5s`, `29.858659ms`, `0s`.
pub fn go_duration(nanoseconds: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1, "ns"), (1000, "µs"), (1_000_000, "ms")];
    const SECOND: u64 = 1_000_000_000;
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    if nanoseconds < SECOND {
        let unit = UNITS.iter().rev().find(|(size, _)| nanoseconds >= *size);
        let (size, name) = unit.copied().unwrap_or(UNITS[0]);
        return fraction(nanoseconds, size) + name;
    }
    let (hours, minutes) = (nanoseconds / SECOND / 3600, nanoseconds / SECOND / 60 % 60);
    let seconds = fraction(nanoseconds % (60 * SECOND), SECOND) + "s";
    match (hours, minutes) {
        (0, 0) => seconds,
        (0, _) => format!("{minutes}m{seconds}"),
        _ => format!("{hours}h{minutes}m{seconds}"),
    }
}

/// A number in a unit, with as many decimals as it needs.
fn fraction(number: u64, unit: u64) -> String {
    let (whole, rest) = (number / unit, number % unit);
    if rest == 0 {
        return whole.to_string();
    }
    let digits = unit.ilog10() as usize;
    let decimals = format!("{rest:0digits$}");
    format!("{whole}.{}", decimals.trim_end_matches('0'))
}

/// A point in time as filters take it: a Unix time, a date or date and time (RFC 3339), or a Go duration
/// before now.
pub fn parse_point(text: &str) -> Option<Timestamp> {
    if let Ok(seconds) = text.parse::<f64>() {
        return at_second(seconds);
    }
    if let Ok(time) = text.parse::<Timestamp>() {
        return Some(time);
    }
    if let Some(duration) = parse_go_duration(text) {
        return Timestamp::now().checked_sub(duration).ok();
    }
    let civil = text
        .parse::<jiff::civil::DateTime>()
        .or_else(|_| text.parse::<jiff::civil::Date>().map(Into::into));
    Some(
        civil
            .ok()?
            .to_zoned_datetime(local_zone())
            .ok()?
            .timestamp(),
    )
}

/// Seconds since 1970; what is further away than time is counted lies at its end.
fn at_second(seconds: f64) -> Option<Timestamp> {
    let end = match seconds {
        _ if seconds.is_nan() => return None,
        ..0.0 => Timestamp::MIN,
        _ => Timestamp::MAX,
    };
    let since = SignedDuration::try_from_secs_f64(seconds).ok();
    Some(
        since
            .and_then(|since| Timestamp::from_duration(since).ok())
            .unwrap_or(end),
    )
}

/// Go's `1h30m`, `250ms`, `1.5s`, `-2m`.
pub fn parse_go_duration(text: &str) -> Option<SignedDuration> {
    let (negative, mut rest) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    if rest == "0" {
        return Some(SignedDuration::ZERO);
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !(c.is_ascii_digit() || c == '.'))?;
        let unit_end = rest[digits..]
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .map_or(rest.len(), |end| digits + end);
        let unit = match &rest[digits..unit_end] {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += rest[..digits].parse::<f64>().ok()? * unit;
        rest = &rest[unit_end..];
    }
    if text.is_empty() {
        return None;
    }
    SignedDuration::try_from_secs_f64(if negative { -seconds } else { seconds }).ok()
}

/// What Go says of a text that is no duration: which unit it does not know, or that one is missing.
pub fn wrong_duration(text: &str) -> String {
    const UNITS: [&str; 8] = ["ns", "us", "µs", "μs", "ms", "s", "m", "h"];
    let is_number = |c: char| c.is_ascii_digit() || c == '.';
    let mut rest = text.trim_start_matches(['-', '+']);
    while rest.starts_with(is_number) {
        let unit = rest.trim_start_matches(is_number);
        let end = unit.find(is_number).unwrap_or(unit.len());
        match &unit[..end] {
            "" => {
                return format!(
                    "time: missing unit in duration {text:?}: write ns, us, ms, s, m or h"
                );
            }
            known if UNITS.contains(&known) => rest = &unit[end..],
            other => {
                return format!(
                    "time: unknown unit {other:?} in duration {text:?}: write ns, us, ms, s, m or h"
                );
            }
        }
    }
    format!("time: invalid duration {text:?}")
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_duration_is_told_in_gos_words() {
        for (text, words) in [
            (
                "100days",
                "time: unknown unit \"days\" in duration \"100days\"",
            ),
            ("1h5x2s", "time: unknown unit \"x\" in duration \"1h5x2s\""),
            ("soon", "time: invalid duration \"soon\""),
            ("", "time: invalid duration \"\""),
            ("12", "time: missing unit in duration \"12\""),
        ] {
            assert!(wrong_duration(text).starts_with(words), "{text}");
        }
    }

    #[test]
    fn durations_as_podman_says_them() {
        for (seconds, expected) in [
            (0, "Less than a second"),
            (1, "1 second"),
            (59, "59 seconds"),
            (60, "About a minute"),
            (119, "About a minute"),
            (3599, "59 minutes"),
            (3600, "About an hour"),
            (5400, "2 hours"),
            (47 * 3600, "47 hours"),
            (48 * 3600, "2 days"),
            (15 * 86400, "2 weeks"),
            (61 * 86400, "2 months"),
            (800 * 86400, "2 years"),
        ] {
            assert_eq!(human_duration(SignedDuration::from_secs(seconds)), expected);
        }
    }

    #[test]
    fn durations_as_go_prints_them() {
        for (nanoseconds, expected) in [
            (0, "0s"),
            (7, "7ns"),
            (1500, "1.5µs"),
            (29_858_659, "29.858659ms"),
            (1_000_000_000, "1s"),
            (63_500_000_000, "1m3.5s"),
            (3_600_000_000_000, "1h0m0s"),
        ] {
            assert_eq!(go_duration(nanoseconds), expected);
        }
    }

    #[test]
    fn go_durations() {
        assert_eq!(
            parse_go_duration("1h30m"),
            Some(SignedDuration::from_secs(5400))
        );
        assert_eq!(
            parse_go_duration("1.5s"),
            Some(SignedDuration::from_millis(1500))
        );
        assert_eq!(
            parse_go_duration("-2m"),
            Some(SignedDuration::from_secs(-120))
        );
        for bad in ["", "1", "h", "1x", "1h2"] {
            assert_eq!(parse_go_duration(bad), None, "{bad}");
        }
    }

    #[test]
    fn points() {
        let expected: Timestamp = "2026-11-24T00:37:33Z".parse().unwrap();
        assert_eq!(parse_point("1795480653"), Some(expected));
        assert_eq!(parse_point("1795480653.0"), Some(expected));
        assert_eq!(parse_point("5000000000000"), Some(Timestamp::MAX));
        assert_eq!(parse_point("-inf"), Some(Timestamp::MIN));
        assert_eq!(parse_point("nan"), None);
        assert_eq!(parse_point("2026-11-24T00:37:33Z"), Some(expected));
        assert!(parse_point("2026-11-24").is_some());
        assert!(parse_point("1h").unwrap() < Timestamp::now());
        assert_eq!(parse_point("never"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in any::<String>(), digits in "[0-9.]{0,40}(h|m|s|ms|ns)?") {
            let _point = parse_point(&text);
            let _point = parse_point(&digits);
        }
    }
}
