//! Where a secret is kept: `file`, beside its record; `shell`, wherever somebody's scripts put it.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::Secret;
use crate::engine::Context;
use crate::store::record::{Durability, replace};

const SCRIPTS: [&str; 4] = ["delete", "list", "lookup", "store"];

/// A driver that is known, with the options that it needs.
pub(super) fn check(driver: &str, options: &BTreeMap<String, String>) -> Result<()> {
    match driver {
        "file" => match options.keys().find(|key| *key != "path") {
            Some(key) => bail!("secret driver file has no option {key:?}: invalid driver option"),
            None if options.contains_key("path") => bail!(
                "secret driver file: rpod keeps its secrets in its own root, so path cannot be had: use --root"
            ),
            None => Ok(()),
        },
        "shell" => {
            if let Some(key) = options.keys().find(|key| !SCRIPTS.contains(&key.as_str())) {
                bail!("secret driver shell has no option {key:?}: invalid driver option");
            }
            match SCRIPTS.iter().find(|key| !options.contains_key(**key)) {
                Some(key) => {
                    bail!("secret driver shell needs the option {key:?}: missing config value")
                }
                None => Ok(()),
            }
        }
        "pass" => bail!(
            "secret driver pass: not to be had; the driver shell can call pass(1): --driver shell --driver-opts store='pass insert -m $SECRET_ID',…"
        ),
        other => bail!("{other}: invalid driver: one of file, shell"),
    }
}

pub(super) fn store(ctx: &Context, secret: &Secret, data: &[u8]) -> Result<()> {
    match secret.driver.as_str() {
        "shell" => script(secret, "store", Some(data)).map(drop),
        _ => replace(&path(ctx, secret), data, Durability::Disk),
    }
}

/// What it is.
pub fn lookup(ctx: &Context, secret: &Secret) -> Result<Vec<u8>> {
    let looked_up = match secret.driver.as_str() {
        "shell" => script(secret, "lookup", None),
        _ => {
            let path = path(ctx, secret);
            fs::read(&path).with_context(|| format!("reading {}", path.display()))
        }
    };
    looked_up.with_context(|| format!("looking up secret {}", secret.name))
}

pub(super) fn delete(_: &Context, secret: &Secret) -> Result<()> {
    match secret.driver.as_str() {
        "shell" => script(secret, "delete", None).map(drop),
        // It goes with the directory.
        _ => Ok(()),
    }
}

fn path(ctx: &Context, secret: &Secret) -> std::path::PathBuf {
    super::home(ctx, &secret.id).join("data")
}

/// Runs one of the scripts; what it prints is the answer.
fn script(secret: &Secret, which: &str, input: Option<&[u8]>) -> Result<Vec<u8>> {
    let text = secret
        .driver_options
        .get(which)
        .with_context(|| format!("secret {} has no {which} command", secret.name))?;
    let mut child = Command::new("/bin/sh")
        .args(["-c", text])
        .env("SECRET_ID", &secret.id)
        .stdin(if input.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting the {which} command"))?;
    if let (Some(input), Some(mut pipe)) = (input, child.stdin.take()) {
        // A script that does not read it all has its own reasons; its exit code tells.
        match pipe.write_all(input) {
            Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
                return Err(error).with_context(|| format!("writing to the {which} command"));
            }
            _ => {}
        }
    }
    let output = child
        .wait_with_output()
        .with_context(|| format!("waiting for the {which} command"))?;
    if !output.status.success() {
        bail!("the {which} command {text:?} failed: {}", output.status);
    }
    Ok(output.stdout)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers() {
        let options = |keys: &[&str]| {
            let pairs = keys
                .iter()
                .map(|key| ((*key).to_owned(), "true".to_owned()));
            pairs.collect::<BTreeMap<_, _>>()
        };
        assert!(check("file", &options(&[])).is_ok());
        assert!(check("file", &options(&["mode"])).is_err());
        assert!(check("shell", &options(&SCRIPTS)).is_ok());
        assert!(check("shell", &options(&["store"])).is_err());
        assert!(check("pass", &options(&[])).is_err() && check("vault", &options(&[])).is_err());
    }
}
