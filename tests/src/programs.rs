//! Where the programs are: ours, and the counterparts that Debian packages.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Result, ensure};

use crate::trial::skip;

/// The programs under test.
pub const OURS: [&str; 5] = ["rskopeo", "rrunc", "rconmon", "rpause", "rpod"];

/// One of the five programs under test.
pub fn ours(name: &str) -> Result<PathBuf> {
    let path = match env::var_os(name.to_uppercase()) {
        Some(given) => given.into(),
        None => bin_dir().join(name),
    };
    ensure!(
        path.is_file(),
        "{} is not there: run scripts/build",
        path.display()
    );
    Ok(path)
}

/// A program that the tests compare with or lean on; where it is not installed, the test is skipped.
pub fn peer(name: &str) -> Result<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&path)
        .chain(ELSEWHERE.iter().map(PathBuf::from))
        .map(|dir| dir.join(name))
        .find(|path| path.is_file());
    found.map_or_else(|| skip(format!("{name} is not installed")), Ok)
}

/// Where Debian keeps programs that people do not type.
const ELSEWHERE: &[&str] = &[
    "/usr/sbin",
    "/sbin",
    "/usr/libexec/podman",
    "/usr/lib/podman",
];

/// `RSTACK_BIN_DIR`, or the release directory of the cargo target directory that this test program was built in.
fn bin_dir() -> PathBuf {
    if let Some(dir) = env::var_os("RSTACK_BIN_DIR") {
        return dir.into();
    }
    let this = env::current_exe().unwrap_or_default();
    // target/<profile>/deps/<test program>
    this.ancestors()
        .nth(3)
        .unwrap_or(Path::new("target"))
        .join("release")
}
