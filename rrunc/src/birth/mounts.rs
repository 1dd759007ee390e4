//! `mounts`, made one after the other.

use std::ffi::OsStr;
use std::fs::read_link;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;
use nix::fcntl::{ResolveFlag, readlinkat};
use nix::sys::stat::{SFlag, fstat};
use nix::sys::statfs::{PROC_SUPER_MAGIC, fstatfs};
use nix::unistd::{geteuid, symlinkat};

use super::channel::Channel;
use super::mount_source::Source;
use super::options::Options;
use super::rootfs::{Kind, Rootfs};
use super::{bind_attributes, cgroup_mount};
use crate::annotations;
use crate::cgroup::View;
use crate::kernel::mount::{Attributes, attach, set_attributes};
use crate::spec::{Mount, Spec};

/// A mount whose options have been read and whose source may be open.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    pub(super) index: usize,
    pub(super) entry: &'a Mount,
    pub(super) options: Options,
    /// Absolute source of a bind mount.
    pub(super) source: PathBuf,
    /// Where the source leads if it is a symbolic link that is to be copied: crun(1), "copy-symlink".
    link: Option<PathBuf>,
    pub(super) opened: Source,
    /// The source's attributes cannot be taken away: the container has a user namespace.
    locked: bool,
    /// In the root file system.
    pub(super) destination: PathBuf,
    /// SELinux's label for what is mounted, and the option that takes it.
    pub(super) label: Option<(&'static str, &'a str)>,
}

/// A destination may be given as the host sees it.
fn inside(destination: &Path, rootfs: &Path) -> PathBuf {
    match destination.strip_prefix(rootfs) {
        Ok(below) => Path::new("/").join(below),
        Err(_) => destination.to_owned(),
    }
}

/// Read all options before anything is made.
///
/// # Errors
/// The first mount that cannot be made, by its JSON path.
pub(super) fn plan<'a>(spec: &'a Spec, bundle: &Path, rootfs: &Path) -> Result<Vec<Plan<'a>>> {
    let in_user_namespace = spec.linux.has_user_namespace() && geteuid().is_root();
    let label = match spec.linux.mount_label.as_deref() {
        Some(label) if !label.is_empty() => {
            Some((annotations::mount_context(&spec.annotations)?, label))
        }
        _ => None,
    };
    let mut plans = Vec::with_capacity(spec.mounts.len());
    for (index, entry) in spec.mounts.iter().enumerate() {
        let at = || format!("mounts[{index}] ({})", entry.destination.display());
        let mut plan = Plan::new(index, entry, bundle, rootfs, label).with_context(at)?;
        plan.check().with_context(at)?;
        plan.locked = spec.linux.has_user_namespace();
        let needs_powers = plan.maps_ids() || in_user_namespace;
        if plan.options.bind.is_some() && plan.link.is_none() && needs_powers {
            plan.opened = match plan.source.starts_with(rootfs) {
                true => Source::OfParent,
                false => Source::Open(plan.open_on_host(spec).with_context(at)?),
            };
        }
        plans.push(plan);
    }
    Ok(plans)
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        index: usize,
        entry: &'a Mount,
        bundle: &Path,
        rootfs: &Path,
        label: Option<(&'static str, &'a str)>,
    ) -> Result<Plan<'a>> {
        let mut options = Options::parse(&entry.options)?;
        if entry.kind.as_deref() == Some("bind") {
            options.bind = Some(options.bind.unwrap_or(false));
        }
        let source = bundle.join(entry.source.as_deref().unwrap_or(Path::new("")));
        let link = match options.copy_symlink {
            // Anything else is no link, and bound as ever.
            true => read_link(&source).ok(),
            false => None,
        };
        Ok(Plan {
            index,
            entry,
            options,
            destination: inside(&entry.destination, rootfs),
            source,
            link,
            opened: Source::OfChild,
            locked: false,
            label,
        })
    }

    fn check(&self) -> Result<()> {
        match self.options.bind {
            Some(_) => {
                ensure!(self.entry.source.is_some(), "a bind mount needs a source");
                // The kernel would take no notice of them.
                let of_filesystem = self.options.data.iter().map(|(name, _)| name.as_str());
                let meant: Vec<&str> = of_filesystem
                    .filter(|name| !OF_SUPERBLOCK.contains(name))
                    .collect();
                ensure!(
                    meant.is_empty(),
                    "bind mounts cannot have any filesystem-specific options applied: {}",
                    meant.join(",")
                );
            }
            None => {
                ensure!(
                    self.entry
                        .kind
                        .as_deref()
                        .is_some_and(|kind| !kind.is_empty()),
                    "neither a type nor bind"
                );
                ensure!(!self.maps_ids(), "ids can be mapped on bind mounts only");
            }
        }
        ensure!(
            !self.options.copy_up || self.entry.kind.as_deref() == Some("tmpfs"),
            "option \"tmpcopyup\" is for tmpfs only"
        );
        ensure!(
            !self.options.copy_symlink || self.options.bind.is_some(),
            "option \"copy-symlink\" is for bind mounts only"
        );
        Ok(())
    }

    /// Make the mount. A tmpfs that is to be read-only is returned, to become
    /// so when everything in it has been made.
    ///
    /// # Errors
    /// The mount is refused; the text is runc's.
    pub(super) fn make(
        self,
        rootfs: &Rootfs,
        view: Option<&View>,
        channel: &Channel,
    ) -> Result<Option<OwnedFd>> {
        let (kind, destination) = (
            self.entry.kind.clone().unwrap_or_default(),
            self.entry.destination.clone(),
        );
        let index = self.index;
        let source = self.entry.source.clone().unwrap_or_default();
        self.make_kind(&kind, rootfs, view, channel)
            .with_context(|| {
                format!(
                    "error mounting {:?} to rootfs at {:?} (mounts[{index}])",
                    source.display().to_string(),
                    destination.display().to_string()
                )
            })
    }

    fn make_kind(
        self,
        kind: &str,
        rootfs: &Rootfs,
        view: Option<&View>,
        channel: &Channel,
    ) -> Result<Option<OwnedFd>> {
        if let Some(link) = &self.link {
            return self.copy_link(link, rootfs).map(|()| None);
        }
        if self.options.bind.is_some() {
            return self.bind(rootfs, channel).map(|()| None);
        }
        match (kind, view) {
            ("cgroup" | "cgroup2", Some(view)) => {
                let target = self.target(rootfs, Kind::Directory, ResolveFlag::empty())?;
                cgroup_mount::make(view, target.as_fd(), self.options.initial()).map(|()| None)
            }
            ("proc" | "sysfs", _) => self.mount_new(kind, rootfs, ResolveFlag::RESOLVE_NO_SYMLINKS),
            _ => self.mount_new(kind, rootfs, ResolveFlag::empty()),
        }
    }

    fn bind(mut self, rootfs: &Rootfs, channel: &Channel) -> Result<()> {
        let tree = self.take_source(channel)?;
        let kind = if is_directory(tree.as_fd())? {
            Kind::Directory
        } else {
            Kind::File
        };
        let target = self.target(rootfs, kind, ResolveFlag::empty())?;
        if self.destination == Path::new("/proc") {
            ensure!(
                is_proc(tree.as_fd())?,
                "only a proc file system may be bound at /proc"
            );
        }
        bind_attributes::set(tree.as_fd(), &self.options, self.locked)?;
        if !self.options.recursive.is_empty() {
            set_attributes(tree.as_fd(), true, self.options.recursive)
                .context("set the attributes of the mount and those below")?;
        }
        attach(tree.as_fd(), target.as_fd()).context("attach the mount")?;
        self.propagate(tree.as_fd())
    }

    /// The source as the symbolic link that it is.
    fn copy_link(&self, link: &Path, rootfs: &Rootfs) -> Result<()> {
        let (directory, name) = match (self.destination.parent(), self.destination.file_name()) {
            (Some(directory), Some(name)) => (directory, name),
            _ => bail!("a symbolic link cannot take the place of the root"),
        };
        let directory = rootfs.open_or_make(directory, Kind::Directory, ResolveFlag::empty())?;
        match symlinkat(link, &directory, name) {
            // It was copied by an earlier start.
            Err(Errno::EEXIST) if is_link_to(directory.as_fd(), name, link) => Ok(()),
            made => made.with_context(|| format!("link to {}", link.display())),
        }
    }

    pub(super) fn target(
        &self,
        rootfs: &Rootfs,
        kind: Kind,
        resolve: ResolveFlag,
    ) -> Result<OwnedFd> {
        let target = rootfs.open_or_make(&self.destination, kind, resolve)?;
        let is_in_proc = self.destination != Path::new("/proc") && is_proc(target.as_fd())?;
        if is_in_proc
            && !MAY_BE_COVERED
                .iter()
                .any(|path| self.destination == Path::new(path))
        {
            bail!(
                "{:?} cannot be mounted because it is inside /proc",
                self.entry.destination.display().to_string()
            );
        }
        Ok(target)
    }

    pub(super) fn propagate(&self, mount: BorrowedFd<'_>) -> Result<()> {
        for &(propagation, recursive) in &self.options.propagation {
            let change = Attributes {
                propagation,
                ..Attributes::default()
            };
            set_attributes(mount, recursive, change).context("set the mount's propagation")?;
        }
        Ok(())
    }
}

/// Files of /proc that say something of the machine, which lxcfs and engines
/// put a container's own view over; nothing there guards the host.
const MAY_BE_COVERED: [&str; 11] = [
    "/proc/cpuinfo",
    "/proc/diskstats",
    "/proc/loadavg",
    "/proc/meminfo",
    "/proc/net/dev",
    "/proc/slabinfo",
    "/proc/stat",
    "/proc/swaps",
    "/proc/sys/crypto/fips_enabled",
    "/proc/sys/kernel/ns_last_pid",
    "/proc/uptime",
];

/// Options that mount(8) takes for a bind, too, and that say nothing there.
const OF_SUPERBLOCK: [&str; 9] = [
    "async",
    "dirsync",
    "iversion",
    "lazytime",
    "mand",
    "noiversion",
    "nolazytime",
    "nomand",
    "sync",
];

fn is_link_to(directory: BorrowedFd<'_>, name: &OsStr, link: &Path) -> bool {
    readlinkat(directory, name).is_ok_and(|there| Path::new(&there) == link)
}

fn is_directory(fd: BorrowedFd<'_>) -> Result<bool> {
    let stat = fstat(fd).context("stat the source")?;
    Ok(SFlag::from_bits_truncate(stat.st_mode) & SFlag::S_IFMT == SFlag::S_IFDIR)
}

fn is_proc(fd: BorrowedFd<'_>) -> Result<bool> {
    Ok(fstatfs(fd).context("statfs")?.filesystem_type() == PROC_SUPER_MAGIC)
}
