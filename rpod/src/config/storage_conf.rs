//! storage.conf(5), and `--storage-opt` in its place: what mounts overlays, and which other stores lend images. Where things are kept
//! is podman's business there.
//!
//! The first file that is there counts: `CONTAINERS_STORAGE_CONF`, an ordinary user's own, `/etc/containers`,
//! `/usr/share/containers`.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use crate::engine::quota::Quota;
use crate::engine::rootless;
use crate::output::{parse_binary_size, parse_number};

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
    additionalimagestores: Vec<PathBuf>,
    mount_program: Option<PathBuf>,
    size: String,
    overlay: Overlay,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Overlay {
    mount_program: Option<PathBuf>,
    size: String,
    inodes: String,
}

/// What rpod takes from there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StorageOptions {
    /// The program that mounts overlays in the kernel's place.
    pub mount_program: Option<PathBuf>,
    /// Roots of stores that lend their images.
    pub additional_image_stores: Vec<PathBuf>,
    /// How much may be written over an image.
    pub quota: Quota,
}

/// For all that this process does.
static OPTIONS: OnceLock<StorageOptions> = OnceLock::new();

/// Takes the place of what storage.conf says. Only the first call counts.
pub fn replace_storage_options(options: StorageOptions) {
    let _ = OPTIONS.set(options);
}

pub fn storage_options() -> Result<&'static StorageOptions> {
    if let Some(known) = OPTIONS.get() {
        return Ok(known);
    }
    let read = read()?;
    Ok(OPTIONS.get_or_init(|| read))
}

fn read() -> Result<StorageOptions> {
    for path in files() {
        match fs::read_to_string(&path) {
            Ok(text) => {
                let mut options = parse(&text).with_context(|| path.display().to_string())?;
                // It is root's that an administrator limits; an ordinary user cannot be, and is not kept from working.
                if rootless() && SYSTEM.iter().any(|directory| path.starts_with(directory)) {
                    options.quota = Quota::default();
                }
                return Ok(options);
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        }
    }
    Ok(StorageOptions::default())
}

fn parse(text: &str) -> Result<StorageOptions> {
    let options = toml::from_str::<File>(text)?.storage.options;
    let program = options.overlay.mount_program.or(options.mount_program);
    let is_said = |path: &PathBuf| !path.as_os_str().is_empty();
    let is_told = |text: &&String| !text.is_empty();
    let size = Some(&options.overlay.size).filter(is_told);
    let size = size.or(Some(&options.size)).filter(is_told);
    let inodes = Some(&options.overlay.inodes).filter(is_told);
    let mut stores = options.additionalimagestores;
    stores.retain(is_said);
    Ok(StorageOptions {
        mount_program: program.filter(is_said),
        additional_image_stores: stores,
        quota: Quota {
            size: size.map_or(Ok(0), |text| parse_size(text).context("size"))?,
            inodes: inodes.map_or(Ok(0), |text| parse_inodes(text).context("inodes"))?,
        },
    })
}

/// `size=` of containers.
pub fn parse_size(text: &str) -> Result<u64> {
    parse_binary_size(text).with_context(|| format!("invalid size: '{text}'"))
}

/// `inodes=` of containers.
pub fn parse_inodes(text: &str) -> Result<u64> {
    parse_number("ParseUint", text)
}

/// Where the host has its files.
const SYSTEM: [&str; 2] = ["/etc", "/usr/share"];

fn files() -> Vec<PathBuf> {
    if let Some(path) = std::env::var_os("CONTAINERS_STORAGE_CONF") {
        return vec![path.into()];
    }
    let own = rootless().then(super::containers_conf::user_config);
    let directories = own.flatten().into_iter().chain(SYSTEM.map(PathBuf::from));
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
        let program = |text: &str| parse(text).unwrap().mount_program;
        let old = "[storage]\ndriver='overlay'\n[storage.options]\nmount_program='/old'\n";
        assert_eq!(program(old), Some("/old".into()));
        let both =
            format!("{old}[storage.options.overlay]\nmount_program='/new'\nmountopt='nodev'\n");
        assert_eq!(program(&both), Some("/new".into()));
        assert_eq!(program("[storage.options]\nmount_program=''\n"), None);
        assert!(parse("[storage").is_err());
    }

    #[test]
    fn a_quota_is_the_drivers_own_or_that_of_all() {
        let quota = |text: &str| {
            let quota = parse(text).unwrap().quota;
            (quota.size, quota.inodes)
        };
        let old = "[storage.options]\nsize='1k'\n";
        assert_eq!(quota(old), (1 << 10, 0));
        let both = format!("{old}[storage.options.overlay]\nsize='1g'\ninodes='7'\n");
        assert_eq!(quota(&both), (1 << 30, 7));
        assert_eq!(quota("[storage.options.overlay]\nsize=''\n"), (0, 0));
        assert!(parse("[storage.options.overlay]\ninodes='x'\n").is_err());
    }

    #[test]
    fn stores_that_lend_are_read_in_their_order() {
        let text = "[storage.options]\nadditionalimagestores=['/b', '', '/a']\n";
        let stores = parse(text).unwrap().additional_image_stores;
        assert_eq!(stores, [PathBuf::from("/b"), "/a".into()]);
    }
}
