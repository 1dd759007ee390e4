//! How a unit file is written: systemd.syntax(7).

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::{Line, UnitFile};

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
}

fn group_name(line: &str) -> Option<&str> {
    let (name, rest) = line.strip_prefix('[')?.split_once(']')?;
    rest.chars().all(|c| c == ' ' || c == '\t').then_some(name)
}
