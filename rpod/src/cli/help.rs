//! What `--help` and `rpod help` print: laid out as podman's.

use std::ffi::OsString;
use std::ops::RangeInclusive;

use anyhow::Result;
use clap::builder::ValueRange;
use clap::{Arg, ArgAction, Args, Command, value_parser};

use super::{Globals, Verb, root};
use crate::rootless::Needs;

#[derive(Args, Debug)]
pub struct Help {
    /// The command
    #[arg(value_name = "TOPIC")]
    command: Vec<OsString>,
}

impl Verb for Help {
    const NAME: &'static str = "help";
    const ABOUT: &'static str = "Help about any command";
    const NEEDS: Needs = Needs::Nothing;

    fn call(self, _: &Globals) -> Result<u8> {
        let words = [vec!["rpod".into()], self.command].concat();
        let mut named = Named::of(&words[..1]);
        for end in 1..words.len() {
            let next = Named::of(&words[..=end]);
            if next.words == named.words {
                let topic: Vec<_> = words[1..].iter().map(|word| word.display()).collect();
                let topic = topic.iter().map(|word| format!("`{word}`"));
                let topic: Vec<String> = topic.collect();
                eprintln!("Unknown help topic [{}]", topic.join(" "));
                named = Named::of(&words[..1]);
                break;
            }
            named = next;
        }
        print!("{}", named.help());
        Ok(0)
    }
}

/// A command as it was named on the command line.
pub(super) struct Named {
    command: Command,
    /// `rpod NOUN VERB`
    pub(super) words: String,
    /// What stands behind these words.
    behind: Vec<OsString>,
}

impl Named {
    /// As far as the arguments name commands.
    pub(super) fn of(args: &[OsString]) -> Named {
        let mut command = root();
        let mut words = vec![command.get_name().to_owned()];
        let mut behind = 1;
        for (index, word) in args.iter().enumerate().skip(1) {
            if let Some(named) = command.find_subcommand(word) {
                let named = named.clone();
                words.push(named.get_name().to_owned());
                command = named;
                behind = index + 1;
            } else if words.len() > 1 {
                // Behind a command's name, the first word that names none is an argument.
                break;
            }
        }
        command.build();
        Named {
            command,
            words: words.join(" "),
            behind: args.get(behind..).unwrap_or_default().to_vec(),
        }
    }

    pub(super) fn has_commands(&self) -> bool {
        self.command.has_subcommands()
    }

    pub(super) fn commands(&self) -> impl Iterator<Item = &str> {
        self.command.get_subcommands().map(Command::get_name)
    }

    /// The option that clap shows so: `--name <VALUE>`.
    pub(super) fn option(&self, shown: &str) -> Option<&Arg> {
        self.options().find(|option| option.to_string() == shown)
    }

    fn options(&self) -> impl Iterator<Item = &Arg> {
        let all = self.command.get_arguments();
        all.filter(|arg| !arg.is_positional())
    }

    /// How many arguments the command takes.
    pub(super) fn accepted_arguments(&self) -> RangeInclusive<usize> {
        let (mut least, mut most) = (0, 0_usize);
        for arg in self.command.get_positionals() {
            let values = arg.get_num_args().unwrap_or(ValueRange::SINGLE);
            if arg.is_required_set() {
                least += values.min_values().max(1);
            }
            most = most.saturating_add(values.max_values());
        }
        least..=most
    }

    /// How many there are, once what stands behind the command is read as if it took any number.
    pub(super) fn count_arguments(&self) -> Result<usize, clap::Error> {
        let is_last = self
            .command
            .get_positionals()
            .any(Arg::is_trailing_var_arg_set);
        let any = Arg::new("any")
            .action(ArgAction::Append)
            .value_parser(value_parser!(OsString))
            .num_args(0..)
            .trailing_var_arg(is_last);
        let matches = Command::new("")
            .no_binary_name(true)
            .disable_help_flag(true)
            .args_override_self(true)
            .args(self.options())
            .arg(any)
            .try_get_matches_from(&self.behind)?;
        Ok(matches.get_raw("any").map_or(0, Iterator::count))
    }

    pub(super) fn help(self) -> String {
        let usage = self.usage();
        let help = self
            .command
            .override_usage(usage)
            .subcommand_help_heading("Available Commands")
            .help_template("{about-with-newline}\nUsage:\n  {usage}\n\n{all-args}")
            .render_help()
            .to_string();
        // That a switch takes a truth value is so of each of them.
        help.replace(BOOLEAN, &" ".repeat(BOOLEAN.len()))
    }

    fn usage(&self) -> String {
        let mut usage = vec![self.words.clone()];
        // Nouns have no options but --help.
        if !self.has_commands() || self.words == "rpod" {
            usage.push("[options]".to_owned());
        }
        if self.has_commands() {
            usage.push("[command]".to_owned());
        }
        usage.extend(self.command.get_positionals().map(argument));
        usage.join(" ")
    }
}

const BOOLEAN: &str = "[=<BOOL>]";

/// `NAME`, `NAME [NAME...]`, `[NAME]`, `[NAME...]`; a value name with brackets of its own is all of it.
pub(super) fn argument(arg: &Arg) -> String {
    let name = match arg.get_value_names() {
        Some([name, ..]) => name.to_string(),
        _ => arg.get_id().as_str().to_uppercase(),
    };
    if name.contains('[') {
        return name;
    }
    let is_many = matches!(arg.get_action(), ArgAction::Append)
        || arg
            .get_num_args()
            .is_some_and(|count| count.max_values() > 1);
    match (arg.is_required_set(), is_many) {
        (true, false) => name,
        (true, true) => format!("{name} [{name}...]"),
        (false, false) => format!("[{name}]"),
        (false, true) => format!("[{name}...]"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(line: &str) -> Named {
        let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        Named::of(&args)
    }

    #[test]
    fn the_command_is_found_behind_options() {
        assert_eq!(named("rpod --root x run --bad").words, "rpod run");
        assert_eq!(named("rpod pod create --bad").words, "rpod pod create");
        assert_eq!(
            named("rpod image trust set --bad").words,
            "rpod image trust set"
        );
        assert_eq!(named("rpod --bad").words, "rpod");
    }

    #[test]
    fn usage_is_podmans() {
        assert_eq!(named("rpod").usage(), "rpod [options] [command]");
        assert_eq!(named("rpod pod").usage(), "rpod pod [command]");
        assert_eq!(named("rpod ps").usage(), "rpod ps [options]");
        assert_eq!(
            named("rpod kill").usage(),
            "rpod kill [options] [CONTAINER...]"
        );
        assert_eq!(
            named("rpod pod exists").usage(),
            "rpod pod exists [options] POD"
        );
        let help = named("rpod ps").help();
        assert!(help.starts_with("List containers\n\nUsage:\n  rpod ps [options]\n\nOptions:\n"));
        assert!(!help.contains("BOOL"));
    }
}
