//! Command lines that cannot be meant, and what podman tells of them: `wrong.lines` says it for each.
//!
//! ```text
//! ps one | `podman ps` takes no arguments
//! newer: artifact push | accepts 1 arg(s), received 0
//! ```
//!
//! The words are those of podman's newest source, and of the installed podman where no `newer:` stands before the line. rpod says the
//! same with its own name, ends with the same code, and may go on with the way out.

use std::fs;
use std::path::Path;

use tests::{Context as _, Output, Result, ensure};

use crate::both::Both;

pub fn wrong_lines_are_told_in_podmans_words() -> Result<()> {
    let both = Both::with_a_container()?;
    for line in [
        "pod create --infra=false --name group",
        "volume create data",
    ] {
        both.run(line)?;
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/wrong.lines");
    let text = fs::read_to_string(path)?;
    let lines = text.lines().map(str::trim);
    let mut wrong = Vec::new();
    for entry in lines.filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (line, words) = entry.split_once(" | ").context(entry.to_owned())?;
        let (line, is_newer) = match line.strip_prefix("newer: ") {
            Some(line) => (line, true),
            None => (line, false),
        };
        let ours = both.ours.rpod(line).run()?;
        let mut code = 125;
        if !is_newer {
            let theirs = both.theirs.rpod(line).run()?;
            code = theirs.code;
            if told(&theirs) != words {
                wrong.push(format!("podman tells otherwise of {line}: {theirs}"));
            }
        }
        if ours.code != code || !told(&ours).starts_with(&words.replace("podman", "rpod")) {
            wrong.push(format!("{line}: not {code} and {words}: {ours}"));
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

/// The first line of the error.
fn told(output: &Output) -> String {
    let mut lines = output.stderr.lines();
    let error = lines.find_map(|line| line.strip_prefix("Error: "));
    error.unwrap_or_default().to_owned()
}
