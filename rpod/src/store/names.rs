//! Names, and whose they are.
//!
//! Containers and pods share one space of names. `ROOT/names/<name>` is a symbolic link to the home of its owner; the kernel makes
//! a link once, so two commands that want one name cannot both get it, and neither waits for the other. A name that is longer than a
//! file's may be has a link that is called by its digest, behind a `~`, which no name has.

use std::borrow::Cow;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use super::directory::remove_if_there;
use super::readable::damaged;
use super::{Lock, Noun, Store};

#[derive(Debug, Error)]
#[error(
    "creating {noun} storage: the {noun} name {name:?} is already in use by {owner}. You have to remove that {noun} to be able to reuse that name: that name is already in use, or use --replace to instruct rpod to do so."
)]
pub struct NameInUse {
    pub noun: Noun,
    pub name: String,
    pub owner: String,
}

/// True for what podman takes as a name: `[a-zA-Z0-9][a-zA-Z0-9_.-]*`.
pub fn is_valid(name: &str) -> bool {
    name.bytes()
        .next()
        .is_some_and(|b| b.is_ascii_alphanumeric())
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'))
}

/// Fails for what is no name, in podman's words.
pub fn check(name: &str) -> Result<()> {
    if !is_valid(name) {
        bail!("names must match [a-zA-Z0-9][a-zA-Z0-9_.-]*: invalid argument: {name:?} does not");
    }
    Ok(())
}

impl Store {
    /// Who has this name, whether or not its record is written yet.
    pub fn owner(&self, name: &str) -> Result<Option<(Noun, String)>> {
        let link = self.link_of(name);
        let target = match fs::read_link(&link) {
            Ok(target) => target,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error).with_context(|| format!("reading {}", link.display())),
        };
        Ok(owner_of(&target))
    }

    fn link_of(&self, name: &str) -> PathBuf {
        self.names().join(link_name(name).as_ref())
    }

    /// Takes a name for the container or pod whose home exists and whose lock the caller holds. A name left behind by a killed
    /// process (its home is gone) is taken over.
    pub fn take_name(&self, noun: Noun, name: &str, id: &str) -> Result<()> {
        check(name)?;
        let link = self.link_of(name);
        let target = PathBuf::from("..").join(noun.directory()).join(id);
        loop {
            match symlink(&target, &link) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                    let names = self.names();
                    fs::create_dir_all(&names)
                        .with_context(|| format!("making {}", names.display()))?;
                }
                Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
                    match self.owner(name)? {
                        Some((owner, id)) if self.is_taken(owner, &id, name)? => {
                            return Err(NameInUse {
                                noun: owner,
                                name: name.to_owned(),
                                owner: id,
                            }
                            .into());
                        }
                        _ => remove_if_there(&link)?,
                    }
                }
                Err(error) => {
                    return Err(error).with_context(|| format!("making {}", link.display()));
                }
            }
        }
    }

    /// Takes a name that nobody has.
    pub fn take_any_name(&self, noun: Noun, id: &str) -> Result<String> {
        loop {
            let name = super::random_name::random()?;
            match self.take_name(noun, &name, id) {
                Err(error) if error.is::<NameInUse>() => {}
                result => return result.map(|()| name),
            }
        }
    }

    /// `NAME-clone`, `NAME-clone1`, …: the first that nobody has.
    pub fn clone_name(&self, old: &str) -> Result<String> {
        // A clone's clone is one more of the first.
        let old = match old.rsplit_once("-clone") {
            Some((first, number)) if number.bytes().all(|b| b.is_ascii_digit()) => first,
            _ => old,
        };
        let numbers = std::iter::once(String::new()).chain((1u32..).map(|n| n.to_string()));
        for number in numbers {
            let name = format!("{old}-clone{number}");
            if self.owner(&name)?.is_none() {
                return Ok(name);
            }
        }
        bail!("every name that begins with {old}-clone is taken: say --name")
    }

    /// True unless the home is gone, or was left without a record or with another name in it by a process that was killed while
    /// making or renaming it.
    fn is_taken(&self, noun: Noun, id: &str, name: &str) -> Result<bool> {
        let home = self.home(noun, id);
        if self.bears(noun, id, name)? {
            return Ok(true);
        }
        if !home.exists() {
            return Ok(false);
        }
        // Whoever makes or renames it holds the lock from before the name was taken until the record says so.
        let lock = Lock::try_exclusive(&home)?;
        Ok(lock.is_none() || self.bears(noun, id, name)?)
    }

    /// True when there is a record and it has this name, or its link is called so.
    pub(super) fn bears(&self, noun: Noun, id: &str, name: &str) -> Result<bool> {
        #[derive(serde::Deserialize)]
        struct Named {
            name: String,
        }
        let named = super::record::load_if_there(&self.record(noun, id));
        let named: Option<Named> =
            named.map_err(|error| damaged(format!("{noun} {name}"), error))?;
        Ok(named.is_some_and(|named| named.name == name || link_name(&named.name) == name))
    }

    /// Gives a name back, if it is this id's.
    pub fn drop_name(&self, name: &str, id: &str) -> Result<()> {
        match self.owner(name)? {
            Some((_, owner)) if owner == id => remove_if_there(&self.link_of(name)),
            _ => Ok(()),
        }
    }

    /// Removes names whose owner is gone or has another.
    pub fn sweep_names(&self) -> Result<()> {
        let names = self.names();
        let entries = match fs::read_dir(&names) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            entries => entries.with_context(|| format!("listing {}", names.display()))?,
        };
        for entry in entries {
            let link = entry
                .with_context(|| format!("listing {}", names.display()))?
                .path();
            let Ok(name) = entry_name(&link) else {
                continue;
            };
            let taken = match self.owner(&name)? {
                // A damaged record may be mended; its name stays.
                Some((noun, id)) => self.is_taken(noun, &id, &name).unwrap_or(true),
                None => false,
            };
            if !taken {
                remove_if_there(&link)?;
            }
        }
        Ok(())
    }
}

/// What the link of a name is called. A file's name has at most 255 bytes.
fn link_name(name: &str) -> Cow<'_, str> {
    if name.len() <= 255 {
        return name.into();
    }
    let digest = Sha256::digest(name);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("~{hex}").into()
}

fn entry_name(link: &Path) -> Result<String> {
    let name = link.file_name().and_then(|name| name.to_str());
    name.map(str::to_owned)
        .with_context(|| format!("{} is no name", link.display()))
}

fn owner_of(target: &Path) -> Option<(Noun, String)> {
    let id = target.file_name()?.to_str()?.to_owned();
    let noun = match target.parent()?.file_name()?.to_str()? {
        "containers" => Noun::Container,
        "pods" => Noun::Pod,
        _ => return None,
    };
    Some((noun, id))
}

#[cfg(test)]
pub(super) mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    pub fn store(dir: &Path) -> Store {
        Store {
            root: dir.join("root"),
            runroot: dir.join("run"),
            imagestore: None,
        }
    }

    pub fn make(store: &Store, id: &str, name: &str) {
        let home = store.home(Noun::Container, id);
        fs::create_dir_all(&home).unwrap();
        let record = format!("{{\"name\":\"{name}\"}}");
        fs::write(store.record(Noun::Container, id), record).unwrap();
    }

    #[test]
    fn a_name_may_be_longer_than_a_files() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let (a, name) = ("a".repeat(64), "n".repeat(300));
        make(&store, &a, &name);
        store.take_name(Noun::Container, &name, &a).unwrap();
        store.sweep_names().unwrap();
        assert_eq!(store.find(Noun::Container, &name).unwrap(), a);
        assert!(store.find(Noun::Container, &name[1..]).is_err());
        assert!(
            store
                .take_name(Noun::Container, &name, &"b".repeat(64))
                .is_err()
        );
        store.drop_name(&name, &a).unwrap();
        assert!(store.find(Noun::Container, &name).is_err());
    }

    #[test]
    fn a_name_has_one_owner_until_its_home_is_gone() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        make(&store, &a, "top");
        make(&store, &b, "top");
        store.take_name(Noun::Container, "top", &a).unwrap();
        assert!(
            store
                .take_name(Noun::Container, "top", &b)
                .unwrap_err()
                .is::<NameInUse>()
        );
        fs::remove_dir_all(store.home(Noun::Container, &a)).unwrap();
        store.take_name(Noun::Container, "top", &b).unwrap();
        store.drop_name("top", &a).unwrap();
        assert_eq!(store.find(Noun::Container, "top").unwrap(), b);
    }

    #[test]
    fn a_name_that_its_owner_does_not_bear_is_free() {
        let dir = tempfile::tempdir().unwrap();
        let store = store(dir.path());
        let (a, b) = ("a".repeat(64), "b".repeat(64));
        make(&store, &a, "old");
        make(&store, &b, "new");
        store.take_name(Noun::Container, "new", &a).unwrap();
        assert!(store.find(Noun::Container, "new").is_err());
        store.take_name(Noun::Container, "new", &b).unwrap();
        assert_eq!(store.find(Noun::Container, "new").unwrap(), b);
        store.take_name(Noun::Container, "old", &a).unwrap();
        store.take_name(Noun::Container, "more", &a).unwrap();
        store.sweep_names().unwrap();
        assert!(store.names().join("old").is_symlink() && !store.names().join("more").is_symlink());
    }

    proptest! {
        #[test]
        fn a_valid_name_is_one_path_component(name in ".{0,20}") {
            if is_valid(&name) {
                prop_assert!(!name.contains('/') && name != "." && name != "..");
            }
        }
    }
}
