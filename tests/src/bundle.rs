//! A bundle made without an engine: what a runtime is given.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::command::Cmd;
use crate::image::busybox;
use crate::programs::peer;

/// Makes `dir/rootfs` of busybox and a config.json that runs `args`, after `change` has had its way with it.
///
/// The configuration is what `runc spec` writes, so that any runtime takes it.
pub fn make(dir: &Path, args: &[&str], change: impl FnOnce(&mut Value)) -> Result<PathBuf> {
    let bin = dir.join("rootfs/bin");
    for name in ["bin", "dev", "etc", "proc", "sys", "tmp"] {
        fs::create_dir_all(dir.join("rootfs").join(name))?;
    }
    fs::copy(busybox()?, bin.join("busybox"))?;
    for applet in [
        "sh", "true", "false", "cat", "echo", "sleep", "stty", "id", "ps", "env", "ls", "mount",
    ] {
        symlink("busybox", bin.join(applet))?;
    }
    Cmd::new(peer("runc")?).dir(dir).arg("spec").ok()?;
    let path = dir.join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(&path)?).context("config.json")?;
    config["process"]["args"] = json!(args);
    config["process"]["terminal"] = json!(false);
    // The default of `runc spec` is 1024, which a host may have lowered.
    config["process"]["rlimits"] = json!([]);
    change(&mut config);
    fs::write(&path, serde_json::to_vec_pretty(&config)?)?;
    Ok(dir.to_owned())
}
