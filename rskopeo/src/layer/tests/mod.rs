#![allow(clippy::unwrap_used)]
//! Layers as an attacker would write them, and as archivers do.

use std::fs::{self, File};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::*;

mod forms;
mod hostile;

/// A layer in the making.
struct Tar(Builder<Vec<u8>>);

impl Tar {
    fn new() -> Self {
        Self(Builder::new(Vec::new()))
    }

    fn entry(mut self, kind: EntryType, name: &str, link: &str, content: &[u8], mode: u32) -> Self {
        let mut header = Header::new_ustar();
        header.set_entry_type(kind);
        // set_path would refuse what is tested here.
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.as_mut_bytes()[157..157 + link.len()].copy_from_slice(link.as_bytes());
        header.set_size(content.len() as u64);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(1000);
        header.set_cksum();
        self.0.append(&header, content).unwrap();
        self
    }

    fn file(self, name: &str, content: &str) -> Self {
        self.entry(EntryType::Regular, name, "", content.as_bytes(), 0o644)
    }

    fn dir(self, name: &str) -> Self {
        self.entry(EntryType::Directory, name, "", b"", 0o755)
    }

    fn symlink(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Symlink, name, target, b"", 0o777)
    }

    fn link(self, name: &str, target: &str) -> Self {
        self.entry(EntryType::Link, name, target, b"", 0o644)
    }

    fn pax(mut self, key: &str, value: &[u8]) -> Self {
        self.0.append_pax_extensions([(key, value)]).unwrap();
        self
    }

    fn done(self) -> Vec<u8> {
        self.0.into_inner().unwrap()
    }
}

/// A root directory with a file beside it that no layer may reach.
struct Ground {
    directory: TempDir,
    extractor: Extractor,
}

impl Ground {
    fn new(form: Form) -> Self {
        Self::with(form, Limits::default())
    }

    fn with(form: Form, limits: Limits) -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("root")).unwrap();
        fs::write(directory.path().join("outside"), "untouched").unwrap();
        let owners = if nix::unistd::geteuid().is_root() {
            Owners::Kept
        } else {
            Owners::Callers
        };
        let root = File::open(directory.path().join("root")).unwrap();
        let extractor = Extractor::new(
            root.into(),
            Options {
                form,
                owners,
                limits,
            },
        );
        Self {
            directory,
            extractor,
        }
    }

    fn apply(&mut self, tar: Tar) -> Result<Unsettled, LayerError> {
        let result = apply(&tar.done()[..], None, &mut self.extractor);
        let names: Vec<_> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(
            names.len(),
            2,
            "something was made outside of the root: {names:?}"
        );
        assert_eq!(
            fs::read_to_string(self.directory.path().join("outside")).unwrap(),
            "untouched"
        );
        result
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.directory.path().join("root").join(name)
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    fn mode(&self, name: &str) -> u32 {
        fs::metadata(self.path(name)).unwrap().mode() & 0o7777
    }

    /// Settles what its layer left open with what is below.
    fn settle(&self, unsettled: Unsettled, lower: &Self) -> Result<(), LayerError> {
        let open = |ground: &Self| File::open(ground.path("")).unwrap().into();
        unsettled.settle(open(self), &[open(lower)])
    }

    fn has(&self, name: &str) -> bool {
        self.path(name).symlink_metadata().is_ok()
    }
}

fn is_whiteout(path: &Path) -> bool {
    path.symlink_metadata()
        .is_ok_and(|meta| meta.file_type().is_char_device() && meta.rdev() == 0)
}

fn is_opaque(path: &Path) -> bool {
    let file = File::open(path).unwrap();
    xattr::all(std::os::fd::AsFd::as_fd(&file))
        .unwrap()
        .iter()
        .any(|(name, _)| name.to_bytes().ends_with(b".overlay.opaque"))
}
