//! What is mounted into a container beside its root file system.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::engine::artifact::Choice;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Mount {
    /// `bind` (volumes too), `tmpfs`, `ramfs`, `devpts`, `image` or `artifact`.
    pub kind: String,
    pub source: String,
    pub destination: String,
    pub options: Vec<String>,
    /// The name of the volume that is mounted; empty until a volume without a name is made.
    pub volume: Option<String>,
    /// The volume is not filled from the image.
    pub no_copy: bool,
    /// The volume has to be there already.
    pub no_create: bool,
    /// What the volume is made with, if it is not there.
    #[serde(skip)]
    pub volume_options: BTreeMap<String, String>,
    /// The part of the volume or the image that is mounted; empty for the whole.
    pub subpath: String,
    /// The source stays as it is; what is written lies over it.
    pub over: Option<Over>,
    /// Which files of an artifact.
    pub choice: Choice,
    /// What an artifact's file is called in the container; empty for its own name.
    pub name: String,
}

/// podman-run(1), "Overlay Volume Mounts".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Over {
    /// Where what is written stays; else it goes with the container's process.
    pub upper: Option<PathBuf>,
    pub work: Option<PathBuf>,
}

/// How far mounts below it are seen: mount_namespaces(7).
const PROPAGATION: [&str; 8] = [
    "shared",
    "rshared",
    "slave",
    "rslave",
    "private",
    "rprivate",
    "unbindable",
    "runbindable",
];

impl Mount {
    /// Its options; of a bind mount with those that nobody has said otherwise, in podman's order.
    pub fn all_options(&self) -> Vec<String> {
        if self.kind != "bind" {
            return self.options.clone();
        }
        let of_every_volume = |option: &&String| {
            self.volume.is_some() && matches!(option.as_str(), "nosuid" | "nodev" | "rbind")
        };
        let (last, given): (Vec<_>, Vec<_>) = self.options.iter().partition(of_every_volume);
        let no_copy = self.no_copy.then(|| "nocopy".to_owned());
        let mut all: Vec<String> = no_copy
            .into_iter()
            .chain(given.into_iter().cloned())
            .collect();
        for (one_of, usual) in [
            (["rw", "ro"].as_slice(), "rw"),
            (PROPAGATION.as_slice(), "rprivate"),
        ] {
            if !all.iter().any(|option| one_of.contains(&option.as_str())) {
                all.push(usual.to_owned());
            }
        }
        all.extend(last.into_iter().cloned());
        if !all
            .iter()
            .any(|option| option == "bind" || option == "rbind")
        {
            all.push("rbind".to_owned());
        }
        all
    }

    /// Whether an option says how far mounts below are seen.
    pub fn is_propagation(option: &str) -> bool {
        PROPAGATION.contains(&option)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(volume: Option<&str>, options: &[&str]) -> String {
        let mount = Mount {
            kind: "bind".to_owned(),
            volume: volume.map(str::to_owned),
            options: options.iter().map(|option| (*option).to_owned()).collect(),
            ..Mount::default()
        };
        mount.all_options().join(",")
    }

    #[test]
    fn what_nobody_said_is_added() {
        assert_eq!(of(None, &[]), "rw,rprivate,rbind");
        assert_eq!(
            of(None, &["ro", "z", "rslave", "nosuid"]),
            "ro,z,rslave,nosuid,rbind"
        );
        assert_eq!(of(None, &["bind"]), "bind,rw,rprivate");
        assert_eq!(
            of(Some("v"), &["nosuid", "nodev", "rbind", "ro", "z"]),
            "ro,z,rprivate,nosuid,nodev,rbind"
        );
    }
}
