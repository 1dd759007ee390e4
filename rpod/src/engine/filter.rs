//! What the `--filter KEY=VALUE` of all nouns have in common, and what podman tells of those that are none.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, anyhow};
use jiff::Timestamp;
use regex::Regex;

use crate::output::{parse_bool, parse_point};

/// Key and value.
pub fn split(text: &str) -> Result<(&str, &str)> {
    text.split_once('=').with_context(|| {
        format!("filter input must be in the form of filter=value: {text} is invalid")
    })
}

/// A value that is a regular expression.
pub fn pattern(value: &str) -> Result<Regex> {
    Regex::new(value).map_err(|error| {
        // It draws where in the expression it is, and says what in the last line.
        let told = error.to_string();
        let what = told.lines().last().unwrap_or_default();
        let what = what.strip_prefix("error: ").unwrap_or(what);
        anyhow!("error parsing regexp: {what}: `{value}`")
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

/// The value of `label`: `KEY` or `KEY=VALUE`, where a key with `*` is part of one, and no value is any.
pub fn has_label(labels: &BTreeMap<String, String>, wanted: &str) -> bool {
    let (key, value) = wanted.split_once('=').unwrap_or((wanted, ""));
    let has_value = |own: &str| value.is_empty() || own == value;
    if !key.contains('*') {
        return labels.get(key).is_some_and(|own| has_value(own));
    }
    let parts: Vec<_> = key.split('*').map(regex::escape).collect();
    let Ok(pattern) = regex::Regex::new(&parts.join(".*")) else {
        return false;
    };
    let mut labels = labels.iter();
    labels.any(|(own, text)| has_value(text) && pattern.is_match(own))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels() {
        let labels = BTreeMap::from([("org.hello.world".to_owned(), "moon".to_owned())]);
        for wanted in [
            "org.hello.world",
            "org.hello.world=moon",
            "org.hello.world=",
            "hello*",
            "org*world=moon",
        ] {
            assert!(has_label(&labels, wanted), "{wanted}");
        }
        for wanted in [
            "hello",
            "org.hello.world=sun",
            "world*hello",
            "hello*=sun",
            "org?hello*",
        ] {
            assert!(!has_label(&labels, wanted), "{wanted}");
        }
    }
}
