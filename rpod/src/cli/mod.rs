//! The command line: what podman's man pages describe, one file a command.
//!
//! A command is a [`Verb`]: its options (a clap `Args`), its name, and what it does. Verbs stand in tables, one for the top level
//! and one for each noun (`container`, `pod`, …); options are built only for the verb that was typed, because start-up is what a
//! person waits for.

mod artifact;
mod attach;
mod auto_update;
mod checkpoint;
mod choice;
mod cleanup;
mod clone;
mod commands;
mod commit;
mod completion;
mod connection;
mod cp;
mod create;
mod diff;
mod errors;
mod events;
mod exec;
mod exists;
mod export;
mod generate;
mod globals;
mod healthcheck;
mod help;
mod image;
mod info;
mod init;
mod inspect;
mod kill;
mod login;
mod logs;
mod manifest;
mod mount;
mod network;
mod options;
mod pause;
mod period;
mod pod;
mod port;
mod prune;
mod ps;
mod quadlet;
mod rename;
mod restart;
mod restore;
mod rm;
mod run;
mod runlabel;
mod secret;
mod selection;
mod start;
mod stats;
mod stop;
mod storage_option;
mod system;
mod top;
mod unshare;
mod update;
mod usage;
mod verb;
mod version;
mod volume;
mod wait;

use std::ffi::OsString;

use anyhow::Result;
use clap::{ArgMatches, Command};

use commands::{COMMANDS, INNER_NOUNS, NOUNS};
pub use errors::report;
use errors::{first_of, tell, tell_each};
pub use globals::Globals;
use verb::Entry;
pub use verb::{ExitStatus, Refused, Verb};

use crate::output::log;

/// Exit code of an error in rpod itself, as podman's.
const ENGINE_ERROR: u8 = 125;

/// Parses the command line and does what it asks; the answer is the exit code.
pub fn run(args: impl Iterator<Item = OsString>) -> Result<u8> {
    let mut args = args.peekable();
    if args.peek().is_some_and(quadlet::generator::is_meant) {
        return quadlet::generator::run(args);
    }
    let args: Vec<OsString> = args.collect();
    if let Some(question) = completion::asked(&args) {
        return completion::answer(&question);
    }
    let root = root_with(|noun| args.iter().any(|word| word == noun));
    let matches = match root.try_get_matches_from(&args) {
        Ok(matches) => matches,
        Err(error) => return usage::answer(&error, &args),
    };
    let (noun, entry, behind) = chosen(&matches);
    let globals = Globals::from_matches(&matches, behind)?;
    entry.enter_namespace(noun, &globals)?;
    globals.apply()?;
    log::debug(|| {
        let words: Vec<_> = args.iter().map(|word| word.to_string_lossy()).collect();
        format!("called {}", words.join(" "))
    });
    (entry.call)(&globals, behind)
}

fn root() -> Command {
    root_with(|_| true)
}

/// Of the nouns, only those have their commands that may be named: the others' would be a quarter of what rpod allocates.
fn root_with(is_named: impl Fn(&str) -> bool) -> Command {
    let mut command = Globals::augment(Command::new("rpod"))
        .about("Manage pods, containers and images")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        .args_override_self(true);
    for entry in COMMANDS {
        command = command.subcommand(entry.command());
    }
    for noun in NOUNS {
        command = command.subcommand(match is_named(noun.name) {
            true => noun.command(),
            false => noun.alone(),
        });
    }
    command
}

/// The noun, if one was named, the verb and what is for it.
fn chosen(matches: &ArgMatches) -> (&'static str, &'static Entry, &ArgMatches) {
    let (name, sub) = matches.subcommand().expect("clap requires a command");
    if let Some(noun) = NOUNS.iter().find(|noun| noun.name == name) {
        let (verb, sub) = sub.subcommand().expect("clap requires a command");
        let inner = INNER_NOUNS
            .iter()
            .find(|(outer, inner)| *outer == noun.name && inner.name == verb);
        if let Some((_, inner)) = inner {
            let (verb, sub) = sub.subcommand().expect("clap requires a command");
            return (inner.name, verb::find(inner.commands, verb), sub);
        }
        return (noun.name, verb::find(noun.commands, verb), sub);
    }
    ("", verb::find(COMMANDS, name), sub)
}

/// What the man pages and completions are written from.
#[cfg(any(test, feature = "manual"))]
pub fn manual() -> manual::Manual {
    manual::Manual {
        command: root(),
        section: 1,
        words: concat!(env!("CARGO_MANIFEST_DIR"), "/man"),
        completions: completion::INSTALLED
            .iter()
            .map(|(file, script)| (*file, (*script).to_owned()))
            .collect(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn everything_is_documented() {
        super::manual().check();
    }
}
