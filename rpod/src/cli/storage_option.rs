//! Options of the storage driver: podman(1), "--storage-opt".

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use crate::config::{StorageOptions, parse_inodes, parse_size};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageOption {
    /// None at all, those of storage.conf neither.
    None,
    /// Roots of stores that lend their images.
    ImageStores(Vec<PathBuf>),
    /// What mounts overlays in the kernel's place.
    MountProgram(PathBuf),
    /// Bytes that may be written over an image.
    Size(u64),
    /// Files and directories that may.
    Inodes(u64),
}

impl StorageOption {
    pub(super) fn parse(text: &str) -> Result<StorageOption> {
        if text.is_empty() {
            return Ok(StorageOption::None);
        }
        let (name, value) = text.split_once('=').unwrap_or((text, ""));
        match name.strip_prefix("overlay.").unwrap_or(name) {
            "mount_program" => Ok(StorageOption::MountProgram(value.into())),
            "imagestore" | "additionalimagestore" => {
                let stores = value.split(',').map(PathBuf::from).collect::<Vec<_>>();
                stores.iter().try_for_each(|store| check(store))?;
                Ok(StorageOption::ImageStores(stores))
            }
            "size" => parse_size(value).map(StorageOption::Size),
            "inodes" => parse_inodes(value).map(StorageOption::Inodes),
            _ => bail!(
                "{text:?} is not known: mount_program=PATH, additionalimagestore=DIR, size=SIZE and inodes=NUMBER are those that rpod's storage has"
            ),
        }
    }

    /// All of them together.
    pub(super) fn collect(all: &[StorageOption]) -> StorageOptions {
        let mut options = StorageOptions::default();
        for option in all {
            match option {
                StorageOption::None => {}
                StorageOption::ImageStores(stores) => {
                    options.additional_image_stores.extend(stores.clone());
                }
                StorageOption::MountProgram(program) => {
                    options.mount_program = Some(program.clone());
                }
                StorageOption::Size(size) => options.quota.size = *size,
                StorageOption::Inodes(inodes) => options.quota.inodes = *inodes,
            }
        }
        options
    }

    pub(super) fn word(&self) -> String {
        match self {
            StorageOption::None => String::new(),
            StorageOption::ImageStores(stores) => {
                let stores: Vec<String> = stores
                    .iter()
                    .map(|path| path.display().to_string())
                    .collect();
                format!("overlay.additionalimagestore={}", stores.join(","))
            }
            StorageOption::MountProgram(program) => {
                format!("overlay.mount_program={}", program.display())
            }
            StorageOption::Size(size) => format!("overlay.size={size}"),
            StorageOption::Inodes(inodes) => format!("overlay.inodes={inodes}"),
        }
    }
}

/// Fails for what cannot lend images.
fn check(store: &Path) -> Result<()> {
    if !store.is_absolute() {
        bail!(
            "image path {:?} is not absolute: it has to be",
            store.display().to_string()
        );
    }
    if store.join("overlay-images").exists() && !store.join("images").exists() {
        bail!(
            "{} is podman's store, which rpod cannot read: copy its images with \"rskopeo copy containers-storage:[overlay@{}]IMAGE\"",
            store.display(),
            store.display()
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn options_come_together() {
        let all = [
            "overlay.imagestore=/b",
            "additionalimagestore=/a,/c",
            "mount_program=/m",
            "overlay.size=1.5g",
            "inodes=7",
        ];
        let all: Vec<_> = all
            .iter()
            .map(|text| StorageOption::parse(text).unwrap())
            .collect();
        let words: Vec<_> = all.iter().map(StorageOption::word).collect();
        let again: Vec<_> = words
            .iter()
            .map(|text| StorageOption::parse(text).unwrap())
            .collect();
        assert_eq!(all, again);
        let together = StorageOption::collect(&all);
        assert_eq!(together.mount_program, Some("/m".into()));
        assert_eq!(
            together.additional_image_stores,
            ["/b", "/a", "/c"].map(PathBuf::from)
        );
        let quota = (together.quota.size, together.quota.inodes);
        assert_eq!(quota, (3 << 29, 7));
        for wrong in [
            "imagestore=b",
            "imagestore=",
            "size=x",
            "inodes=",
            "some=thing",
            "some",
        ] {
            assert!(StorageOption::parse(wrong).is_err(), "{wrong}");
        }
    }
}
