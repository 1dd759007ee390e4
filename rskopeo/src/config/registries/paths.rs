//! Which files are read, in their order.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context, Result};

static CHOSEN: OnceLock<PathBuf> = OnceLock::new();

/// From now on this one alone.
pub(super) fn choose(path: PathBuf) {
    // There is one command line, so it is set once.
    CHOSEN.set(path).ok();
}

pub(super) fn all() -> Result<Vec<PathBuf>> {
    let given = CHOSEN.get().cloned();
    if let Some(given) = given.or_else(|| env::var_os("CONTAINERS_REGISTRIES_CONF").map(Into::into))
    {
        return Ok(vec![given]);
    }
    let config = env::var_os("HOME").map(|home| Path::new(&home).join(".config/containers"));
    let user = config
        .as_ref()
        .map(|config| config.join("registries.conf"))
        .filter(|path| path.exists());
    let mut files = vec![user.unwrap_or_else(|| "/etc/containers/registries.conf".into())];
    let directories = [
        Some("/etc/containers/registries.conf.d".into()),
        config.map(|config| config.join("registries.conf.d")),
    ];
    for directory in directories.into_iter().flatten() {
        let entries = match fs::read_dir(&directory) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(error).with_context(|| format!("open {}", directory.display()));
            }
        };
        let mut found = entries
            .map(|entry| Ok(entry?.path()))
            .collect::<Result<Vec<_>>>()?;
        found.retain(|path| {
            path.extension()
                .is_some_and(|extension| extension == "conf")
        });
        found.sort();
        files.extend(found);
    }
    Ok(files)
}
