//! `tests/peers/COMMAND.table`, and how options of help texts agree with it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tests::{Context as _, Output, Result, bail};

use crate::help::Options;

#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    Works,
    /// Words of the reason that rpod gives.
    Refused(String),
}

/// The options of one command, by name.
pub type Table = BTreeMap<String, Verdict>;

pub fn read(name: &str) -> Result<Option<Table>> {
    let path = directory().join(name).with_extension("table");
    if !path.exists() {
        return Ok(None);
    }
    let text = fs::read_to_string(&path)?;
    parse(&text)
        .with_context(|| path.display().to_string())
        .map(Some)
}

/// Where the help of the command that the table is of says otherwise. `given` is what is said of an option that somebody gives.
pub fn amiss(
    table: &Table,
    listed: &Options,
    given: impl Fn(&str) -> Result<Output>,
) -> Result<Vec<String>> {
    let mut wrong = Vec::new();
    for option in listed.keys() {
        match table.get(option) {
            Some(Verdict::Works) => {}
            Some(Verdict::Refused(_)) => wrong.push(format!("{option}: refused, but in --help")),
            None => wrong.push(format!("{option}: in --help, but not in the table")),
        }
    }
    for (option, verdict) in table {
        match verdict {
            Verdict::Works if !listed.contains_key(option) => {
                wrong.push(format!("{option}: works, but is not in --help"));
            }
            Verdict::Works => {}
            Verdict::Refused(reason) => {
                let told = given(option)?;
                let by_name = told.stderr.contains(option) && told.stderr.contains(reason);
                if told.code == 0 || !by_name || reason.is_empty() {
                    wrong.push(format!(
                        "{option}: not refused by name because {reason:?}: {told}"
                    ));
                }
            }
        }
    }
    Ok(wrong)
}

/// What the counterpart has and the table does not, or ours has under another letter.
pub fn lacking(table: &Table, theirs: &Options, ours: &Options) -> Vec<String> {
    let mut wrong = Vec::new();
    for (option, letter) in theirs {
        match table.get(option) {
            None => wrong.push(format!("{option}: not in the table")),
            Some(Verdict::Refused(_)) => {}
            Some(Verdict::Works) => {
                let own = ours.get(option).copied().flatten();
                // A newer version may have given it a letter.
                if letter.is_some() && own != *letter {
                    wrong.push(format!(
                        "{option}: their letter is {letter:?}, ours {own:?}"
                    ));
                }
            }
        }
    }
    wrong
}

/// The names of all tables that there are in a directory, the empty one being rpod's.
pub fn names(below: &str) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(directory().join(below))? {
        let path = entry?.path();
        if path.extension().is_some_and(|ext| ext == "table") {
            let stem = path.file_stem().context("a table without a name")?;
            names.push(stem.to_string_lossy().into_owned());
        }
    }
    Ok(names)
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers")
}

fn parse(text: &str) -> Result<Table> {
    let mut table = Table::new();
    let lines = text.lines().map(str::trim);
    for line in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (option, verdict) = line.split_once(" | ").with_context(|| line.to_owned())?;
        let verdict = match verdict.trim().split_once(':') {
            None if verdict.trim() == "works" => Verdict::Works,
            Some(("refused", reason)) => Verdict::Refused(reason.trim().to_owned()),
            _ => bail!("{line}: neither works nor refused: REASON"),
        };
        if table.insert(option.trim().to_owned(), verdict).is_some() {
            bail!("{option} stands there twice");
        }
    }
    Ok(table)
}
