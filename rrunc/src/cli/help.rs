//! Help, laid out as runc's.

use std::ffi::OsString;
use std::io;

use clap::{Command, CommandFactory};

use super::Cli;

/// Print the help that the arguments ask for.
pub(super) fn print(to_stderr: bool) -> io::Result<()> {
    let arguments: Vec<OsString> = std::env::args_os().collect();
    // Parsed once more, by a definition that knows the layout.
    match with_layout(Cli::command()).try_get_matches_from(arguments) {
        Err(error) if to_stderr => {
            eprint!("{error}");
            Ok(())
        }
        Err(error) => error.print(),
        Ok(_) => Ok(()),
    }
}

fn with_layout(command: Command) -> Command {
    let command = command.help_template(
        "NAME:\n   {name} - {about}\n\nUSAGE:\n   {usage}\n\nCOMMANDS:\n{subcommands}\n\nGLOBAL OPTIONS:\n{options}\n",
    );
    let names: Vec<String> = command
        .get_subcommands()
        .map(|sub| sub.get_name().to_owned())
        .collect();
    names.into_iter().fold(command, |command, name| {
        let template = format!(
            "NAME:\n   rrunc {name} - {{about}}\n\nUSAGE:\n   {{usage}}\n\nARGUMENTS:\n{{positionals}}\n\nOPTIONS:\n{{options}}\n"
        );
        command.mut_subcommand(name, |sub| sub.help_template(template))
    })
}
