//! Spans of time as Go writes them.

use std::str::FromStr;
use std::time;

/// `1h15m30.5s`: numbers, each with its unit; `0` needs none.
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
        let invalid = || format!("time: invalid duration {text:?} (write it as in 30s or 1h15m)");
        if text == "0" {
            return Ok(Self::default());
        }
        let mut seconds = 0.0;
        let mut rest = text;
        while !rest.is_empty() {
            let digits = rest
                .find(|c: char| !c.is_ascii_digit() && c != '.')
                .ok_or_else(invalid)?;
            let number: f64 = rest[..digits].parse().map_err(|_| invalid())?;
            rest = &rest[digits..];
            let unit = rest
                .find(|c: char| c.is_ascii_digit() || c == '.')
                .unwrap_or(rest.len());
            let (_, factor) = UNITS
                .iter()
                .find(|(name, _)| *name == &rest[..unit])
                .ok_or_else(invalid)?;
            seconds += number * factor;
            rest = &rest[unit..];
        }
        if text.is_empty() {
            return Err(invalid());
        }
        time::Duration::try_from_secs_f64(seconds)
            .map(Self)
            .map_err(|_| invalid())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn as_go_writes_them() {
        let millis = |text: &str| text.parse::<Duration>().map(|d| d.0.as_millis()).ok();
        assert_eq!(millis("1h15m30.5s"), Some(4_530_500));
        assert_eq!(millis("300ms"), Some(300));
        assert_eq!(millis("0"), Some(0));
        for wrong in ["", "1", "s", "1.2.3s", "-1s", "1x", "1e400h"] {
            assert_eq!(millis(wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in ".{0,20}") {
            let _ = text.parse::<Duration>();
        }
    }
}
