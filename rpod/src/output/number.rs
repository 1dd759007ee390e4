//! Numbers and truths, and why a text is none, in the words of Go's strconv.

use std::num::{IntErrorKind, ParseIntError};
use std::str::FromStr;

use anyhow::{Result, anyhow};

/// Reads a number; `function` is the one of strconv's by which podman reads it: ParseInt, ParseUint or Atoi.
pub fn parse_number<T: FromStr<Err = ParseIntError>>(function: &str, text: &str) -> Result<T> {
    let number = text.parse();
    number.map_err(|error: ParseIntError| anyhow!(no_number(function, text, error.kind())))
}

pub fn no_number(function: &str, text: &str, why: &IntErrorKind) -> String {
    let why = match why {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
        _ => "invalid syntax",
    };
    format!("strconv.{function}: parsing {text:?}: {why}")
}

/// A truth as strconv.ParseBool reads it.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_no_number_is_told_as_go_tells_it() {
        let told = |text: &str| {
            parse_number::<u16>("ParseUint", text)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            told("x"),
            "strconv.ParseUint: parsing \"x\": invalid syntax"
        );
        assert_eq!(
            told("-1"),
            "strconv.ParseUint: parsing \"-1\": invalid syntax"
        );
        assert_eq!(
            told("65536"),
            "strconv.ParseUint: parsing \"65536\": value out of range"
        );
        assert_eq!(parse_number::<u16>("ParseUint", "80").unwrap(), 80);
    }
}
