//! `completion SHELL`: a script that makes the shell complete our command line.

use std::io::Write as _;

use anyhow::{Context as _, Error, Result};
use clap::{Command, CommandFactory as _};
use clap_complete::aot::{Shell, generate};

use crate::cli::{Cli, Completion};

pub fn run(args: &Completion) -> Result<()> {
    let shell: Shell = args.shell.parse().map_err(Error::msg)?;
    let mut command = Cli::command();
    command.build();
    if args.no_descriptions {
        command = undescribed(command);
    }
    let script = script(shell, &mut command);
    (std::io::stdout().write_all(script.as_bytes())).context("writing the script")
}

/// The scripts that are installed, by their names below `/usr/share`.
#[cfg(any(test, feature = "manual"))]
pub(crate) fn installed() -> Vec<(&'static str, String)> {
    let mut command = Cli::command();
    command.build();
    [
        (Shell::Bash, "bash-completion/completions/rskopeo"),
        (Shell::Zsh, "zsh/site-functions/_rskopeo"),
        (Shell::Fish, "fish/vendor_completions.d/rskopeo.fish"),
    ]
    .map(|(shell, file)| (file, script(shell, &mut command)))
    .into()
}

fn script(shell: Shell, command: &mut Command) -> String {
    let mut script = Vec::new();
    generate(shell, command, "rskopeo", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    match shell {
        Shell::Fish => without_dots(&script),
        _ => script,
    }
}

fn undescribed(command: Command) -> Command {
    command
        .about(None)
        .mut_args(|arg| arg.help(None).long_help(None))
        .mut_subcommands(undescribed)
}

/// fish's `argparse` takes no option whose name has a dot (`--registries.d`), and with one finds no command.
fn without_dots(script: &str) -> String {
    let kept = |line: &str| match line.trim_start().strip_prefix("string join \\n ") {
        Some(names) => {
            let names: Vec<&str> = names
                .split(' ')
                .filter(|name| !name.contains('.'))
                .collect();
            format!("    string join \\n {}\n", names.join(" "))
        }
        None => format!("{line}\n"),
    };
    script.lines().map(kept).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fish_is_told_of_no_dots() {
        let script = "function x\n    string join \\n policy= registries.d= v/version\nend\n";
        let told = "function x\n    string join \\n policy= v/version\nend\n";
        assert_eq!(without_dots(script), told);
    }
}
