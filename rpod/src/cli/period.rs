//! `--since` and `--until`: of what happened, which part is shown.

use anyhow::{Context as _, Result};
use jiff::{SignedDuration, Timestamp};

use crate::output::{parse_go_duration, parse_point};

/// The value of such an option; `reading` is what stands before the error of one that is no time.
pub(super) fn bound(
    text: Option<&str>,
    direction: i32,
    reading: impl FnOnce(&str) -> String,
) -> Result<Option<Timestamp>> {
    let text = text.filter(|text| !text.is_empty());
    let point = text.map(|text| point(text, direction).with_context(|| reading(text)));
    point.transpose()
}

/// A point in time; a duration is counted from now, back for `--since` and on for `--until`.
fn point(text: &str, direction: i32) -> Result<Timestamp> {
    let relative = parse_go_duration(text).and_then(|duration| duration.checked_mul(direction));
    let found = match relative {
        Some(duration) => Timestamp::now().checked_add(duration).ok(),
        None => fraction(text).or_else(|| parse_point(text)),
    };
    found.context("unable to interpret time value")
}

/// `1700000000.123`
fn fraction(text: &str) -> Option<Timestamp> {
    let (seconds, decimals) = text.split_once('.')?;
    let seconds: i64 = seconds.parse().ok()?;
    if decimals.len() > 9 || !decimals.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: i64 = format!("{decimals:0<9}").parse().ok()?;
    Timestamp::from_second(seconds)
        .ok()?
        .checked_add(SignedDuration::from_nanos(nanoseconds))
        .ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn points_in_time() {
        let now = Timestamp::now();
        let back = point("10m", -1).unwrap();
        let on = point("10m", 1).unwrap();
        assert!(
            now.duration_since(back).as_secs() >= 599 && on.duration_since(now).as_secs() >= 599
        );
        let unix = point("1700000000.5", -1).unwrap();
        assert_eq!(unix.as_nanosecond(), 1_700_000_000_500_000_000);
        assert!(point("soon", -1).is_err());
    }
}
