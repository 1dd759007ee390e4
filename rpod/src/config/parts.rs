//! Where the programs are that rpod starts.
//!
//! A part is looked for where the command line says, then where containers.conf says, then beside rpod's own executable, then in
//! PATH; among several names (ours, then its counterpart's) the first found in one place wins before the next place is tried.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use nix::unistd::{AccessFlags, access};

/// Finds a program by one of its names: in `configured` places first, then beside rpod, then in PATH and the directories where
/// distributions put what is not for people to type.
pub fn find_part(configured: &[PathBuf], names: &[&str]) -> Result<PathBuf> {
    for path in configured {
        if is_program(path) {
            return Ok(path.clone());
        }
    }
    let own = env::current_exe()
        .ok()
        .and_then(|exe| exe.parent().map(Path::to_owned));
    let path = env::var_os("PATH").unwrap_or_default();
    let places = own
        .into_iter()
        .chain(env::split_paths(&path))
        .chain(DISTRIBUTION.iter().map(PathBuf::from));
    for place in places {
        for name in names {
            let candidate = place.join(name);
            if is_program(&candidate) {
                return Ok(candidate);
            }
        }
    }
    bail!(
        "none of {} found beside rpod or in PATH: install one of them",
        names.join(", ")
    )
}

const DISTRIBUTION: &[&str] = &[
    "/usr/local/libexec/podman",
    "/usr/local/lib/podman",
    "/usr/libexec/podman",
    "/usr/lib/podman",
    "/usr/sbin",
];

fn is_program(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}
