//! What is told of arguments that are not understood: in skopeo's words, where it has some.

use std::error::Error as _;
use std::ffi::OsString;
use std::num::{IntErrorKind, ParseIntError};
use std::process;

use anyhow::{Error, anyhow};
use clap::Command;
use clap::error::{ContextKind, ErrorKind};

use crate::terminal;

/// The line about what clap does not understand in `arguments`, which are in plain form. Whoever has not named what to copy is shown
/// the command's help before it.
pub(super) fn told(error: &clap::Error, root: &mut Command, arguments: &[OsString]) -> Error {
    let context = |kind| {
        let value = error.get(kind).map(ToString::to_string);
        value.unwrap_or_default()
    };
    let (argument, value) = (
        context(ContextKind::InvalidArg),
        context(ContextKind::InvalidValue),
    );
    let words = arguments.iter().skip(1).filter_map(|word| word.to_str());
    let command = words.into_iter().find(|word| !word.starts_with('-'));
    let command = command.unwrap_or_default();
    match error.kind() {
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            anyhow!("Missing command 'rskopeo COMMAND'\nTry 'rskopeo --help' for more information")
        }
        ErrorKind::InvalidSubcommand => {
            let name = context(ContextKind::InvalidSubcommand);
            if command == "help" {
                no_such_help(root, &name);
            }
            anyhow!(
                "Unrecognized command `rskopeo {name}`\n{}Try 'rskopeo --help' for more information",
                meant(root, &name)
            )
        }
        ErrorKind::MissingRequiredArgument | ErrorKind::InvalidValue if command == "completion" => {
            terminal::write(help(root, command).as_bytes()).ok();
            process::exit(0)
        }
        ErrorKind::UnknownArgument | ErrorKind::MissingRequiredArgument => {
            wrong_number(root, command, arguments).unwrap_or_else(|| first_line(error))
        }
        ErrorKind::InvalidValue | ErrorKind::ValueValidation => invalid(error, &argument, &value),
        ErrorKind::ArgumentConflict => conflict(&argument, &context(ContextKind::PriorArg))
            .map_or_else(|| first_line(error), Error::msg),
        _ => first_line(error),
    }
}

/// As Go's programs do, this ends well.
fn no_such_help(root: &mut Command, topic: &str) -> ! {
    terminal::complain(&format!(
        "Unknown help topic [`{topic}`]\n{}",
        root.render_help()
    ));
    process::exit(0)
}

/// The commands that somebody may have meant by `name`: it is almost their name, or how it begins.
fn meant(root: &Command, name: &str) -> String {
    let visible = root
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let mut meant: Vec<&str> = visible
        .map(Command::get_name)
        .filter(|known| {
            *known != "help"
                && (known.starts_with(&name.to_lowercase()) || distance(name, known) <= 2)
        })
        .collect();
    meant.sort_unstable();
    match meant.is_empty() {
        true => String::new(),
        false => format!("\nDid you mean this?\n\t{}\n\n", meant.join("\n\t")),
    }
}

/// How many letters have to be put in, taken out or changed to make one of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.to_lowercase().chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.to_lowercase().chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], at + 1);
        for (column, wanted) in other.iter().enumerate() {
            let changed = diagonal + usize::from(letter != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = changed.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

fn help(root: &mut Command, command: &str) -> String {
    let command = root.find_subcommand_mut(command);
    let help = command.map(|command| command.render_help());
    help.unwrap_or_default().to_string()
}

/// A command has got too many arguments, or too few.
fn wrong_number(root: &mut Command, command: &str, arguments: &[OsString]) -> Option<Error> {
    let rest = arguments.iter().skip_while(|argument| *argument != "--");
    let rest: Vec<&OsString> = rest.skip(1).collect();
    Some(match command {
        "copy" | "sync" => {
            terminal::complain(&help(root, command));
            anyhow!("Exactly two arguments expected")
        }
        "list-tags" => {
            terminal::complain(&help(root, command));
            anyhow!("Exactly one non-option argument expected")
        }
        "completion" => {
            let (shell, second) = (rest.first()?, rest.get(1)?);
            anyhow!(
                "unknown command {second:?} for \"rskopeo completion {}\"",
                shell.display()
            )
        }
        "inspect" => anyhow!("Exactly one argument expected"),
        "delete" => anyhow!("Usage: delete imageReference"),
        "experimental-image-proxy" => anyhow!("accepts 0 arg(s), received {}", rest.len()),
        "layers" => {
            terminal::complain(super::LAYERS_IS_DEPRECATED);
            anyhow!("Usage: layers imageReference [layer...]")
        }
        "login" => anyhow!("login accepts only one registry to login to"),
        "logout" => anyhow!("logout accepts only one registry to logout from"),
        "manifest-digest" => anyhow!("Usage: rskopeo manifest-digest manifest"),
        "generate-sigstore-key" => anyhow!("Usage: generate-sigstore-key --output-prefix PREFIX"),
        "standalone-sign" => anyhow!(
            "Usage: rskopeo standalone-sign manifest docker-reference key-fingerprint -o signature"
        ),
        "standalone-verify" => anyhow!(
            "Usage: rskopeo standalone-verify manifest docker-reference key-fingerprint signature"
        ),
        "untrusted-signature-dump-without-verification" => {
            anyhow!("Usage: rskopeo untrusted-signature-dump-without-verification signature")
        }
        _ => return None,
    })
}

/// `argument` is as in `--multi-arch <WHICH>`.
fn invalid(error: &clap::Error, argument: &str, value: &str) -> Error {
    let flag = argument.split([' ', '[']).next().unwrap_or_default();
    let source = error.source();
    let number = source.and_then(|source| source.downcast_ref::<ParseIntError>());
    match flag {
        "--format" => anyhow!(
            "unknown format {value:?}. Choose one of the supported formats: 'oci', 'v2s1', or 'v2s2'"
        ),
        "--multi-arch" => anyhow!(
            "unknown multi-arch option {value:?}. Choose one of the supported options: 'system', 'all', or 'index-only'"
        ),
        "--dest-compress-format" => anyhow!("cannot find compressor for {value:?}"),
        flag => {
            let why = match (number, source, error.get(ContextKind::ValidValue)) {
                (Some(number), _, _) => not_a_number(flag, value, number),
                (None, Some(source), _) => source.to_string(),
                (None, None, Some(valid)) => format!("it is none of {valid}"),
                (None, None, None) => return first_line(error),
            };
            anyhow!("invalid argument {value:?} for {flag:?} flag: {why}")
        }
    }
}

fn not_a_number(flag: &str, value: &str, error: &ParseIntError) -> String {
    let function = match flag {
        "--encrypt-layer" => "Atoi",
        "--image-parallel-copies" => "ParseUint",
        _ => "ParseInt",
    };
    let why = match error.kind() {
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow => "value out of range",
        _ => "invalid syntax",
    };
    format!("strconv.{function}: parsing {value:?}: {why}")
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
    use super::*;
    use crate::cli::Cli;
    use clap::CommandFactory;

    #[test]
    fn what_is_almost_a_command_is_told() {
        let meant = |name| meant(&Cli::command(), name);
        assert_eq!(meant("cpoy"), "\nDid you mean this?\n\tcopy\n\n");
        assert_eq!(meant("INSP"), "\nDid you mean this?\n\tinspect\n\n");
        assert_eq!(meant("log"), "\nDid you mean this?\n\tlogin\n\tlogout\n\n");
        assert_eq!(meant("version"), "");
        assert_eq!(meant("layer"), "");
    }

    #[test]
    fn distances_are_counted_in_letters() {
        for (one, other, apart) in [
            ("", "abc", 3),
            ("kitten", "sitting", 3),
            ("Copy", "copy", 0),
        ] {
            assert_eq!(distance(one, other), apart);
        }
    }
}
