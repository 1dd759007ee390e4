//! The nouns and what they can do. The command line is one door onto them; nothing here prints or parses options.

use std::path::PathBuf;

use anyhow::Result;

use crate::cli::Globals;
use crate::config::Config;
use crate::store::Store;

/// What every action needs to know: where things are kept and what was configured.
#[derive(Debug)]
pub struct Context {
    pub store: Store,
    pub config: Config,
    /// The global options as they were given, for the exit command.
    pub globals: Globals,
}

impl Context {
    pub fn new(globals: &Globals) -> Result<Context> {
        let config = Config::load()?;
        let store = Store {
            root: globals.root.clone().map_or_else(default_root, Ok)?,
            runroot: globals.runroot.clone().map_or_else(default_runroot, Ok)?,
        };
        Ok(Context {
            store,
            config,
            globals: globals.clone(),
        })
    }
}

/// True for anyone but the host's root.
pub fn rootless() -> bool {
    !nix::unistd::geteuid().is_root()
}

fn default_root() -> Result<PathBuf> {
    if !rootless() {
        return Ok("/var/lib/rpod".into());
    }
    if let Some(data) = std::env::var_os("XDG_DATA_HOME") {
        return Ok(PathBuf::from(data).join("rpod"));
    }
    let home = std::env::var_os("HOME").ok_or_else(|| {
        anyhow::anyhow!("neither XDG_DATA_HOME nor HOME is set: set one, or use --root")
    })?;
    Ok(PathBuf::from(home).join(".local/share/rpod"))
}

fn default_runroot() -> Result<PathBuf> {
    if !rootless() {
        return Ok("/run/rpod".into());
    }
    let runtime = std::env::var_os("XDG_RUNTIME_DIR").ok_or_else(|| {
        anyhow::anyhow!("XDG_RUNTIME_DIR is not set: log in through PAM, or use --runroot")
    })?;
    Ok(PathBuf::from(runtime).join("rpod"))
}
