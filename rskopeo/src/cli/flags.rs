//! Flags as Go's programs take them (pflag), told to clap in the one form that both read alike: `--all=false` and `-a=f` are answers,
//! the last of several counts, a value may begin with `-`, and an empty one is as none.

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::{Arg, ArgAction, Command};

use super::CompressFormat;

/// The arguments after the program's name, in plain form: flags of all commands, the command, its flags, and the rest.
pub(super) fn plain(
    root: &Command,
    given: impl Iterator<Item = OsString>,
) -> Result<Vec<OsString>> {
    let mut line = Line {
        root,
        command: None,
        before: Flags::new(),
        after: Flags::new(),
        rest: Vec::new(),
        help: None,
    };
    line.read(given)?;
    Ok(line.plain())
}

struct Line<'a> {
    root: &'a Command,
    command: Option<&'a Command>,
    before: Flags,
    after: Flags,
    rest: Vec<OsString>,
    /// Asked for, once all flags have been read.
    help: Option<&'static str>,
}

/// Names, and the arguments that they become.
type Flags = Vec<(String, OsString)>;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Switch,
    /// A switch of which somebody asks whether it was given at all.
    Answer,
    Value,
    List,
}

impl<'a> Line<'a> {
    fn read(&mut self, mut given: impl Iterator<Item = OsString>) -> Result<()> {
        while let Some(argument) = given.next() {
            let bytes = argument.as_bytes();
            if bytes == b"--" {
                self.rest.extend(given);
                return Ok(());
            }
            if let Some(long) = bytes.strip_prefix(b"--") {
                self.long(long, &mut given)?;
            } else if let Some(letters @ [_, ..]) = bytes.strip_prefix(b"-") {
                self.letters(letters, &mut given)?;
            } else if self.command.is_none() && self.rest.is_empty() {
                self.command = self.root.find_subcommand(&argument);
                if self.command.is_none() {
                    self.rest.push(argument);
                }
            } else {
                self.rest.push(argument);
            }
        }
        Ok(())
    }

    fn long(&mut self, long: &[u8], given: &mut impl Iterator<Item = OsString>) -> Result<()> {
        let mut halves = long.splitn(2, |byte| *byte == b'=');
        let name = String::from_utf8_lossy(halves.next().unwrap_or_default());
        if name.is_empty() || name.starts_with('-') {
            bail!("bad flag syntax: --{}", String::from_utf8_lossy(long));
        }
        let known = self.find(|flag| {
            let aliases = flag.get_all_aliases().unwrap_or_default();
            flag.get_long() == Some(&*name) || aliases.contains(&&*name)
        });
        match (known, halves.next().map(OsStr::from_bytes)) {
            (None, _) if name == "help" => {
                self.help = Some("--help");
                Ok(())
            }
            (None, _) => bail!("unknown flag: --{name}"),
            (Some(flag), None) if Kind::of(flag).wants_a_value() => match given.next() {
                Some(value) => self.set(flag, Some(&value)),
                None => bail!("flag needs an argument: --{name}"),
            },
            (Some(flag), value) => self.set(flag, value),
        }
    }

    /// Letters, of which the last may have a value.
    fn letters(
        &mut self,
        mut letters: &[u8],
        given: &mut impl Iterator<Item = OsString>,
    ) -> Result<()> {
        while let [letter, behind @ ..] = letters {
            let letter = char::from(*letter);
            let told = || format!("{letter:?} in -{}", String::from_utf8_lossy(letters));
            letters = behind;
            match (self.find(|flag| flag.get_short() == Some(letter)), behind) {
                (None, _) if letter == 'h' => self.help = Some("-h"),
                (None, _) => bail!("unknown shorthand flag: {}", told()),
                (Some(flag), [b'=', value @ ..]) if !value.is_empty() => {
                    return self.set(flag, Some(OsStr::from_bytes(value)));
                }
                (Some(flag), _) if !Kind::of(flag).wants_a_value() => self.set(flag, None)?,
                (Some(flag), []) => match given.next() {
                    Some(value) => return self.set(flag, Some(&value)),
                    None => bail!("flag needs an argument: {}", told()),
                },
                (Some(flag), value) => return self.set(flag, Some(OsStr::from_bytes(value))),
            }
        }
        Ok(())
    }

    /// One of the command's own flags, or of those of all commands.
    fn find(&self, is_it: impl Fn(&Arg) -> bool) -> Option<&'a Arg> {
        let own = self.command.into_iter().flat_map(Command::get_arguments);
        let before = self.root.get_arguments();
        let everywhere = before.filter(|flag| self.command.is_none() || flag.is_global_set());
        own.chain(everywhere).find(|flag| is_it(flag))
    }

    /// Of several values of one flag the last counts.
    fn set(&mut self, flag: &Arg, value: Option<&OsStr>) -> Result<()> {
        let flags = match self.command {
            Some(_) if !flag.is_global_set() => &mut self.after,
            _ => &mut self.before,
        };
        let kind = Kind::of(flag);
        let name = flag.get_long().unwrap_or_default();
        if kind != Kind::List {
            flags.retain(|(known, _)| known != name);
        }
        let mut argument = OsString::from(format!("--{name}"));
        match (kind, value) {
            (Kind::Switch, value) => {
                if !truth(flag, value)? {
                    return Ok(());
                }
            }
            (Kind::Answer, value) => argument.push(format!("={}", truth(flag, value)?)),
            (_, Some(value)) if value.is_empty() && is_unset_by_nothing(flag) => return Ok(()),
            (_, value) => {
                argument.push("=");
                argument.push(value.unwrap_or_default());
            }
        }
        flags.push((name.to_owned(), argument));
        Ok(())
    }

    fn plain(self) -> Vec<OsString> {
        let arguments = |flags: Flags| flags.into_iter().map(|(_, argument)| argument);
        let command = self.command.map(Command::get_name).map(OsString::from);
        let mut plain = vec![OsString::from(self.root.get_name())];
        if let Some(help) = self.help {
            plain.extend(command);
            plain.push(help.into());
            return plain;
        }
        plain.extend(arguments(self.before));
        if command.is_some() {
            plain.extend(command);
            plain.extend(arguments(self.after));
            plain.push("--".into());
        }
        plain.extend(self.rest);
        plain
    }
}

impl Kind {
    fn of(flag: &Arg) -> Self {
        let may_have_none = |flag: &Arg| flag.get_num_args().is_some_and(|n| n.min_values() == 0);
        match flag.get_action() {
            ArgAction::Append => Self::List,
            ArgAction::Set if may_have_none(flag) => Self::Answer,
            ArgAction::Set => Self::Value,
            _ => Self::Switch,
        }
    }

    fn wants_a_value(self) -> bool {
        matches!(self, Self::Value | Self::List)
    }
}

/// As `strconv.ParseBool` reads it.
fn truth(flag: &Arg, value: Option<&OsStr>) -> Result<bool> {
    let Some(value) = value else {
        return Ok(true);
    };
    let value = value.to_string_lossy();
    match &*value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => bail!(
            "invalid argument {value:?} for {:?} flag: strconv.ParseBool: parsing {value:?}: invalid syntax",
            shown(flag)
        ),
    }
}

/// Both names of a flag, as Go tells them: `-a, --all`.
pub(super) fn shown(flag: &Arg) -> String {
    let long = flag.get_long().unwrap_or_default();
    match flag.get_short() {
        Some(letter) => format!("-{letter}, --{long}"),
        None => format!("--{long}"),
    }
}

/// What Go keeps as text, it cannot tell from what was not given.
fn is_unset_by_nothing(flag: &Arg) -> bool {
    let parsed = flag.get_value_parser().type_id();
    [
        TypeId::of::<String>(),
        TypeId::of::<PathBuf>(),
        TypeId::of::<CompressFormat>(),
    ]
    .iter()
    .any(|text| parsed == *text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;
    use proptest::prelude::*;

    fn plain_of(line: &str) -> Result<String> {
        let words = line.split(' ').map(OsString::from);
        let plain = plain(&Cli::command(), words)?;
        let words = plain.iter().map(|word| word.to_str().unwrap());
        Ok(words.skip(1).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn flags_are_read_as_go_reads_them() {
        for (line, plain) in [
            ("copy --all --all=false a b", "copy -- a b"),
            ("copy --all=0 a --all b", "copy --all -- a b"),
            ("copy -aq=f a b", "copy --all -- a b"),
            ("copy -qfoci a b", "copy --quiet --format=oci -- a b"),
            (
                "copy --digestfile --quiet a b",
                "copy --digestfile=--quiet -- a b",
            ),
            ("copy --digestfile x --digestfile= a b", "copy -- a b"),
            ("copy --src-creds= a b", "copy --src-creds= -- a b"),
            ("copy --screds x:y a b", "copy --src-creds=x:y -- a b"),
            ("copy --retry-times -1 a b", "copy --retry-times=-1 -- a b"),
            (
                "copy --additional-tag a --additional-tag b x y",
                "copy --additional-tag=a --additional-tag=b -- x y",
            ),
            ("--debug inspect --debug=F x", "inspect -- x"),
            (
                "inspect x --insecure-policy",
                "--insecure-policy inspect -- x",
            ),
            (
                "--tls-verify inspect --tls-verify=F x",
                "--tls-verify=true inspect --tls-verify=false -- x",
            ),
            ("inspect -- --raw", "inspect -- --raw"),
            ("inspect - x", "inspect -- - x"),
            ("inspect x y --help", "inspect --help"),
            ("login -v", "login --verbose --"),
            ("-v", "--version"),
            ("nope x", "nope x"),
            ("help copy", "help copy"),
        ] {
            assert_eq!(plain_of(line).unwrap(), plain, "{line}");
        }
    }

    #[test]
    fn mistakes_are_told_as_go_tells_them() {
        for (line, told) in [
            ("copy --nope --help", "unknown flag: --nope"),
            ("copy -qx", "unknown shorthand flag: 'x' in -x"),
            ("copy --format", "flag needs an argument: --format"),
            ("copy -qf", "flag needs an argument: 'f' in -f"),
            ("copy --=x", "bad flag syntax: --=x"),
            ("copy ---x", "bad flag syntax: ---x"),
            ("inspect --all x", "unknown flag: --all"),
            ("nope --all", "unknown flag: --all"),
            (
                "copy -a=maybe",
                "invalid argument \"maybe\" for \"-a, --all\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
            (
                "copy --dest-tls-verify=x",
                "invalid argument \"x\" for \"--dest-tls-verify\" flag: strconv.ParseBool: parsing \"x\": invalid syntax",
            ),
        ] {
            assert_eq!(plain_of(line).unwrap_err().to_string(), told, "{line}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(words in prop::collection::vec("-?-?[a-z=]{0,9}", 0..5)) {
            let _ = plain_of(&words.join(" "));
        }
    }
}
