//! Arguments as Go's programs take them, and what is told of those that are not understood: in skopeo's words, where it has some.

use std::cell::LazyCell;
use std::collections::BTreeMap;
use std::env;
use std::error::Error as _;
use std::ffi::OsString;

use anyhow::{Error, Result, anyhow, bail};
use clap::error::{ContextKind, ErrorKind};
use clap::{ArgAction, Command, CommandFactory};

use super::Cli;

/// The process's arguments. Go's boolean flags may have a value (`--all=false`), which clap's have not.
pub(super) fn arguments() -> Result<Vec<OsString>> {
    let flags = LazyCell::new(flags);
    let mut plain = Vec::new();
    let mut all = env::args_os();
    while let Some(argument) = all.next() {
        let text = argument.to_str().unwrap_or_default();
        if text == "--" {
            plain.push(argument);
            plain.extend(all);
            return Ok(plain);
        }
        let long = text.strip_prefix("--");
        if let Some((flag, value)) = long.and_then(|long| long.split_once('='))
            && let Some(name) = flags.get(flag)
        {
            if boolean(name, value)? {
                plain.push(format!("--{flag}").into());
            }
        } else {
            plain.push(argument);
        }
    }
    Ok(plain)
}

/// All boolean flags of all commands, with what Go calls them: `-a, --all`.
fn flags() -> BTreeMap<String, String> {
    fn collect(command: &Command, flags: &mut BTreeMap<String, String>) {
        for argument in command.get_arguments() {
            let (Some(long), ArgAction::SetTrue) = (argument.get_long(), argument.get_action())
            else {
                continue;
            };
            let letter = argument.get_short().map(|letter| format!("-{letter}, "));
            let name = format!("{}--{long}", letter.unwrap_or_default());
            flags.insert(long.to_owned(), name);
        }
        for command in command.get_subcommands() {
            collect(command, flags);
        }
    }
    let mut flags = BTreeMap::new();
    collect(&Cli::command(), &mut flags);
    flags
}

/// As `strconv.ParseBool` reads it.
fn boolean(flag: &str, value: &str) -> Result<bool> {
    match value {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Ok(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Ok(false),
        _ => bail!(
            "invalid argument {value:?} for {flag:?} flag: strconv.ParseBool: parsing {value:?}: invalid syntax"
        ),
    }
}

/// The line about what clap does not understand.
pub(super) fn told(error: &clap::Error) -> Error {
    let context = |kind| {
        let value = error.get(kind).map(ToString::to_string);
        value.unwrap_or_default()
    };
    let (argument, value) = (
        context(ContextKind::InvalidArg),
        context(ContextKind::InvalidValue),
    );
    match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            anyhow!("Missing command 'rskopeo COMMAND'\nTry 'rskopeo --help' for more information")
        }
        ErrorKind::InvalidSubcommand => {
            let name = context(ContextKind::InvalidSubcommand);
            anyhow!(
                "Unrecognized command `rskopeo {name}`\nTry 'rskopeo --help' for more information"
            )
        }
        ErrorKind::UnknownArgument if argument.starts_with("--") => {
            anyhow!("unknown flag: {argument}")
        }
        ErrorKind::UnknownArgument if argument.starts_with('-') => {
            let letter = argument.chars().nth(1).unwrap_or('-');
            anyhow!("unknown shorthand flag: {letter:?} in {argument}")
        }
        ErrorKind::UnknownArgument | ErrorKind::MissingRequiredArgument => match usage() {
            Some(usage) => anyhow!("{usage}"),
            None => first_line(error),
        },
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => invalid(error, &argument, &value),
        ErrorKind::ArgumentConflict => conflict(&argument, &context(ContextKind::PriorArg))
            .map_or_else(|| first_line(error), Error::msg),
        _ => first_line(error),
    }
}

/// How many arguments the command wants.
fn usage() -> Option<&'static str> {
    let known = Cli::command();
    let name = env::args_os().find(|argument| known.find_subcommand(argument).is_some())?;
    Some(match name.to_str()? {
        "copy" | "sync" => "Exactly two arguments expected",
        "inspect" => "Exactly one argument expected",
        "list-tags" => "Exactly one non-option argument expected",
        "delete" => "Usage: delete imageReference",
        "layers" => "Usage: layers imageReference [layer...]",
        "login" => "login accepts only one registry to login to",
        "logout" => "logout accepts only one registry to logout from",
        "manifest-digest" => "Usage: rskopeo manifest-digest manifest",
        "generate-sigstore-key" => "Usage: generate-sigstore-key --output-prefix PREFIX",
        "standalone-sign" => {
            "Usage: rskopeo standalone-sign manifest docker-reference key-fingerprint -o signature"
        }
        "standalone-verify" => {
            "Usage: rskopeo standalone-verify manifest docker-reference key-fingerprint signature"
        }
        "untrusted-signature-dump-without-verification" => {
            "Usage: rskopeo untrusted-signature-dump-without-verification signature"
        }
        _ => return None,
    })
}

/// `argument` is as in `--multi-arch <WHICH>`.
fn invalid(error: &clap::Error, argument: &str, value: &str) -> Error {
    let flag = argument.split([' ', '[']).next().unwrap_or_default();
    match flag {
        "--format" => anyhow!(
            "unknown format {value:?}. Choose one of the supported formats: 'oci', 'v2s1', or 'v2s2'"
        ),
        "--multi-arch" => anyhow!(
            "unknown multi-arch option {value:?}. Choose one of the supported options: 'system', 'all', or 'index-only'"
        ),
        flag => {
            let why = match (error.source(), error.get(ContextKind::ValidValue)) {
                (Some(source), _) => source.to_string(),
                (None, Some(valid)) => format!("it is none of {valid}"),
                (None, None) => return first_line(error),
            };
            anyhow!("invalid argument {value:?} for {flag:?} flag: {why}")
        }
    }
}

fn conflict(argument: &str, prior: &str) -> Option<&'static str> {
    let is_about = |one: &str, other: &str| {
        (argument.starts_with(one) && prior.starts_with(other))
            || (argument.starts_with(other) && prior.starts_with(one))
    };
    if is_about("--all", "--multi-arch") {
        Some("Cannot use --all and --multi-arch flags together")
    } else if is_about("--raw", "--format") {
        Some("raw output does not support format option")
    } else if is_about("--dest-compress", "--dest-decompress") {
        Some("Cannot compress and decompress at the same time")
    } else if is_about("--all", "[REGISTRY]") || is_about("--all", "<REGISTRY>") {
        Some("--all takes no arguments")
    } else {
        None
    }
}

/// clap's own words, without its hints.
fn first_line(error: &clap::Error) -> Error {
    let text = error.to_string();
    let lines = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.is_empty());
    let line = lines.collect::<Vec<&str>>().join(" ");
    anyhow!("{}", line.trim_start_matches("error: "))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn booleans_are_gos() {
        assert!(boolean("--all", "T").unwrap() && !boolean("--all", "0").unwrap());
        let refused = boolean("--all", "yes").unwrap_err().to_string();
        assert_eq!(
            refused,
            "invalid argument \"yes\" for \"--all\" flag: strconv.ParseBool: parsing \"yes\": invalid syntax"
        );
        let flags = flags();
        for flag in ["debug", "remove-signatures", "dry-run"] {
            assert_eq!(flags[flag], format!("--{flag}"));
        }
        assert_eq!(flags["all"], "-a, --all");
        assert!(!flags.contains_key("tls-verify"));
    }
}
