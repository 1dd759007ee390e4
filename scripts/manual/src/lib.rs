//! Man pages and shell completions, from the definition of a command line.
//!
//! The definition gives names, synopses, options and their help; what a definition cannot tell (a longer description, exit codes,
//! files, further reading) stands in `man/PAGE.words` of the program's crate, and `words` says in which form. A program links this
//! only with its feature `manual`, as `scripts/man` builds it: `PROGRAM --write-manual DIRECTORY`.

mod check;
mod page;
mod words;

use std::collections::HashMap;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use clap::Command;
use clap_complete::aot::{Shell, generate};

use page::Page;

/// One program's manual.
#[derive(Debug)]
pub struct Manual {
    pub command: Command,
    /// Section of the pages: 1 for what everyone runs, 8 for what other programs and administrators do.
    pub section: u8,
    /// Directory of the words.
    pub words: &'static str,
    /// Completion scripts that the program has of its own: the name below `share`, and the text. Without, they are generated.
    pub completions: Vec<(&'static str, String)>,
}

/// Writes the manual if the arguments ask for it; the answer is the exit code.
pub fn asked(manual: impl FnOnce() -> Manual) -> Option<ExitCode> {
    let mut arguments = env::args_os().skip(1);
    if arguments.next()? != "--write-manual" {
        return None;
    }
    let directory = PathBuf::from(arguments.next().unwrap_or_default());
    Some(match manual().write(&directory) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("writing the manual: {error:#}");
            ExitCode::FAILURE
        }
    })
}

impl Manual {
    /// Writes pages and completions below a directory that is laid out as `/usr/share`.
    ///
    /// # Errors
    /// A file cannot be read or written, or there are words for a page that the program has not.
    pub fn write(mut self, share: &Path) -> Result<()> {
        self.command.build();
        let pages = self.pages()?;
        let place = format!("man/man{}", self.section);
        for (name, text) in &pages {
            let file = share.join(&place).join(format!("{name}.{}", self.section));
            put(&file, text.as_bytes())?;
        }
        for (file, script) in &self.completions {
            put(&share.join(file), script.as_bytes())?;
        }
        if !self.completions.is_empty() {
            return Ok(());
        }
        let program = self.command.get_name().to_owned();
        for (shell, file) in [
            (
                Shell::Bash,
                format!("bash-completion/completions/{program}"),
            ),
            (Shell::Zsh, format!("zsh/site-functions/_{program}")),
            (
                Shell::Fish,
                format!("fish/vendor_completions.d/{program}.fish"),
            ),
        ] {
            let mut script = Vec::new();
            generate(shell, &mut self.command, &program, &mut script);
            put(&share.join(file), &script)?;
        }
        Ok(())
    }

    /// The pages by name. The page of a command that is also reached by a shorter name only leads there.
    fn pages(&self) -> Result<Vec<(String, String)>> {
        let mut pages: Vec<(String, String)> = Vec::new();
        let mut shortest: HashMap<String, String> = HashMap::new();
        let mut words = words::read_all(Path::new(self.words))?;
        for (name, ancestors, command) in walk(&self.command) {
            let mut page = Page {
                name: &name,
                ancestors: &ancestors,
                command,
                section: self.section,
                words: words::Words::default(),
            };
            let same = format!("{}\n{}", command.get_name(), page.body());
            let text = match shortest.get(&same) {
                Some(other) => format!(".so man{0}/{other}.{0}\n", self.section),
                None => {
                    page.words = words.remove(&name).unwrap_or_default();
                    page.render()
                }
            };
            shortest.entry(same).or_insert_with(|| name.clone());
            pages.push((name, text));
        }
        anyhow::ensure!(
            words.is_empty(),
            "{}: there are words for {:?}, which are no pages",
            self.words,
            words.keys()
        );
        Ok(pages)
    }
}

/// A command's page name (`rpod-pod-create`), the names of what it is a part of, and the command; the outer ones first. Hidden
/// commands have no page.
fn walk(root: &Command) -> Vec<(String, Vec<String>, &Command)> {
    let mut found = vec![(root.get_name().to_owned(), Vec::new(), root)];
    let mut next = 0;
    while next < found.len() {
        let (name, ancestors, command) = found[next].clone();
        let mut inside = ancestors;
        inside.push(name.clone());
        for sub in command.get_subcommands().filter(|sub| has_page(sub)) {
            found.push((format!("{name}-{}", sub.get_name()), inside.clone(), sub));
        }
        next += 1;
    }
    found
}

fn has_page(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

fn put(file: &Path, content: &[u8]) -> Result<()> {
    let directory = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory).with_context(|| format!("making {}", directory.display()))?;
    fs::write(file, content).with_context(|| format!("writing {}", file.display()))
}
