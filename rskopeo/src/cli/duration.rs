//! Spans of time as Go writes them.

use std::str::FromStr;
use std::time;

/// `1h15m30.5s`: numbers, each with its unit; `0` needs none. What is below it is 0, too: nobody waits a negative time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Duration(pub time::Duration);

const UNITS: [(&str, f64); 7] = [
    ("ns", 1e-9),
    ("us", 1e-6),
    ("µs", 1e-6),
    ("ms", 1e-3),
    ("s", 1.0),
    ("m", 60.0),
    ("h", 3600.0),
];

impl FromStr for Duration {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        const WAY_OUT: &str = "(write it as in 30s or 1h15m)";
        let invalid = || format!("time: invalid duration {text:?} {WAY_OUT}");
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        if unsigned == "0" {
            return Ok(Self::default());
        }
        if unsigned.is_empty() {
            return Err(invalid());
        }
        let is_of_number = |c: char| c.is_ascii_digit() || c == '.';
        let mut seconds = 0.0;
        let mut rest = unsigned;
        while !rest.is_empty() {
            let digits = rest.find(|c| !is_of_number(c)).unwrap_or(rest.len());
            let (number, behind) = rest.split_at(digits);
            let number: f64 = number.parse().map_err(|_| invalid())?;
            let (name, behind) = behind.split_at(behind.find(is_of_number).unwrap_or(behind.len()));
            if name.is_empty() {
                return Err(format!("time: missing unit in duration {text:?} {WAY_OUT}"));
            }
            let (_, factor) = UNITS
                .iter()
                .find(|(unit, _)| *unit == name)
                .ok_or_else(|| {
                    format!("time: unknown unit {name:?} in duration {text:?} {WAY_OUT}")
                })?;
            seconds += number * factor;
            rest = behind;
        }
        if text.starts_with('-') {
            return Ok(Self::default());
        }
        time::Duration::try_from_secs_f64(seconds)
            .map(Self)
            .map_err(|_| invalid())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_go_writes_them() {
        let millis = |text: &str| text.parse::<Duration>().map(|d| d.0.as_millis()).ok();
        assert_eq!(millis("1h15m30.5s"), Some(4_530_500));
        assert_eq!(millis("300ms"), Some(300));
        assert_eq!(millis("0"), Some(0));
        assert_eq!(millis("-1s"), Some(0));
        for (wrong, why) in [
            ("", "invalid duration"),
            ("1", "missing unit"),
            ("s", "invalid duration"),
            ("1.2.3s", "invalid duration"),
            ("-1x", "unknown unit"),
            ("1e400h", "unknown unit"),
        ] {
            let error = wrong.parse::<Duration>().unwrap_err();
            assert!(error.contains(why), "{wrong}: {error}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,20}") {
            let _ = text.parse::<Duration>();
        }
    }
}
