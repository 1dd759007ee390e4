//! `rpod completion`: podman-completion(1).
//!
//! ```text
//! rpod completion SHELL     a script: the shell asks rpod itself whenever somebody presses the tab key
//! rpod __complete WORD…     the answer, in the form that cobra's programs have, so that podman's scripts can ask, too
//!
//! line ▸ what is wanted: a command, an option, a value, an argument
//! values ▸ the words for what that may be, in a small grammar ▸ source, files, template ▸ answer
//! ```

mod answer;
mod files;
mod grammar;
mod line;
mod source;
mod template;
mod values;

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::{ArgAction, Args, Command, ValueEnum};

use super::{Globals, Verb, root};
use crate::rootless::Needs;
use answer::{Answer, Candidate, Files};
use line::{Line, Wanted};
use source::Source;

/// What scripts call rpod with; the second answers without descriptions.
const ASK: &str = "__complete";
const ASK_BRIEFLY: &str = "__completeNoDesc";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    Powershell,
}

#[derive(Args, Debug)]
pub struct Completion {
    /// Write to the file rather than to standard output
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Do not tell what commands and options are for
    #[arg(long)]
    no_desc: bool,
    /// Shell to complete in
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

impl Verb for Completion {
    const NAME: &'static str = "completion";
    const ABOUT: &'static str = "Generate a shell completion script";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, _: &Globals) -> Result<u8> {
        let mut script = script(self.shell).to_owned();
        if self.no_desc {
            script = script.replace(ASK, ASK_BRIEFLY);
        }
        match &self.file {
            Some(file) => std::fs::write(file, script)
                .with_context(|| format!("writing {}", file.display()))?,
            None => std::io::stdout()
                .write_all(script.as_bytes())
                .context("writing the script")?,
        }
        Ok(0)
    }
}

const BASH: &str = include_str!("../../../completions/rpod.bash");
const ZSH: &str = include_str!("../../../completions/_rpod");
const FISH: &str = include_str!("../../../completions/rpod.fish");
const POWERSHELL: &str = include_str!("../../../completions/rpod.ps1");

/// Where shells look for them, below `/usr/share`.
#[cfg(any(test, feature = "manual"))]
pub(super) const INSTALLED: &[(&str, &str)] = &[
    ("bash-completion/completions/rpod", BASH),
    ("zsh/site-functions/_rpod", ZSH),
    ("fish/vendor_completions.d/rpod.fish", FISH),
];

fn script(shell: Shell) -> &'static str {
    match shell {
        Shell::Bash => BASH,
        Shell::Zsh => ZSH,
        Shell::Fish => FISH,
        Shell::Powershell => POWERSHELL,
    }
}

/// A shell's question: the words up to the one that is being typed.
pub(super) struct Question {
    words: Vec<String>,
    described: bool,
}

/// The question, if these are the arguments of one.
pub(super) fn asked(args: &[OsString]) -> Option<Question> {
    let (first, words) = args.get(1..)?.split_first()?;
    let described = first == ASK;
    (described || first == ASK_BRIEFLY).then(|| Question {
        words: words
            .iter()
            .map(|word| word.to_string_lossy().into())
            .collect(),
        described,
    })
}

/// Prints it. What cannot be found out is no candidate; why, only a person who looks is told.
pub(super) fn answer(question: &Question) -> Result<u8> {
    let (line, typed) = Line::read(&root(), &question.words);
    let answer = fitting(&line, typed);
    let mut output = std::io::stdout().lock();
    output.write_all(answer.text(question.described).as_bytes())?;
    output.flush()?;
    eprintln!("{}", answer.told());
    Ok(0)
}

fn fitting(line: &Line, typed: &str) -> Answer {
    let mut candidates = match &line.wanted {
        Wanted::Command => subcommands(&line.command),
        Wanted::Option => options(line, typed),
        Wanted::Value(name) => return expand(line, &values::of_option(line, name), typed),
        Wanted::Argument => return expand(line, &values::of_argument(line), typed),
    };
    candidates.retain(|candidate| candidate.word.starts_with(typed));
    Answer {
        candidates,
        ..Answer::default()
    }
}

fn expand(line: &Line, grammar: &str, typed: &str) -> Answer {
    let source = Source::new(line);
    grammar::expand(grammar, typed, &|kind, typed| {
        source.of(kind, typed).unwrap_or_else(|error| {
            eprintln!("[Debug] [Error] {error:#}");
            let files = match kind {
                "COPIED" | "INNER" => Files::Any,
                _ => Files::None,
            };
            Answer {
                files,
                ..Answer::default()
            }
        })
    })
}

fn subcommands(command: &Command) -> Vec<Candidate> {
    let shown = command.get_subcommands().filter(|sub| !sub.is_hide_set());
    let about = |sub: &Command| sub.get_about().map(ToString::to_string).unwrap_or_default();
    let mut found: Vec<_> = shown
        .map(|sub| Candidate::new(sub.get_name(), about(sub)))
        .collect();
    found.sort();
    found
}

/// Those that may still be given.
fn options(line: &Line, typed: &str) -> Vec<Candidate> {
    let mut found = Vec::new();
    for option in line
        .command
        .get_arguments()
        .filter(|option| !option.is_hide_set())
    {
        let Some(long) = option.get_long() else {
            continue;
        };
        let many = matches!(option.get_action(), ArgAction::Append | ArgAction::Count);
        if !many && line.given.iter().any(|given| given == long) {
            continue;
        }
        let about = option
            .get_help()
            .map(ToString::to_string)
            .unwrap_or_default();
        if let Some(short) = option.get_short().filter(|_| !typed.starts_with("--")) {
            found.push(Candidate::new(format!("-{short}"), &about));
        }
        found.push(Candidate::new(format!("--{long}"), about));
    }
    found.sort();
    found
}
