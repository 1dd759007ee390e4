//! Plain files are the database.
//!
//! ```text
//! ROOT/containers/<id>/container.json    what rpod was asked for
//! ROOT/pods/<id>/pod.json
//! ROOT/names/<name>                      symbolic link to ../containers/<id> or ../pods/<id>
//! RUNROOT/containers/<id>/               what lives as long as the container's process
//! RUNROOT/exits/<id>                     the exit code, in decimal
//! ```
//!
//! A record is one JSON file, replaced whole ([`record`]). Whoever changes a noun holds the lock of its directory ([`lock`]). A
//! name is a symbolic link: making it is the one atomic step that decides who owns the name ([`names`]). Nothing is read but
//! what was asked for: a name is one readlink, an id prefix one directory listing ([`lookup`]).

pub mod directory;
pub mod id;
pub mod lock;
pub mod lookup;
pub mod names;
pub mod near;
mod random_name;
pub mod readable;
pub mod record;

use std::path::{Path, PathBuf};

pub use lock::Lock;

/// The directories in which everything is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Store {
    pub root: PathBuf,
    pub runroot: PathBuf,
    /// What holds the images in the root's place: podman(1), "--imagestore".
    pub imagestore: Option<PathBuf>,
}

/// What has ids and shares the space of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Noun {
    Container,
    Pod,
}

impl Noun {
    fn directory(self) -> &'static str {
        match self {
            Noun::Container => "containers",
            Noun::Pod => "pods",
        }
    }

    /// The record's name in the directory of one.
    pub fn record(self) -> &'static str {
        match self {
            Noun::Container => "container.json",
            Noun::Pod => "pod.json",
        }
    }
}

impl std::fmt::Display for Noun {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Noun::Container => "container",
            Noun::Pod => "pod",
        })
    }
}

impl Store {
    /// The root of all that belongs to images.
    pub fn image_root(&self) -> &Path {
        self.imagestore.as_deref().unwrap_or(&self.root)
    }

    pub fn images(&self) -> PathBuf {
        self.image_root().join("images")
    }

    pub fn layers(&self) -> PathBuf {
        self.image_root().join("layers")
    }

    pub fn names(&self) -> PathBuf {
        self.root.join("names")
    }

    pub fn networks(&self) -> PathBuf {
        self.root.join("networks")
    }

    /// The directory that holds every container or every pod.
    pub fn all(&self, noun: Noun) -> PathBuf {
        self.root.join(noun.directory())
    }

    /// The directory of one container or pod: its record and all that is its own.
    pub fn home(&self, noun: Noun, id: &str) -> PathBuf {
        self.all(noun).join(id)
    }

    /// The record of one container or pod.
    pub fn record(&self, noun: Noun, id: &str) -> PathBuf {
        self.home(noun, id).join(noun.record())
    }

    /// What lives as long as the container or pod runs; gone after a reboot.
    pub fn run(&self, noun: Noun, id: &str) -> PathBuf {
        self.runroot.join(noun.directory()).join(id)
    }

    pub fn exits(&self) -> PathBuf {
        self.runroot.join("exits")
    }

    /// Ids of all containers or pods that have a record, in no order.
    pub fn ids(&self, noun: Noun) -> std::io::Result<Vec<String>> {
        ids_in(&self.all(noun))
    }

    /// Ids of all that have a directory for what lives as long as they run.
    pub fn run_ids(&self, noun: Noun) -> std::io::Result<Vec<String>> {
        ids_in(&self.runroot.join(noun.directory()))
    }
}

fn ids_in(directory: &Path) -> std::io::Result<Vec<String>> {
    let entries = match std::fs::read_dir(directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut ids = Vec::new();
    for entry in entries {
        if let Ok(name) = entry?.file_name().into_string()
            && id::is_whole(&name)
        {
            ids.push(name);
        }
    }
    Ok(ids)
}

/// True when the directory holds a record of this noun.
fn has_record(home: &Path, noun: Noun) -> bool {
    home.join(noun.record()).exists()
}
