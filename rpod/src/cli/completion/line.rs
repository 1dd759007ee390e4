//! The words of a command line whose last one is being typed, and what that one may become.

use std::ffi::OsString;

use clap::{Arg, ArgAction, Command};

/// What has been typed, as far as it names commands and options.
#[derive(Debug)]
pub(super) struct Line {
    /// The innermost command that was named, with its options.
    pub(super) command: Command,
    /// `["pod", "create"]`
    pub(super) path: Vec<String>,
    pub(super) arguments: Vec<String>,
    /// Options of rpod as a whole, with their values.
    pub(super) globals: Vec<OsString>,
    /// Long names of the other options that were given.
    pub(super) given: Vec<String>,
    pub(super) wanted: Wanted,
}

/// What the last word is the beginning of.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Command,
    Option,
    /// The value of an option, by its long name.
    Value(String),
    Argument,
}

impl Line {
    /// Reads all words but the last one. Of that, what is left is the part that is to be completed: in `--name=val` the value.
    pub(super) fn read<'w>(root: &Command, words: &'w [String]) -> (Line, &'w str) {
        let (last, before) = words
            .split_last()
            .map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
        let mut line = Line {
            command: root.clone(),
            path: Vec::new(),
            arguments: Vec::new(),
            globals: Vec::new(),
            given: Vec::new(),
            wanted: Wanted::Argument,
        };
        let mut only_arguments = false;
        let mut words = before.iter();
        while let Some(word) = words.next() {
            if only_arguments || word == "-" || !word.starts_with('-') {
                line.name(word);
                only_arguments |= line.ends_options();
            } else if word == "--" {
                only_arguments = true;
            } else if let Some((option, value)) = line.option(word) {
                let value = value.map(str::to_owned);
                let awaits = takes_value(&option) && value.is_none();
                let value = if awaits { words.next().cloned() } else { value };
                let name = option.get_long().unwrap_or_default().to_owned();
                if awaits && value.is_none() {
                    line.wanted = Wanted::Value(name);
                    return (line, last);
                }
                line.note(root, name, value);
            }
        }
        let begins_option = last.starts_with('-') && !only_arguments;
        let valued = last.split_once('=').filter(|_| begins_option);
        if let Some((name, value)) = valued {
            let option = line.option(name);
            let name = option.and_then(|(option, _)| option.get_long().map(str::to_owned));
            line.wanted = Wanted::Value(name.unwrap_or_default());
            return (line, value);
        }
        line.wanted = match line.command.has_subcommands() {
            _ if begins_option => Wanted::Option,
            true => Wanted::Command,
            false => Wanted::Argument,
        };
        (line, last)
    }

    /// A word that is no option: the name of a command, or an argument.
    fn name(&mut self, word: &str) {
        let Some(found) = self.command.find_subcommand(word) else {
            self.arguments.push(word.to_owned());
            return;
        };
        let mut found = found.clone();
        if !found.has_subcommands() {
            // Its options are there only then.
            found.build();
        }
        self.path.push(found.get_name().to_owned());
        self.command = found;
    }

    /// Behind the command of `run IMAGE COMMAND`, nothing is an option of ours.
    fn ends_options(&self) -> bool {
        let trailing = Arg::is_trailing_var_arg_set;
        !self.arguments.is_empty() && self.command.get_positionals().any(trailing)
    }

    /// The option that a word gives, and the value in the same word. Of several letters it is the last one, or the first that
    /// takes a value.
    fn option<'w>(&self, word: &'w str) -> Option<(Arg, Option<&'w str>)> {
        let options = || self.command.get_arguments();
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            let is_meant = |option: &&Arg| {
                option.get_long() == Some(name)
                    || option
                        .get_all_aliases()
                        .is_some_and(|all| all.contains(&name))
            };
            return options().find(is_meant).map(|found| (found.clone(), value));
        }
        let mut found = None;
        for (at, letter) in word.char_indices().skip(1) {
            let option = options().find(|option| option.get_short() == Some(letter))?;
            let rest = &word[at + letter.len_utf8()..];
            if takes_value(option) {
                let value = Some(rest.strip_prefix('=').unwrap_or(rest));
                return Some((option.clone(), value.filter(|value| !value.is_empty())));
            }
            found = Some((option.clone(), None));
        }
        found
    }

    fn note(&mut self, root: &Command, name: String, value: Option<String>) {
        let is_global = root
            .get_arguments()
            .any(|arg| arg.get_long() == Some(&name));
        // What they would do to the output is not for the answer.
        let is_of_output = matches!(name.as_str(), "out" | "noout" | "help" | "version");
        if is_global && !is_of_output {
            let value = value.map(|value| format!("={value}")).unwrap_or_default();
            self.globals.push(format!("--{name}{value}").into());
        }
        self.given.push(name);
    }
}

/// Whether the next word is its value, where the same word has none.
pub(super) fn takes_value(option: &Arg) -> bool {
    matches!(option.get_action(), ArgAction::Set | ArgAction::Append)
        && option
            .get_num_args()
            .is_none_or(|count| count.min_values() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (Line, String) {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let (line, last) = Line::read(&crate::cli::root(), &words);
        (line, last.to_owned())
    }

    fn wanted(text: &str) -> (Wanted, String) {
        let (line, last) = read(text);
        (line.wanted, last)
    }

    #[test]
    fn commands_are_wanted_where_nouns_are_named() {
        assert_eq!(wanted("po"), (Wanted::Command, "po".to_owned()));
        assert_eq!(wanted("--root /x "), (Wanted::Command, String::new()));
        assert_eq!(wanted("image trust "), (Wanted::Command, String::new()));
        assert_eq!(wanted("ps "), (Wanted::Argument, String::new()));
    }

    #[test]
    fn options_take_the_next_word() {
        let value = |name: &str| Wanted::Value(name.to_owned());
        assert_eq!(wanted("run --network "), (value("network"), String::new()));
        assert_eq!(wanted("run -it --pod=a"), (value("pod"), "a".to_owned()));
        assert_eq!(wanted("run -itv /"), (value("volume"), "/".to_owned()));
        assert_eq!(wanted("run -v /a:/b -"), (Wanted::Option, "-".to_owned()));
        assert_eq!(wanted("run -- -"), (Wanted::Argument, "-".to_owned()));
        assert_eq!(wanted("run image ls -"), (Wanted::Argument, "-".to_owned()));
    }

    #[test]
    fn what_stands_before_is_kept() {
        let (line, _) = read("--root=/x pod --runroot /y ps --sort id ");
        assert_eq!(line.path, ["pod", "ps"]);
        assert_eq!(line.globals, ["--root=/x"]);
        let (line, _) = read("--root=/x ps --runroot /y --sort id ");
        assert_eq!(line.globals, ["--root=/x", "--runroot=/y"]);
        assert_eq!(line.given, ["root", "runroot", "sort"]);
        assert_eq!(read("container cp a b ").0.arguments, ["a", "b"]);
    }
}
