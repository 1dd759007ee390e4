//! containers.conf(5), key by key: what rpod reads of it.
//!
//! `containers.conf.keys` has every key of podman's. One that works is told of when it has the wrong type; one that is left unread
//! says why.

use std::path::Path;

use tests::{Cmd, Context as _, Result, Scratch, ensure, ours};

pub fn containers_conf_is_read_key_by_key() -> Result<()> {
    let scratch = Scratch::new()?;
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/containers.conf.keys");
    let mut wrong = Vec::new();
    for line in std::fs::read_to_string(path)?.lines() {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, verdict) = line.split_once(" | ").with_context(|| line.to_owned())?;
        let (table, name) = key.split_once('.').with_context(|| line.to_owned())?;
        // No key is a list of lists.
        scratch.write("wrong.conf", format!("[{table}]\n{name} = [[]]\n"))?;
        let said = Cmd::new(ours("rpod")?)
            .env("CONTAINERS_CONF", scratch.path("wrong.conf"))
            .env("XDG_RUNTIME_DIR", scratch.path(""))
            .arg("--root")
            .arg(scratch.path("root"))
            .arg("--runroot")
            .arg(scratch.path("runroot"))
            .words("ps -q")
            .run()?;
        let is_read = said.code != 0 && said.stderr.contains(name);
        match verdict.split_once(": ") {
            None if verdict == "works" && is_read => {}
            Some(("ignored", reason)) if !reason.is_empty() && said.code == 0 => {}
            _ => wrong.push(format!("{line}: {said}")),
        }
    }
    ensure!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}
