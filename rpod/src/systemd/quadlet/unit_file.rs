//! A unit file: groups of keys, read and written so that comments and order stay. systemd.syntax(7).

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::words;

#[derive(Clone, Debug, Default)]
pub struct UnitFile {
    /// `name.container`
    pub name: String,
    /// Where it was read; nothing for what was not.
    pub path: Option<PathBuf>,
    groups: Vec<Group>,
}

#[derive(Clone, Debug, Default)]
struct Group {
    /// Empty only in a file that has none, for its comments.
    name: String,
    /// Lines before the group's own.
    comments: Vec<String>,
    lines: Vec<Line>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Line {
    Comment(String),
    Key(String, String),
}

impl UnitFile {
    pub fn read(path: &Path) -> Result<UnitFile> {
        let text = std::fs::read_to_string(path)?;
        let mut file = UnitFile::parse(&text)?;
        file.name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        file.path = Some(path.to_owned());
        Ok(file)
    }

    pub fn parse(text: &str) -> Result<UnitFile> {
        let mut file = UnitFile::default();
        let mut current = None;
        let mut pending = Vec::new();
        let lines: Vec<&str> = text
            .strip_suffix('\n')
            .unwrap_or(text)
            .split('\n')
            .collect();
        let mut continued = String::new();
        for (number, line) in lines.iter().enumerate() {
            let line = line.trim();
            let is_comment = line.is_empty() || line.starts_with(['#', ';']);
            if is_comment {
                // Inside a line that goes on comments are nothing.
                if continued.is_empty() {
                    pending.push(line.to_owned());
                }
                continue;
            }
            let (line, goes_on) = match line.strip_suffix('\\') {
                Some(line) => (line, number + 1 < lines.len()),
                None => (line, false),
            };
            continued.push_str(line);
            if !goes_on {
                let line = std::mem::take(&mut continued);
                file.line(&line, number + 1, &mut current, &mut pending)?;
            }
        }
        let last = match current {
            Some(group) => group,
            None => file.ensure(""),
        };
        file.groups[last]
            .lines
            .extend(pending.into_iter().map(Line::Comment));
        Ok(file)
    }

    fn line(
        &mut self,
        line: &str,
        number: usize,
        current: &mut Option<usize>,
        pending: &mut Vec<String>,
    ) -> Result<()> {
        if let Some(name) = group_name(line) {
            if name.is_empty() || name.chars().any(|c| c == '[' || c.is_control()) {
                bail!("invalid group name: {name}");
            }
            let group = self.ensure(name);
            // The empty line between groups comes back when the file is written.
            let is_first = current.replace(group).is_none();
            if !is_first && pending.first().is_some_and(String::is_empty) {
                pending.remove(0);
            }
            self.groups[group].comments.append(pending);
            return Ok(());
        }
        let Some((key, value)) = line.split_once('=').filter(|(key, _)| !key.is_empty()) else {
            bail!(
                "file contains line {number}: “{line}” which is not a key-value pair, group, or comment"
            );
        };
        let group = current.context("key file does not start with a group")?;
        let lines = &mut self.groups[group].lines;
        lines.extend(pending.drain(..).map(Line::Comment));
        lines.push(Line::Key(
            key.trim_end().to_owned(),
            value.trim_start().to_owned(),
        ));
        Ok(())
    }

    fn ensure(&mut self, name: &str) -> usize {
        match self.groups.iter().position(|group| group.name == name) {
            Some(at) => at,
            None => {
                self.groups.push(Group {
                    name: name.to_owned(),
                    ..Group::default()
                });
                self.groups.len() - 1
            }
        }
    }

    fn group(&self, name: &str) -> Option<&Group> {
        self.groups.iter().find(|group| group.name == name)
    }

    /// Adds what another file has: a drop-in's keys come last.
    pub fn merge(&mut self, other: &UnitFile) {
        for group in &other.groups {
            let at = self.ensure(&group.name);
            self.groups[at]
                .comments
                .extend(group.comments.iter().cloned());
            self.groups[at].lines.extend(group.lines.iter().cloned());
        }
    }

    pub fn text(&self) -> String {
        let mut text = String::new();
        for (number, group) in self.groups.iter().enumerate() {
            if number > 0 {
                text.push('\n');
            }
            for comment in &group.comments {
                text.push_str(comment);
                text.push('\n');
            }
            if group.name.is_empty() {
                continue;
            }
            // Writing to a String does not fail.
            let _ = writeln!(text, "[{}]", group.name);
            for line in &group.lines {
                let _ = match line {
                    Line::Comment(comment) => writeln!(text, "{comment}"),
                    Line::Key(key, value) => writeln!(text, "{key}={value}"),
                };
            }
        }
        text
    }

    /// A name for systemd to ignore; what is there under it already comes first.
    pub fn rename_group(&mut self, from: &str, to: &str) {
        let Some(at) = self.groups.iter().position(|group| group.name == from) else {
            return;
        };
        if self.group(to).is_none() {
            self.groups[at].name = to.to_owned();
            return;
        }
        let group = self.groups.remove(at);
        let into = self.ensure(to);
        self.groups[into].comments.extend(group.comments);
        self.groups[into].lines.extend(group.lines);
    }

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
    ) -> (
        std::collections::BTreeMap<String, Option<String>>,
        Vec<String>,
    ) {
        let (mut all, mut warnings) = (std::collections::BTreeMap::new(), Vec::new());
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

    pub fn add(&mut self, group: &str, key: &str, value: impl Into<String>) {
        let at = self.ensure(group);
        self.groups[at]
            .lines
            .push(Line::Key(key.to_owned(), value.into()));
    }

    pub fn add_command(&mut self, group: &str, key: &str, command: &[String]) {
        self.add(group, key, words::join(command));
    }

    pub fn prepend(&mut self, group: &str, key: &str, value: &str) {
        let at = self.ensure(group);
        self.groups[at]
            .lines
            .insert(0, Line::Key(key.to_owned(), value.to_owned()));
    }

    pub fn prepend_comment(&mut self, comments: &[String]) {
        if self.groups.is_empty() {
            self.ensure("");
        }
        let lines = comments.iter().map(|comment| format!("# {comment}"));
        self.groups[0].comments.splice(0..0, lines);
    }

    /// Changes the last value of a key, or adds it.
    pub fn set(&mut self, group: &str, key: &str, value: &str) {
        let at = self.ensure(group);
        let mut lines = self.groups[at].lines.iter_mut().rev();
        let found = lines.find_map(|line| match line {
            Line::Key(own, old) if own == key => Some(old),
            _ => None,
        });
        match found {
            Some(old) => value.clone_into(old),
            None => self.add(group, key, value),
        }
    }

    pub fn unset(&mut self, group: &str, key: &str) {
        let at = self.ensure(group);
        self.groups[at]
            .lines
            .retain(|line| !matches!(line, Line::Key(own, _) if own == key));
    }

    /// The name's stem, and what stands between `@` and the extension if it has one.
    pub fn template(&self) -> (&str, Option<&str>) {
        let stem = self
            .name
            .rsplit_once('.')
            .map_or(self.name.as_str(), |(stem, _)| stem);
        match stem.split_once('@') {
            Some((name, instance)) => (name, Some(instance)),
            None => (stem, None),
        }
    }

    /// `container`, without the dot.
    pub fn extension(&self) -> &str {
        self.name
            .rsplit_once('.')
            .map_or("", |(_, extension)| extension)
    }
}

fn group_name(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix('[')?.split_once(']')?;
    rest.chars().all(|c| c == ' ' || c == '\t').then_some(name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    const TEXT: &str = "# first\n\n[Container]\n# why\nImage = localhost/x \\\n# in between\n  more\nEnvironment=A=1 \"B=2 3\"\nEnvironment=C\n\n[Install]\nWantedBy=a.target\n";

    #[test]
    fn a_file_is_read_and_written() {
        let file = UnitFile::parse(TEXT).unwrap();
        assert_eq!(file.get("Container", "Image"), Some("localhost/x more"));
        assert_eq!(file.keys("Container"), ["Image", "Environment"]);
        let (all, warnings) = file.assignments("Container", "Environment");
        assert!(warnings.is_empty() && all["B"].as_deref() == Some("2 3") && all["C"].is_none());
        assert_eq!(
            file.text(),
            "# first\n\n[Container]\n# why\nImage=localhost/x more\nEnvironment=A=1 \"B=2 3\"\nEnvironment=C\n\n[Install]\nWantedBy=a.target\n"
        );
    }

    #[test]
    fn an_empty_value_clears_those_before() {
        let file = UnitFile::parse("[A]\nk=1\nk=\nk=2\nn=0x10\no=010\nq=\"x\"").unwrap();
        assert_eq!(file.all("A", "k"), ["2"]);
        assert_eq!(
            (file.number("A", "n"), file.number("A", "o")),
            (Some(16), Some(8))
        );
        assert_eq!(file.get("A", "q"), Some("x"));
    }

    #[test]
    fn what_is_no_unit_file_is_refused() {
        for text in ["k=v", "[A]\nword", "[]\n", "[A]\n=v"] {
            assert!(UnitFile::parse(text).is_err(), "{text}");
        }
        assert_eq!(UnitFile::parse("# only this").unwrap().text(), "");
    }

    #[test]
    fn groups_are_renamed_into_those_that_are_there() {
        let mut file = UnitFile::parse("[X-A]\na=1\n[A]\nb=2\n").unwrap();
        file.rename_group("A", "X-A");
        assert_eq!(file.keys("X-A"), ["a", "b"]);
    }

    /// Groups and their keys. The comments at the end of a group that is opened twice may come to stand before the next.
    fn meaning(file: &UnitFile) -> Vec<(&str, Vec<&Line>)> {
        let named = file.groups.iter().filter(|group| !group.name.is_empty());
        let is_key = |line: &&Line| matches!(line, Line::Key(..));
        named
            .map(|group| {
                (
                    group.name.as_str(),
                    group.lines.iter().filter(is_key).collect(),
                )
            })
            .collect()
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_the_same(text in "(\\[[A-Z]\\]|[a-z]=[a-z ]*|#c|)(\n(\\[[A-Z]\\]|[a-z]=[a-z ]*|#c|)){0,8}") {
            if let Ok(file) = UnitFile::parse(&text) {
                let again = UnitFile::parse(&file.text()).unwrap();
                prop_assert_eq!(meaning(&again), meaning(&file));
            }
        }
    }
}
