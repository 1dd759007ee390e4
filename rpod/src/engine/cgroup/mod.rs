//! cgroups, as far as they are rpod's: a pod's own, and what a container's tells about it. A container's own is the runtime's.

mod block_io;
pub mod delegation;
mod limits;
mod process;
pub mod scope;
pub mod split;
mod usage;

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

pub use limits::{limit, weight};
pub use process::Groups;
pub use usage::{Usage, network};

/// How long the kernel may take to let go of a group whose last process has ended.
const AFTER_LAST: Duration = Duration::from_secs(2);

/// A tree of cgroups.
#[derive(Debug)]
pub struct Hierarchy {
    /// Where it is mounted.
    root: PathBuf,
    version: Version,
    /// What is limited and counted by groups of this tree.
    controllers: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    V1,
    V2,
}

/// The trees that are mounted on this host.
pub fn hierarchies() -> Result<Vec<Hierarchy>> {
    let text =
        fs::read_to_string("/proc/self/mountinfo").context("reading /proc/self/mountinfo")?;
    Ok(text.lines().filter_map(hierarchy).collect())
}

/// A line of mountinfo: `… ROOT MOUNTPOINT … - TYPE SOURCE OPTIONS`. A tree mounted twice, or in part, is told by the first.
fn hierarchy(line: &str) -> Option<Hierarchy> {
    let (mount, fs) = line.split_once(" - ")?;
    let root = PathBuf::from(mount.split(' ').nth(4)?);
    let mut fs = fs.split(' ');
    match fs.next()? {
        "cgroup2" => {
            let controllers = fs::read_to_string(root.join("cgroup.controllers")).ok()?;
            Some(Hierarchy {
                root,
                version: Version::V2,
                controllers: words(&controllers, ' '),
            })
        }
        "cgroup" => Some(Hierarchy {
            root,
            version: Version::V1,
            controllers: words(fs.nth(1)?, ','),
        }),
        _ => None,
    }
}

fn words(text: &str, separator: char) -> Vec<String> {
    text.trim().split(separator).map(str::to_owned).collect()
}

impl Hierarchy {
    fn controls(&self, controller: &str) -> bool {
        self.controllers.iter().any(|own| own == controller)
    }

    /// The directory of a group in this tree.
    fn group(&self, path: &str) -> PathBuf {
        self.root.join(path.trim_start_matches('/'))
    }
}

/// Removes a group from every tree. It has to have no process and no group in it.
pub fn remove(path: &str) -> Result<()> {
    for hierarchy in hierarchies()? {
        let group = hierarchy.group(path);
        let deadline = Instant::now() + AFTER_LAST;
        loop {
            match fs::remove_dir(&group) {
                Err(error)
                    if error.kind() == ErrorKind::ResourceBusy && Instant::now() < deadline =>
                {
                    sleep(Duration::from_millis(5));
                }
                Err(error) if error.kind() != ErrorKind::NotFound => {
                    return Err(error)
                        .with_context(|| format!("removing cgroup {}", group.display()));
                }
                _ => break,
            }
        }
    }
    Ok(())
}

fn write(group: &Path, file: &str, value: &str) -> Result<()> {
    let path = group.join(file);
    fs::write(&path, value).with_context(|| format!("writing {value:?} to {}", path.display()))
}

fn read(group: &Path, file: &str) -> Result<String> {
    let path = group.join(file);
    let text = fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(text.trim().to_owned())
}

/// The tree that has this controller.
fn with<'a>(hierarchies: &'a [Hierarchy], controller: &str) -> Result<&'a Hierarchy> {
    match hierarchies.iter().find(|tree| tree.controls(controller)) {
        Some(tree) => Ok(tree),
        None => bail!("this host has no cgroup controller {controller}"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn trees_are_found_in_mountinfo() {
        let line = "35 31 0:32 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct";
        let tree = hierarchy(line).unwrap();
        assert_eq!(tree.version, Version::V1);
        assert!(tree.controls("cpuacct") && !tree.controls("memory"));
        assert_eq!(
            tree.group("/a/b"),
            Path::new("/sys/fs/cgroup/cpu,cpuacct/a/b")
        );
        assert!(hierarchy("31 23 0:28 / /tmp rw - tmpfs tmpfs rw").is_none());
    }
}
