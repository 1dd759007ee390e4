//! systemd as a person asks it: systemctl(1), the user's for anyone but root.

use std::collections::BTreeMap;
use std::process::{Command, Output};

use anyhow::{Context as _, Result, bail};

use crate::engine::rootless;

fn systemctl() -> Command {
    let mut command = Command::new("systemctl");
    if rootless() {
        command.arg("--user");
    }
    command
}

fn call(args: &[&str]) -> Result<Output> {
    let output = systemctl()
        .args(args)
        .output()
        .context("starting systemctl")?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("systemctl {}: {}", args.join(" "), said.trim());
    }
    Ok(output)
}

/// Reads all units again.
pub fn reload() -> Result<()> {
    call(&["daemon-reload"]).map(drop)
}

pub fn stop(unit: &str) -> Result<()> {
    call(&["stop", "--", unit]).map(drop)
}

/// Restarts a unit and waits until it is active, or has failed.
pub fn restart(unit: &str) -> Result<()> {
    call(&["restart", "--", unit]).map(drop)
}

/// Of each unit its state: `active/running`, or `Not loaded`.
pub fn states(units: &[String]) -> Result<BTreeMap<String, String>> {
    let mut states: BTreeMap<String, String> = units
        .iter()
        .map(|unit| (unit.clone(), "Not loaded".to_owned()))
        .collect();
    // systemctl would show the manager.
    if units.is_empty() || !super::is_init() {
        return Ok(states);
    }
    let mut args = vec!["show", "--property=Id,LoadState,ActiveState,SubState", "--"];
    args.extend(units.iter().map(String::as_str));
    let output = call(&args)?;
    for block in String::from_utf8_lossy(&output.stdout).split("\n\n") {
        let of = |key: &str| {
            let mut lines = block.lines().filter_map(|line| line.split_once('='));
            lines
                .find(|(own, _)| *own == key)
                .map_or("", |(_, value)| value)
        };
        if of("LoadState") == "loaded" {
            let state = format!("{}/{}", of("ActiveState"), of("SubState"));
            states.insert(of("Id").to_owned(), state);
        }
    }
    Ok(states)
}
