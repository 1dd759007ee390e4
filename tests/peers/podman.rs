//! The installed podman's options stand in the tables, and their letters are rpod's.

use tests::{Cmd, Result, Trial, ensure, peer, skip, trial};

use crate::{help, options, table};

pub fn trials() -> Vec<Trial> {
    // Without rpod each command's own trial has said so.
    let commands = help::commands().unwrap_or_default();
    let tests = commands.into_iter().map(|command| {
        let name = format!("podman::{}", options::trial_name(&command));
        trial(name, move || compare(&command))
    });
    tests.collect()
}

fn compare(command: &str) -> Result<()> {
    let podman = Cmd::new(peer("podman")?);
    let Some((name, table)) = options::table(command)? else {
        return skip(format!("no table of {command}"));
    };
    let output = podman.words(command).arg("--help").run()?;
    // podman answers an unknown command of a noun with the noun's own help.
    if output.code != 0 || !output.stdout.contains(format!("podman {command}").trim()) {
        return skip(format!("this podman has no {command}"));
    }
    let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
    let ours = help::options(&help::rpod(&words)?);
    let wrong = table::lacking(&table, &help::options(&output.stdout), &ours);
    ensure!(wrong.is_empty(), "{name}.table:\n{}", wrong.join("\n"));
    Ok(())
}
