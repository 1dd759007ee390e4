//! A table and the command that it is of say the same.

use tests::{Cmd, Result, Trial, bail, ensure, ours, trial};

use crate::help;
use crate::table::{self, Table};

/// One for each command of rpod.
pub fn trials() -> Vec<Trial> {
    let commands = match help::commands() {
        Ok(commands) => commands,
        Err(error) => return vec![trial("options", move || Err(error))],
    };
    let tests = commands.into_iter().map(|command| {
        let name = format!("options::{}", trial_name(&command));
        trial(name, move || agree(&command))
    });
    tests.collect()
}

/// What stands for a command in the name of a trial.
pub fn trial_name(command: &str) -> String {
    match command {
        "" => "rpod".to_owned(),
        _ => command.replace(' ', "_"),
    }
}

/// The table of a command; `container run` is described where `run` is.
pub fn table(command: &str) -> Result<Option<(String, Table)>> {
    for name in names(command) {
        if let Some(table) = table::read(&name)? {
            return Ok(Some((name, table)));
        }
    }
    Ok(None)
}

pub fn no_table_is_left_over() -> Result<()> {
    let commands = help::commands()?;
    for name in table::names("")? {
        let is_of = |command: &String| names(command).contains(&name);
        ensure!(
            commands.iter().any(is_of),
            "rpod has no command for {name}.table"
        );
    }
    Ok(())
}

fn names(command: &str) -> Vec<String> {
    const SHORT: &[(&str, &str)] = &[
        ("container list", "ps"),
        ("container ls", "ps"),
        ("container ps", "ps"),
        ("image list", "images"),
        ("image ls", "images"),
        ("image rm", "rmi"),
    ];
    if command.is_empty() {
        return vec!["rpod".to_owned()];
    }
    let mut names = vec![command.replace(' ', "-")];
    let short = SHORT.iter().find(|(long, _)| *long == command);
    names.extend(short.map(|(_, short)| (*short).to_owned()));
    for noun in ["container ", "image "] {
        names.extend(command.strip_prefix(noun).map(str::to_owned));
    }
    names
}

fn agree(command: &str) -> Result<()> {
    let Some((name, table)) = table(command)? else {
        bail!("no tests/peers/{}.table", names(command)[0]);
    };
    let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let listed = help::options(&help::rpod(&words)?);
    let wrong = table::amiss(&table, &listed, |option| {
        Cmd::new(ours("rpod")?).args(&words).arg(option).run()
    })?;
    ensure!(wrong.is_empty(), "{name}.table:\n{}", wrong.join("\n"));
    Ok(())
}
