//! `linux.intelRdt`: shares of the processor's caches and of the bandwidth to
//! memory, by the resctrl file system (Linux, Documentation/filesystems/resctrl.rst).
//!
//! A group is a directory there, its class of service. It is the container's
//! own, named as the container, unless `closID` names one that several share.

mod schema;
mod usage;

use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::statfs::{FsType, statfs};
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use crate::spec::IntelRdt;

pub(crate) use usage::Usage;

const USUAL_PLACE: &str = "/sys/fs/resctrl";
/// `RDTGROUP_SUPER_MAGIC` of linux/magic.h.
const MAGIC: FsType = FsType(0x0765_5821);
/// What else is in the directory of a group.
const RESERVED: [&str; 3] = ["info", "mon_data", "mon_groups"];

/// Where a container's class of service is. Recorded in its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Group {
    root: PathBuf,
    path: PathBuf,
    /// A group below, which only counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    monitor: Option<PathBuf>,
    /// It goes with the container.
    own: bool,
}

impl Group {
    /// Plan the group of a new container; makes nothing.
    ///
    /// # Errors
    /// There is no resctrl file system, or it has not what is asked for.
    pub(crate) fn plan(wanted: &IntelRdt, id: &str) -> Result<Group> {
        let plan = || {
            let root = find_root()?.context(
                "intelRdt is specified in config, but Intel RDT is not enabled: mount resctrl, or remove it from config.json",
            )?;
            Group::below(root, wanted, id)
        };
        plan().context("linux.intelRdt")
    }

    fn below(root: PathBuf, wanted: &IntelRdt, id: &str) -> Result<Group> {
        check(&root, wanted)?;
        let class = wanted.clos_id.as_deref().filter(|class| !class.is_empty());
        let path = match class {
            Some("/") => root.clone(),
            Some(class) => {
                ensure!(
                    !class.contains('/') && class != "." && class != "..",
                    "closID: invalid intelRdt.ClosID {class:?}"
                );
                ensure!(
                    !RESERVED.contains(&class),
                    "closID: {class:?} is a directory of resctrl's own"
                );
                root.join(class)
            }
            None => root.join(id),
        };
        Ok(Group {
            monitor: wanted
                .enable_monitoring
                .then(|| path.join("mon_groups").join(id)),
            own: class.is_none() && !path.exists(),
            root,
            path,
        })
    }

    /// Make what is missing, and write the schemata.
    ///
    /// # Errors
    /// A class that is shared has other schemata, or is to be there and is
    /// not; or the kernel refuses.
    pub(crate) fn make(&self, wanted: &IntelRdt) -> Result<()> {
        let lines = schema::lines(wanted);
        let shared = !self.own && self.path.is_dir();
        if shared {
            let path = self.path.join("schemata");
            let present = fs::read_to_string(&path)
                .with_context(|| format!("linux.intelRdt: read {}", path.display()))?;
            schema::compare(&lines, &present).context("linux.intelRdt")?;
        } else {
            ensure!(
                self.own || !lines.is_empty(),
                "linux.intelRdt.closID: {} must be there already when no schemata are given",
                self.path.display()
            );
            self.told(fs::create_dir(&self.path), "make", &self.path)?;
            self.set(&lines)?;
        }
        match &self.monitor {
            Some(monitor) => self.told(fs::create_dir(monitor), "make", monitor),
            None => Ok(()),
        }
    }

    /// Give the class other shares, as all that are in it have them then.
    ///
    /// # Errors
    /// They are not to be had here, or the kernel refuses them.
    pub(crate) fn change(&self, wanted: &IntelRdt) -> Result<()> {
        check(&self.root, wanted).context("linux.intelRdt")?;
        self.set(&schema::lines(wanted))
    }

    fn set(&self, lines: &[&str]) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        let path = self.path.join("schemata");
        self.told(write(&path, &text), &format!("write {text:?} to"), &path)
    }

    /// Take a process in; those that it forks from then on follow.
    ///
    /// # Errors
    /// The kernel refuses it.
    pub(crate) fn enter(&self, pid: Pid) -> Result<()> {
        for group in [Some(&self.path), self.monitor.as_ref()]
            .into_iter()
            .flatten()
        {
            let tasks = group.join("tasks");
            let entered = write(&tasks, &pid.to_string());
            self.told(entered, &format!("add process {pid} to"), &tasks)?;
        }
        Ok(())
    }

    /// Remove what was made for this container; it is no error when it is
    /// gone.
    ///
    /// # Errors
    /// It cannot be removed.
    pub(crate) fn remove(&self) -> Result<()> {
        // What is below a group goes with it.
        let group = match self.own {
            true => Some(&self.path),
            false => self.monitor.as_ref(),
        };
        match group.map(fs::remove_dir) {
            Some(Err(error)) if error.kind() != ErrorKind::NotFound => {
                Err(error).context("remove the container's resctrl group")
            }
            _ => Ok(()),
        }
    }

    /// With the kernel's own words on its last refusal.
    fn told(&self, done: io::Result<()>, what: &str, path: &Path) -> Result<()> {
        let Err(error) = done else {
            return Ok(());
        };
        let said = fs::read_to_string(self.root.join("info/last_cmd_status")).unwrap_or_default();
        match said.trim() {
            "" | "ok" => bail!("linux.intelRdt: {what} {}: {error}", path.display()),
            said => bail!("linux.intelRdt: {what} {}: {error}: {said}", path.display()),
        }
    }
}

/// Whether these are schemata, and of resources that this machine shares.
fn check(root: &Path, wanted: &IntelRdt) -> Result<()> {
    schema::check(wanted)?;
    let asked = |schema: &Option<String>| schema.as_ref().is_some_and(|text| !text.is_empty());
    ensure!(
        !asked(&wanted.l3_cache_schema) || root.join("info/L3").exists(),
        "l3CacheSchema is specified in config, but Intel RDT/CAT is not enabled"
    );
    ensure!(
        !asked(&wanted.mem_bw_schema) || root.join("info/MB").exists(),
        "memBwSchema is specified in config, but Intel RDT/MBA is not enabled"
    );
    Ok(())
}

/// To a file that must be there.
fn write(path: &Path, text: &str) -> io::Result<()> {
    OpenOptions::new()
        .write(true)
        .open(path)?
        .write_all(text.as_bytes())
}

/// Where resctrl is mounted, if it is.
fn find_root() -> Result<Option<PathBuf>> {
    if statfs(USUAL_PLACE).is_ok_and(|found| found.filesystem_type() == MAGIC) {
        return Ok(Some(USUAL_PLACE.into()));
    }
    let mounts = fs::read_to_string("/proc/self/mountinfo").context("read /proc/self/mountinfo")?;
    Ok(mounts
        .lines()
        .filter(|line| {
            line.split_once(" - ")
                .is_some_and(|(_, kind)| kind.starts_with("resctrl "))
        })
        .find_map(|line| line.split(' ').nth(4).map(PathBuf::from)))
}

#[cfg(test)]
mod tests;
