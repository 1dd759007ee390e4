//! Keys and groups that are added, changed and taken away.

use super::super::words;
use super::{Line, UnitFile};

impl UnitFile {
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
}
