//! What is told when something went wrong, and with which code rpod ends.

use std::ffi::OsString;
use std::io;

use anyhow::Result;
use nix::errno::Errno;

use super::help::Named;
use super::{ENGINE_ERROR, ExitStatus, verb};

/// Prints help where it was asked for; anything else is a usage error in podman's words.
pub(super) fn usage(error: &clap::Error, args: &[OsString]) -> Result<u8> {
    use clap::error::{ContextKind, ContextValue, ErrorKind};
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
    let source = std::error::Error::source(error);
    if let Some(refused) = source.and_then(|source| source.downcast_ref::<verb::RefusedOption>()) {
        eprintln!("Error: {refused}");
        return Ok(ENGINE_ERROR);
    }
    if let Some(status) = source.and_then(|source| source.downcast_ref::<ExitStatus>()) {
        eprintln!("{status}");
        return Ok(status.code);
    }
    let given = |kind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        _ => None,
    };
    let message = match (
        error.kind(),
        given(ContextKind::InvalidArg),
        given(ContextKind::InvalidSubcommand),
    ) {
        (ErrorKind::UnknownArgument, Some(flag), _) if flag.starts_with("--") => {
            format!("unknown flag: {flag}")
        }
        (ErrorKind::UnknownArgument, Some(flag), _) if flag.starts_with('-') => {
            format!("unknown shorthand flag: {flag}")
        }
        (ErrorKind::UnknownArgument, Some(_), _) if !named.takes_arguments() => {
            format!("`{}` takes no arguments", named.words)
        }
        (ErrorKind::UnknownArgument, Some(argument), _) => {
            format!(
                "too many arguments: `{}` has no use for {argument:?}",
                named.words
            )
        }
        (ErrorKind::ArgumentConflict, Some(one), _) => {
            let other = match error.get(ContextKind::PriorArg) {
                Some(ContextValue::String(other)) => other.as_str(),
                Some(ContextValue::Strings(others)) => others.first().map_or("", String::as_str),
                _ => "others",
            };
            format!(
                "{} and {} options cannot be used together",
                option_name(other),
                option_name(one)
            )
        }
        (ErrorKind::InvalidSubcommand, _, Some(name)) => {
            format!(
                "unrecognized command `{} {name}`{}",
                named.words,
                suggestion(error)
            )
        }
        _ => {
            let rendered = error.render().to_string();
            let first = rendered
                .lines()
                .take_while(|line| !line.is_empty())
                .map(str::trim)
                .collect::<Vec<_>>()
                .join(" ");
            first.trim_start_matches("error: ").to_owned()
        }
    };
    eprintln!("Error: {message}\nSee '{} --help'", named.words);
    Ok(ENGINE_ERROR)
}

/// `--name` of `--name[=<BOOL>]` and `--name <VALUE>`.
fn option_name(shown: &str) -> &str {
    shown.split([' ', '[', '=']).next().unwrap_or(shown)
}

/// The command that is like the one that does not exist.
fn suggestion(error: &clap::Error) -> String {
    use clap::error::{ContextKind, ContextValue};
    let near = match error.get(ContextKind::SuggestedSubcommand) {
        Some(ContextValue::String(near)) => std::slice::from_ref(near),
        Some(ContextValue::Strings(near)) => near.as_slice(),
        _ => &[],
    };
    match near.last() {
        Some(near) => format!("\n\nDid you mean this?\n\t{near}\n"),
        None => String::new(),
    }
}

/// Prints an error once, as podman does, and says with which code to end.
pub fn report(error: &anyhow::Error) -> std::process::ExitCode {
    tell(error).into()
}

/// Prints an error and gives its exit code. For commands on several things, of which some may fail.
pub(super) fn tell(error: &anyhow::Error) -> u8 {
    eprintln!("Error: {}", worded(error));
    error
        .downcast_ref::<ExitStatus>()
        .map_or(ENGINE_ERROR, |status| status.code)
}

/// What failed, with the kernel's errors in the words that podman has for them.
pub(super) fn worded(error: &anyhow::Error) -> String {
    let mut text = format!("{error:#}");
    for cause in error.chain() {
        let number = match (
            cause.downcast_ref::<io::Error>(),
            cause.downcast_ref::<Errno>(),
        ) {
            (Some(error), _) => error.raw_os_error(),
            (_, Some(errno)) => Some(*errno as i32),
            _ => None,
        };
        if let Some(number) = number {
            let plain = Errno::from_raw(number).desc().to_lowercase();
            text = text.replace(&cause.to_string(), &plain);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context as _;

    #[test]
    fn the_kernels_words_are_podmans() {
        let error = io::Error::from_raw_os_error(libc::ENOENT);
        let told = Err::<(), _>(error)
            .context("stat /x")
            .map_err(|error| worded(&error));
        assert_eq!(told, Err("stat /x: no such file or directory".to_owned()));
        let told = Err::<(), _>(Errno::EINVAL)
            .context("NOPE")
            .map_err(|error| worded(&error));
        assert_eq!(told, Err("NOPE: invalid argument".to_owned()));
    }
}
