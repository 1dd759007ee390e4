//! What a group says of a key.

use std::collections::BTreeMap;

use anyhow::Result;

use super::super::words;
use super::{Line, UnitFile};

impl UnitFile {
    /// The keys of a group, each once, in order.
    pub fn keys(&self, group: &str) -> Vec<&str> {
        let mut keys = Vec::new();
        for (key, _) in self.pairs(group) {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys
    }

    fn pairs(&self, group: &str) -> impl Iterator<Item = (&str, &str)> {
        let lines = self.group(group).into_iter().flat_map(|group| &group.lines);
        lines.filter_map(|line| match line {
            Line::Key(key, value) => Some((key.as_str(), value.as_str())),
            Line::Comment(_) => None,
        })
    }

    /// The last value of a key, as it stands there.
    pub fn last(&self, group: &str, key: &str) -> Option<&str> {
        let values = self.pairs(group).filter(|(own, _)| *own == key);
        values.map(|(_, value)| value).last()
    }

    pub fn has(&self, group: &str, key: &str) -> bool {
        self.last(group, key).is_some()
    }

    /// The last value of a key, without white space at its end and without a pair of quotes around it.
    pub fn get(&self, group: &str, key: &str) -> Option<&str> {
        let value = self.last(group, key)?.trim_end();
        let inner = value
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        Some(inner.unwrap_or(value))
    }

    /// The same, if it says something.
    pub fn get_filled(&self, group: &str, key: &str) -> Option<&str> {
        self.get(group, key).filter(|value| !value.is_empty())
    }

    pub fn boolean(&self, group: &str, key: &str) -> Option<bool> {
        let value = self.get(group, key)?.to_ascii_lowercase();
        Some(["1", "yes", "true", "on"].contains(&value.as_str()))
    }

    /// A number in C's notation; nothing for what is none.
    pub fn number(&self, group: &str, key: &str) -> Option<u32> {
        let value = self.get(group, key)?;
        let value = value.strip_prefix('+').unwrap_or(value);
        match (
            value.strip_prefix("0x").or(value.strip_prefix("0X")),
            value.strip_prefix('0'),
        ) {
            (Some(hex), _) => u32::from_str_radix(hex, 16),
            (None, Some(octal)) if !octal.is_empty() => u32::from_str_radix(octal, 8),
            _ => value.parse(),
        }
        .ok()
    }

    /// All values of a key; an empty one takes those before it away.
    pub fn all(&self, group: &str, key: &str) -> Vec<&str> {
        let mut values = Vec::new();
        for (_, value) in self.pairs(group).filter(|(own, _)| *own == key) {
            if value.is_empty() {
                values.clear();
            } else {
                values.push(value);
            }
        }
        values
    }

    /// All words of all values, a backslash being nothing special.
    pub fn list(&self, group: &str, key: &str) -> Vec<String> {
        let values = self.all(group, key);
        values.into_iter().flat_map(words::list).collect()
    }

    /// All words of all values, as of command lines; a value that is wrong is left out.
    pub fn arguments(&self, group: &str, key: &str) -> Vec<String> {
        let values = self.all(group, key).into_iter();
        values
            .filter_map(|value| words::arguments(value).ok())
            .flatten()
            .collect()
    }

    /// The last value as a command line.
    pub fn command(&self, group: &str, key: &str) -> Result<Option<Vec<String>>> {
        self.last(group, key).map(words::arguments).transpose()
    }

    /// `KEY=VALUE` words, by key; what could not be read is told.
    pub fn assignments(
        &self,
        group: &str,
        key: &str,
    ) -> (BTreeMap<String, Option<String>>, Vec<String>) {
        let (mut all, mut warnings) = (BTreeMap::new(), Vec::new());
        for value in self.all(group, key) {
            match words::arguments(value) {
                Ok(words) => all.extend(words.into_iter().map(|word| match word.split_once('=') {
                    Some((key, value)) => (key.to_owned(), Some(value.to_owned())),
                    None => (word, None),
                })),
                Err(error) => warnings.push(format!("{error:#}")),
            }
        }
        (all, warnings)
    }
}
