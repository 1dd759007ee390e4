//! What `--help` of rpod and of podman lists.

use std::collections::BTreeMap;

use tests::{Cmd, Result, ours};

/// Names of options, each with its letter if it has one.
pub type Options = BTreeMap<String, Option<char>>;

/// All commands of rpod as a person types them, nouns left out; the empty one is `rpod` itself, with the global options.
pub fn commands() -> Result<Vec<String>> {
    let mut all = vec![String::new()];
    add_commands(&[], &mut all)?;
    Ok(all)
}

fn add_commands(words: &[String], all: &mut Vec<String>) -> Result<()> {
    let text = rpod(words)?;
    let names = subcommands(&text);
    if names.is_empty() {
        all.push(words.join(" "));
    }
    for name in names {
        add_commands(&[words, &[name]].concat(), all)?;
    }
    Ok(())
}

/// `rpod WORDS --help`
pub fn rpod(words: &[String]) -> Result<String> {
    let help = Cmd::new(ours("rpod")?).args(words).arg("--help");
    Ok(help.ok()?.stdout)
}

/// The commands that a help text lists.
pub fn subcommands(text: &str) -> Vec<String> {
    let listed = text
        .lines()
        // rpod's are podman's `Available Commands:`.
        .skip_while(|line| !line.ends_with("Commands:"))
        .skip(1)
        .take_while(|line| !line.is_empty());
    // A description that is continued stands further to the right.
    let named = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// The options of a help text, either program's, but for `--help` itself.
pub fn options(text: &str) -> Options {
    let mut options = Options::new();
    for line in text.lines() {
        let line = line.trim();
        let (letter, rest) = match line
            .strip_prefix('-')
            .and_then(|rest| rest.split_once(", "))
        {
            Some((letter, rest)) if letter.len() == 1 => (letter.chars().next(), rest),
            _ => (None, line),
        };
        if let Some(name) = name(rest) {
            options.insert(name, letter);
        }
        let aliases = line
            .split_once("[aliases: ")
            .or_else(|| line.split_once("[alias: "));
        let aliases = aliases.and_then(|(_, rest)| rest.split_once(']'));
        for alias in aliases.iter().flat_map(|(aliases, _)| aliases.split(", ")) {
            options.extend(name(alias).map(|name| (name, None)));
        }
    }
    options.remove("--help");
    options
}

fn name(text: &str) -> Option<String> {
    let rest = text.strip_prefix("--")?;
    let end = rest.find(|c: char| !"-.".contains(c) && !c.is_ascii_alphanumeric());
    let name = &rest[..end.unwrap_or(rest.len())];
    (!name.is_empty()).then(|| format!("--{name}"))
}
