//! `tests/peers/COMMAND.table`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use tests::{Context as _, Result, bail};

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
