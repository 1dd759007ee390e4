//! storage.conf(5), and `--storage-opt` in its place: of it rpod reads `mount_program` alone. Where things are kept is podman's business there.
//!
//! The first file that is there counts: `CONTAINERS_STORAGE_CONF`, an ordinary user's own, `/etc/containers`,
//! `/usr/share/containers`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, Result};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct File {
    storage: Storage,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Storage {
    options: Options,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Options {
    mount_program: Option<PathBuf>,
    overlay: Overlay,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Overlay {
    mount_program: Option<PathBuf>,
}

/// What `--storage-opt` says, for all that this process does.
static GIVEN: OnceLock<Option<PathBuf>> = OnceLock::new();

/// Takes the place of what storage.conf says. Only the first call counts.
pub fn replace_mount_program(program: Option<PathBuf>) {
    let _ = GIVEN.set(program);
}

/// The program that mounts overlays in the kernel's place, if one is configured.
pub fn mount_program() -> Result<Option<PathBuf>> {
    if let Some(given) = GIVEN.get() {
        return Ok(given.clone());
    }
    for path in files() {
        match fs::read_to_string(&path) {
            Ok(text) => return parse(&text).with_context(|| path.display().to_string()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }
    Ok(None)
}

fn parse(text: &str) -> Result<Option<PathBuf>> {
    let options = toml::from_str::<File>(text)?.storage.options;
    let program = options.overlay.mount_program.or(options.mount_program);
    Ok(program.filter(|program| !program.as_os_str().is_empty()))
}

fn files() -> Vec<PathBuf> {
    if let Some(path) = std::env::var_os("CONTAINERS_STORAGE_CONF") {
        return vec![path.into()];
    }
    let own = crate::engine::rootless().then(super::containers_conf::user_config);
    let directories = own
        .flatten()
        .into_iter()
        .chain(["/etc".into(), "/usr/share".into()]);
    directories
        .map(|directory| directory.join(Path::new("containers/storage.conf")))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_drivers_own_option_wins() {
        let old = "[storage]\ndriver='overlay'\n[storage.options]\nmount_program='/old'\n";
        assert_eq!(parse(old).unwrap(), Some("/old".into()));
        let both =
            format!("{old}[storage.options.overlay]\nmount_program='/new'\nmountopt='nodev'\n");
        assert_eq!(parse(&both).unwrap(), Some("/new".into()));
        assert_eq!(
            parse("[storage.options]\nmount_program=''\n").unwrap(),
            None
        );
        assert!(parse("[storage").is_err());
    }
}
