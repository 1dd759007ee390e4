//! What the `--filter KEY=VALUE` of all nouns have in common, and what podman tells of those that are none.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};
use jiff::Timestamp;

use crate::output::{parse_bool, parse_point};

/// Key and value.
pub fn split(text: &str) -> Result<(&str, &str)> {
    text.split_once('=').with_context(|| {
        format!("filter input must be in the form of filter=value: {text} is invalid")
    })
}

/// The value of `until`.
pub fn until(value: &str) -> Result<Timestamp> {
    parse_point(value)
        .with_context(|| format!("failed to parse value as time or duration: {value:?}"))
}

/// A value that is true or false; `wrong` is what podman tells of any other.
pub fn truth(value: &str, wrong: impl FnOnce() -> String) -> Result<bool> {
    parse_bool(value).with_context(wrong)
}

/// The value of `label`: `KEY` or `KEY=VALUE`.
pub fn has_label(labels: &BTreeMap<String, String>, wanted: &str) -> bool {
    match wanted.split_once('=') {
        Some((key, value)) => labels.get(key).is_some_and(|own| own == value),
        None => labels.contains_key(wanted),
    }
}
