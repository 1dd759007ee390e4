//! Passphrases of keys: from a file, or from whoever sits at the terminal.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::terminal;

/// How often a passphrase is asked for: twice where a slip could not be mended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Times {
    Once,
    Twice,
}

/// The first line of a file, as gpg reads one.
pub fn read_file(path: &Path) -> Result<String> {
    let file = File::open(path).with_context(|| format!("open {}", path.display()))?;
    let mut line = String::new();
    BufReader::new(file)
        .read_line(&mut line)
        .context("reading passphrase file")?;
    Ok(line.strip_suffix('\n').unwrap_or(&line).to_owned())
}

/// Asks at the terminal.
pub fn ask(key: &Path, times: Times) -> Result<String> {
    let prompt = format!("Passphrase for key {}: ", key.display());
    let read = |prompt: &str| {
        terminal::ask_hidden(prompt).with_context(|| {
            format!("Cannot prompt for a passphrase for key {}, standard input is not a TTY: use a passphrase file", key.display())
        })
    };
    let passphrase = read(&prompt)?;
    if times == Times::Twice && read(&format!("Repeat {prompt}"))? != passphrase {
        bail!("Passphrase mismatch");
    }
    Ok(passphrase)
}
