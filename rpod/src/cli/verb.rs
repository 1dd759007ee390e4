//! What a command is: a name, its options, and what it does.

use std::any::TypeId;

use anyhow::{Context as _, Result};
use clap::builder::{StringValueParser, TypedValueParser as _};
use clap::{Arg, ArgAction, ArgMatches, Args, Command};

use nix::sys::signal::{SigHandler, Signal};

use super::Globals;
use crate::output::parse_bool;
use crate::rootless::{self, Needs};

/// One command of rpod. The options are its fields.
pub trait Verb: Args + Sized {
    const NAME: &'static str;
    const ALIASES: &'static [&'static str] = &[];
    /// One line for the list of commands.
    const ABOUT: &'static str;
    /// It writes to pipes or sockets of its own, whose readers may go without its end. The others end silently, as programs do,
    /// when nobody reads their output any more.
    const OUTLIVES_READERS: bool = false;
    /// Not a person's to type.
    const HIDDEN: bool = false;
    /// Options of podman's that this command cannot have.
    const REFUSED: &'static [Refused] = &[];
    /// Where it works when an ordinary user gives it.
    const NEEDS: Needs = Needs::Namespace;

    /// Does it. The answer is rpod's exit code.
    fn call(self, globals: &Globals) -> Result<u8>;
}

/// The name of an option, without its dashes, and why it cannot be had, with the way out.
pub type Refused = (&'static str, &'static str);

/// An error that ends rpod with another code than 125. Added as context to the error that is printed.
#[derive(Debug)]
pub struct ExitStatus {
    pub code: u8,
    /// What is printed after `Error: `; nothing is printed when empty.
    pub message: String,
}

impl std::fmt::Display for ExitStatus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for ExitStatus {}

/// A verb as the tables hold it.
pub(super) struct Entry {
    name: &'static str,
    aliases: &'static [&'static str],
    about: &'static str,
    hidden: bool,
    augment: fn(Command) -> Command,
    needs: Needs,
    pub(super) call: fn(&Globals, &ArgMatches) -> Result<u8>,
}

/// The table entry of a verb.
pub(super) const fn entry<V: Verb>() -> Entry {
    Entry {
        name: V::NAME,
        aliases: V::ALIASES,
        about: V::ABOUT,
        needs: V::NEEDS,
        hidden: V::HIDDEN,
        augment: |command| {
            // Without an order of their own, options are listed by name, as podman's.
            let command = command.next_display_order(None);
            let command =
                V::augment_args(command).mut_args(|arg| boolean(takes_hyphens(takes_json(arg))));
            let refused = V::REFUSED.iter().map(refused);
            let command = Globals::augment_verb(command.args(refused));
            with_help(command.about(V::ABOUT))
        },
        call: |globals, matches| {
            if !V::OUTLIVES_READERS {
                end_with_readers()?;
            }
            V::from_arg_matches(matches)?.call(globals)
        },
    }
}

/// Takes back that Rust's start-up ignores SIGPIPE.
fn end_with_readers() -> Result<()> {
    // SAFETY: the default action runs no handler of ours.
    unsafe { nix::sys::signal::signal(Signal::SIGPIPE, SigHandler::SigDfl) }
        .map(drop)
        .context("letting SIGPIPE end rpod")
}

impl Entry {
    /// An ordinary user's command goes where it works.
    pub(super) fn enter_namespace(&self, noun: &str, globals: &Globals) -> Result<()> {
        let name = format!("{noun} {}", self.name);
        rootless::enter(self.needs, name.trim_start(), globals.runroot.as_deref())
    }

    pub(super) fn command(&self) -> Command {
        Command::new(self.name)
            .visible_aliases(self.aliases)
            .about(self.about)
            .hide(self.hidden)
            .args_override_self(true)
            .defer(self.augment)
    }
}

pub(super) fn find(entries: &'static [Entry], name: &str) -> &'static Entry {
    entries
        .iter()
        .find(|entry| entry.name == name)
        .expect("clap names only commands of the table")
}

/// `-h` asks for help where it is no other option's letter, as `--hostname`'s.
fn with_help(command: Command) -> Command {
    if !command
        .get_arguments()
        .any(|arg| arg.get_short() == Some('h'))
    {
        return command;
    }
    let help = Arg::new("help").long("help").help("Print help");
    command
        .disable_help_flag(true)
        .arg(help.action(ArgAction::Help))
}

/// `--format json`, as podman takes it: with white space around it, and as a template of nothing else.
fn takes_json(arg: Arg) -> Arg {
    let parser = arg.get_value_parser();
    // Another format is one of a few words.
    let is_template =
        parser.type_id() == TypeId::of::<String>() && parser.possible_values().is_none();
    if arg.get_id() != "format" || !is_template {
        return arg;
    }
    arg.value_parser(StringValueParser::new().map(|text| {
        let word = text.trim();
        let inner = word
            .strip_prefix("{{")
            .and_then(|rest| rest.strip_suffix("}}"));
        match inner.unwrap_or(word).trim() == "json" {
            true => "json".to_owned(),
            false => text,
        }
    }))
}

/// What follows an option is its value, whatever it looks like: `--cpus -1`.
fn takes_hyphens(arg: Arg) -> Arg {
    let is_option = arg.get_long().is_some() || arg.get_short().is_some();
    let has_value = matches!(arg.get_action(), ArgAction::Set | ArgAction::Append);
    let needs_it = is_option && has_value && !arg.is_require_equals_set();
    if needs_it {
        arg.allow_hyphen_values(true)
    } else {
        arg
    }
}

/// podman's switches take `--name`, `--name=true` and `--name=false`.
pub(super) fn boolean(arg: Arg) -> Arg {
    if !matches!(arg.get_action(), ArgAction::SetTrue) {
        return arg;
    }
    let default = match arg.get_default_values() {
        [default] => default.clone(),
        _ => "false".into(),
    };
    arg.action(ArgAction::Set)
        .num_args(0..=1)
        .require_equals(true)
        .default_value(default)
        .default_missing_value("true")
        .value_parser(StringValueParser::new().try_map(|text| {
            parse_bool(&text).ok_or_else(|| format!("{text:?} is neither true nor false"))
        }))
        .hide_default_value(true)
        .value_name("BOOL")
}

/// An option that is known by name only to be refused, with a value or without one.
pub(super) fn refused((name, reason): &'static Refused) -> Arg {
    let refuse = move |_: &str| Err::<String, _>(RefusedOption { name, reason });
    Arg::new(*name)
        .long(name)
        .help(format!("Refused: {reason}"))
        .hide(true)
        .num_args(0..=1)
        .default_missing_value("")
        .value_parser(refuse)
}

/// Why an option is refused.
#[derive(Debug)]
pub(super) struct RefusedOption {
    name: &'static str,
    reason: &'static str,
}

impl std::fmt::Display for RefusedOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "--{}: {}", self.name, self.reason)
    }
}

impl std::error::Error for RefusedOption {}
