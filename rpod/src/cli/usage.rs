//! What is told of a command line that cannot be meant: in the words of podman's parser (cobra), which reads the options first, each
//! with its value, and counts the arguments then.

use std::any::TypeId;
use std::ffi::OsString;
use std::net::AddrParseError;
use std::num::{IntErrorKind, ParseFloatError, ParseIntError};

use anyhow::Result;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, Error};

use super::choice::Amiss;
use super::help::Named;
use super::verb::RefusedOption;
use super::{ENGINE_ERROR, ExitStatus};
use crate::output::no_number;
use crate::store::near;

/// Prints help where it was asked for; anything else is an error.
pub(super) fn answer(error: &Error, args: &[OsString]) -> Result<u8> {
    let named = Named::of(args);
    match error.kind() {
        ErrorKind::DisplayHelp => {
            print!("{}", named.help());
            return Ok(0);
        }
        ErrorKind::DisplayVersion => {
            error.print()?;
            return Ok(0);
        }
        ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand | ErrorKind::MissingSubcommand => {
            let words = named.words.clone();
            print!("{}", named.help());
            eprintln!("Error: missing command '{words} COMMAND'");
            return Ok(ENGINE_ERROR);
        }
        _ => {}
    }
    if let Some(status) = cause::<ExitStatus>(error) {
        eprintln!("{status}");
        return Ok(status.code);
    }
    eprintln!("Error: {}", message(error, &named, args));
    Ok(ENGINE_ERROR)
}

fn message(error: &Error, named: &Named, args: &[OsString]) -> String {
    of_commands(error, named)
        .or_else(|| of_options(error, named, args))
        .unwrap_or_else(|| of_arguments(error, named, args))
}

fn of_commands(error: &Error, named: &Named) -> Option<String> {
    let typed = context(error, ContextKind::InvalidSubcommand)?;
    let words = &named.words;
    let mut near: Vec<(usize, &str)> = named
        .commands()
        .map(|name| (near::distance(typed, name), name))
        .filter(|(distance, name)| {
            *distance <= 2 && distance * 2 <= typed.len() || name.starts_with(typed)
        })
        .collect();
    near.sort_unstable();
    let mut told = format!("unrecognized command `{words} {typed}`");
    if !near.is_empty() {
        let names: Vec<&str> = near.into_iter().map(|(_, name)| name).collect();
        told += &format!("\n\nDid you mean this?\n\t{}\n", names.join("\n\t"));
    }
    Some(told + &format!("\nTry '{words} --help' for more information"))
}

fn of_options(error: &Error, named: &Named, args: &[OsString]) -> Option<String> {
    if let Some(refused) = cause::<RefusedOption>(error) {
        return Some(refused.to_string());
    }
    if let Some(amiss) = cause::<Amiss>(error) {
        return Some(amiss.to_string());
    }
    let shown = context(error, ContextKind::InvalidArg)?;
    let told = match error.kind() {
        ErrorKind::UnknownArgument => unknown(shown, args)?,
        _ => {
            let option = named.option(shown)?;
            let value = context(error, ContextKind::InvalidValue).unwrap_or_default();
            needs_value(option, args).unwrap_or_else(|| invalid(error, option, value))
        }
    };
    Some(format!("{told}\nSee '{} --help'", named.words))
}

/// None if it is no option, but an argument too many.
fn unknown(shown: &str, args: &[OsString]) -> Option<String> {
    if shown.starts_with("---") || shown.starts_with("--=") {
        return Some(format!("bad flag syntax: {shown}"));
    }
    if shown.starts_with("--") {
        return Some(format!("unknown flag: {shown}"));
    }
    let letter = shown.strip_prefix('-')?.chars().next()?;
    let mut groups = args.iter().filter_map(|arg| letters(arg.to_str()?));
    let rest = groups.find_map(|letters| letters.find(letter).map(|at| &letters[at..]));
    let rest = rest.unwrap_or(shown);
    Some(format!("unknown shorthand flag: '{letter}' in -{rest}"))
}

/// The last word of all is an option that takes one more.
fn needs_value(option: &Arg, args: &[OsString]) -> Option<String> {
    let last = args.last()?.to_str()?;
    if let Some(name) = last.strip_prefix("--") {
        let names = option.get_long_and_visible_aliases()?;
        let is_meant = names.contains(&name) && !option.is_require_equals_set();
        return is_meant.then(|| format!("flag needs an argument: {last}"));
    }
    let letter = letters(last)?.chars().last()?;
    let is_meant = option.get_short() == Some(letter) && !option.is_require_equals_set();
    is_meant.then(|| format!("flag needs an argument: '{letter}' in -{letter}"))
}

/// `abc` of `-abc`
fn letters(arg: &str) -> Option<&str> {
    arg.strip_prefix('-').filter(|rest| !rest.starts_with('-'))
}

fn invalid(error: &Error, option: &Arg, value: &str) -> String {
    let name = option.get_long().unwrap_or_default();
    let flag = match option.get_short() {
        Some(letter) => format!("-{letter}, --{name}"),
        None => format!("--{name}"),
    };
    let why = why(error, option, value);
    format!("invalid argument {value:?} for {flag:?} flag: {why}")
}

/// The cause, as Go tells it.
fn why(error: &Error, option: &Arg, value: &str) -> String {
    let kind = option.get_value_parser().type_id();
    if kind == TypeId::of::<bool>() {
        return no_number("ParseBool", value, &IntErrorKind::InvalidDigit);
    }
    if let Some(number) = cause::<ParseIntError>(error) {
        let is_unsigned = [
            TypeId::of::<u8>(),
            TypeId::of::<u16>(),
            TypeId::of::<u32>(),
            TypeId::of::<u64>(),
            TypeId::of::<usize>(),
        ]
        .iter()
        .any(|unsigned| kind == *unsigned);
        let function = if is_unsigned { "ParseUint" } else { "ParseInt" };
        return no_number(function, value, number.kind());
    }
    if cause::<ParseFloatError>(error).is_some() {
        return no_number("ParseFloat", value, &IntErrorKind::InvalidDigit);
    }
    if cause::<AddrParseError>(error).is_some() {
        return format!("failed to parse IP: {value:?}");
    }
    match (
        std::error::Error::source(error),
        error.get(ContextKind::ValidValue),
    ) {
        (Some(source), _) => source.to_string(),
        (None, Some(ContextValue::Strings(choices))) if !choices.is_empty() => {
            let choices = choices.join(", ");
            format!("{value:?} is not a valid value.  Choose from: {choices:?}")
        }
        _ => "it cannot be empty".to_owned(),
    }
}

/// Too few arguments, or too many, or one that cannot be.
fn of_arguments(error: &Error, named: &Named, args: &[OsString]) -> String {
    let count = match named.count_arguments() {
        Ok(count) => count,
        // The parser had not come so far.
        Err(later) => {
            return of_options(&later, named, args).unwrap_or_else(|| later.to_string());
        }
    };
    let words = &named.words;
    let accepted = named.accepted_arguments();
    let (least, most) = (*accepted.start(), *accepted.end());
    if accepted.contains(&count) {
        let value = context(error, ContextKind::InvalidValue).unwrap_or_default();
        return format!("invalid argument {value:?} for {words:?}");
    }
    match (least, most) {
        (_, 0) => format!("`{words}` takes no arguments"),
        (_, usize::MAX) => format!("requires at least {least} arg(s), only received {count}"),
        (0, _) => format!("accepts at most {most} arg(s), received {count}"),
        _ if least == most => format!("accepts {least} arg(s), received {count}"),
        _ => format!("accepts between {least} and {most} arg(s), received {count}"),
    }
}

fn context(error: &Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind)? {
        ContextValue::String(text) => Some(text),
        ContextValue::Strings(texts) => texts.first().map(String::as_str),
        _ => None,
    }
}

fn cause<E: std::error::Error + 'static>(error: &Error) -> Option<&E> {
    std::error::Error::source(error)?.downcast_ref()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::cli::root;

    fn told(line: &str) -> String {
        let args: Vec<OsString> = line.split(' ').map(OsString::from).collect();
        let error = root().try_get_matches_from(&args).unwrap_err();
        message(&error, &Named::of(&args), &args)
    }

    #[test]
    fn arguments_are_counted_as_podman_counts_them() {
        for (line, expected) in [
            ("rpod ps one", "`rpod ps` takes no arguments"),
            ("rpod export", "accepts 1 arg(s), received 0"),
            ("rpod rename one", "accepts 2 arg(s), received 1"),
            (
                "rpod rename one two three -- -a",
                "accepts 2 arg(s), received 4",
            ),
            ("rpod commit", "accepts between 1 and 2 arg(s), received 0"),
            (
                "rpod images one two",
                "accepts at most 1 arg(s), received 2",
            ),
            (
                "rpod tag one",
                "requires at least 2 arg(s), only received 1",
            ),
            (
                "rpod run -it --rm",
                "requires at least 1 arg(s), only received 0",
            ),
            (
                "rpod completion sh",
                "invalid argument \"sh\" for \"rpod completion\"",
            ),
        ] {
            assert_eq!(told(line), expected, "{line}");
        }
    }

    #[test]
    fn options_are_looked_at_before_arguments_are_counted() {
        assert_eq!(
            told("rpod rename one two three --nope"),
            "unknown flag: --nope\nSee 'rpod rename --help'"
        );
        for (line, expected) in [
            ("rpod ps ---x", "bad flag syntax: ---x"),
            ("rpod ps -aZq", "unknown shorthand flag: 'Z' in -Zq"),
            ("rpod ps --filter", "flag needs an argument: --filter"),
            ("rpod ps -an", "flag needs an argument: 'n' in -n"),
            (
                "rpod ps -n x",
                "invalid argument \"x\" for \"-n, --last\" flag: strconv.ParseInt: parsing \"x\": invalid syntax",
            ),
            (
                "rpod ps --all=maybe",
                "invalid argument \"maybe\" for \"-a, --all\" flag: strconv.ParseBool: parsing \"maybe\": invalid syntax",
            ),
        ] {
            let expected = format!("{expected}\nSee 'rpod ps --help'");
            assert_eq!(told(line), expected, "{line}");
        }
    }

    #[test]
    fn a_command_that_is_like_the_unknown_one_is_suggested() {
        assert_eq!(
            told("rpod image pul"),
            "unrecognized command `rpod image pul`\n\nDid you mean this?\n\tpull\n\nTry 'rpod image --help' for more information"
        );
        assert_eq!(
            told("rpod pod fly"),
            "unrecognized command `rpod pod fly`\nTry 'rpod pod --help' for more information"
        );
    }
}
