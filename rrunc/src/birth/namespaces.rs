//! The container's namespaces: some joined, some made, in an order that the
//! kernel and their owners allow.
//!
//! Nearly always one clone3(2) makes the process and all its namespaces. Three
//! cases need a process in between, which ends as soon as the container's own
//! is there: when a user namespace is joined, since the new namespaces must
//! belong to it; when one is made while others are joined or a clock is
//! shifted, since both happen on either side of entering it; and when a pid
//! namespace is joined by whoever cannot come back from it.

use std::fs::{self, File};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::sched::{CloneFlags, setns, unshare};
use nix::unistd::Pid;

use super::between;
use super::channel::{Channel, Message};
use super::ids::{self, become_root};
use crate::cgroup::Entrance;
use crate::kernel::process::{Side, clone};
use crate::kernel::procfs;
use crate::spec::{Linux, NamespaceKind};

/// Namespaces opened and sorted.
#[derive(Debug)]
pub(super) struct Layout<'a> {
    linux: &'a Linux,
    joined: Vec<(NamespaceKind, OwnedFd)>,
    made: CloneFlags,
    /// Our own pid namespace is of a user namespace around ours: once we are
    /// out of it, it lets us in no more.
    no_way_back: bool,
}

impl<'a> Layout<'a> {
    /// Open what is joined.
    ///
    /// # Errors
    /// A namespace's file cannot be opened.
    pub(super) fn open(linux: &'a Linux) -> Result<Layout<'a>> {
        let mut layout = Layout {
            linux,
            joined: Vec::new(),
            made: CloneFlags::empty(),
            no_way_back: false,
        };
        for (index, namespace) in linux.namespaces.iter().enumerate() {
            match &namespace.path {
                None => layout.made |= namespace.kind.flag(),
                Some(path) => {
                    let file = File::open(path).with_context(|| {
                        format!("linux.namespaces[{index}].path: open {}", path.display())
                    })?;
                    // Where we are already we need no powers to go.
                    if !is_own(namespace.kind, &file)? {
                        layout.joined.push((namespace.kind, file.into()));
                    }
                }
            }
        }
        if layout.joins(NamespaceKind::Pid).is_some() {
            layout.no_way_back = !is_ours(NamespaceKind::Pid)?;
        }
        Ok(layout)
    }

    pub(super) fn makes(&self, kind: NamespaceKind) -> bool {
        self.made.contains(kind.flag())
    }

    fn joins(&self, kind: NamespaceKind) -> Option<BorrowedFd<'_>> {
        self.joined
            .iter()
            .find(|(joined, _)| *joined == kind)
            .map(|(_, fd)| fd.as_fd())
    }

    fn needs_intermediate(&self) -> bool {
        let made_between = !self.joined.is_empty() || !self.linux.time_offsets.is_empty();
        self.joins(NamespaceKind::User).is_some()
            || self.makes(NamespaceKind::User) && made_between
            || self.no_way_back
    }

    /// What clone3(2) makes. The cgroup namespace waits until the process is
    /// in its cgroup, which becomes the namespace's root; a time namespace
    /// with offsets has been made before.
    fn at_clone(&self) -> CloneFlags {
        let mut flags = self.made - CloneFlags::CLONE_NEWCGROUP;
        if !self.linux.time_offsets.is_empty() {
            flags -= NamespaceKind::Time.flag();
        }
        flags
    }

    /// Fork the container's process, born into its cgroups. In the parent its
    /// maps are written when this returns; the child has yet to call
    /// [`Layout::enter`].
    ///
    /// # Errors
    /// A namespace cannot be made or joined.
    pub(super) fn fork(
        &self,
        ours: &Channel,
        theirs: &Channel,
        groups: Option<&Entrance>,
    ) -> Result<Side> {
        if self.needs_intermediate() {
            between::fork(
                (ours, theirs),
                groups,
                || self.fork_inside(theirs),
                |between| self.write_maps(between),
            )
        } else {
            self.fork_directly(ours, groups)
        }
    }

    fn fork_directly(&self, channel: &Channel, groups: Option<&Entrance>) -> Result<Side> {
        // Both are those of children only; ours are put back for the hooks.
        let own_pid = self
            .joins(NamespaceKind::Pid)
            .map(|pid| swap_namespace(NamespaceKind::Pid, pid))
            .transpose()?;
        let own_time = match self.linux.time_offsets.is_empty() {
            true => None,
            false => Some(self.shift_clocks()?),
        };
        // SAFETY: rrunc has one thread.
        let side = unsafe { clone_into(groups, self.at_clone()) };
        let side = side.context("clone the container's process")?;
        if let Side::Parent(pid) = side {
            for (kind, own) in [
                (NamespaceKind::Pid, own_pid),
                (NamespaceKind::Time, own_time),
            ] {
                if let Some(own) = own {
                    setns(own, kind.flag())
                        .with_context(|| format!("return to the {} namespace", kind.name()))?;
                }
            }
            if self.makes(NamespaceKind::User) {
                self.write_maps(pid)?;
                channel.send(&Message::IdsMapped)?;
            }
        }
        Ok(side)
    }

    /// Make a time namespace for children and set its clocks; returns our own.
    fn shift_clocks(&self) -> Result<OwnedFd> {
        let own = File::open("/proc/self/ns/time").context("open /proc/self/ns/time")?;
        unshare(NamespaceKind::Time.flag()).context("unshare the time namespace")?;
        let lines: String = (self.linux.time_offsets.iter())
            .map(|(clock, offset)| format!("{clock} {} {}\n", offset.secs, offset.nanosecs))
            .collect();
        procfs::write("self/timens_offsets", &lines).context("linux.timeOffsets")?;
        Ok(own.into())
    }

    fn write_maps(&self, pid: Pid) -> Result<()> {
        ids::write_maps(pid, &self.linux.uid_mappings, &self.linux.gid_mappings)
            .context("linux.uidMappings, gidMappings")
    }

    /// What the process between does: enter, then fork for our parent. Returns in the child.
    fn fork_inside(&self, channel: &Channel) -> Result<()> {
        // A namespace that belongs to the host is joined with the host's
        // powers, one of the container's with those inside.
        let mut refused = Vec::new();
        for (kind, fd) in self
            .joined
            .iter()
            .filter(|(kind, _)| *kind != NamespaceKind::User)
        {
            match setns(fd, kind.flag()) {
                Err(Errno::EPERM) if self.joins(NamespaceKind::User).is_some() => {
                    refused.push((kind, fd))
                }
                other => other.with_context(|| format!("join the {} namespace", kind.name()))?,
            }
        }
        if let Some(user) = self.joins(NamespaceKind::User) {
            setns(user, CloneFlags::CLONE_NEWUSER).context("join the user namespace")?;
        } else if self.makes(NamespaceKind::User) {
            unshare(CloneFlags::CLONE_NEWUSER).context("unshare the user namespace")?;
            channel.send(&Message::MapIds)?;
            channel.expect(&Message::IdsMapped)?;
        }
        // A change of user would close our own /proc files to us.
        if !self.linux.time_offsets.is_empty() {
            self.shift_clocks()?;
        }
        if self.joins(NamespaceKind::User).is_some() || self.makes(NamespaceKind::User) {
            become_root()?;
        }
        for (kind, fd) in refused {
            setns(fd, kind.flag())
                .with_context(|| format!("join the {} namespace", kind.name()))?;
        }
        let flags = self.at_clone() - CloneFlags::CLONE_NEWUSER;
        // SAFETY: this process has one thread, as the one it was forked from.
        unsafe { between::bear(flags, channel) }.context("clone the container's process")
    }

    /// The child's first step: enter what clone3(2) could not.
    ///
    /// # Errors
    /// A group or namespace cannot be entered.
    pub(super) fn enter(&self, channel: &Channel, groups: Option<&Entrance>) -> Result<()> {
        if self.needs_intermediate() {
            return Ok(());
        }
        groups.map_or(Ok(()), Entrance::enter)?;
        if self.makes(NamespaceKind::User) {
            channel.expect(&Message::IdsMapped)?;
            become_root()?;
        }
        for (kind, fd) in self
            .joined
            .iter()
            .filter(|(kind, _)| *kind != NamespaceKind::Pid)
        {
            setns(fd, kind.flag())
                .with_context(|| format!("join the {} namespace", kind.name()))?;
        }
        Ok(())
    }
}

/// clone3(2) into the groups, if there are any.
///
/// # Safety
/// As for [`clone`].
pub(super) unsafe fn clone_into(groups: Option<&Entrance>, flags: CloneFlags) -> Result<Side> {
    match groups {
        // SAFETY: the caller's promise.
        Some(groups) => unsafe { groups.clone(flags) },
        // SAFETY: the caller's promise.
        None => Ok(unsafe { clone(flags, None) }?),
    }
}

nix::ioctl_none!(user_namespace_of, 0xb7, 0x1);

/// True if one of our own namespaces belongs to our user namespace or one below it.
fn is_ours(kind: NamespaceKind) -> Result<bool> {
    let path = format!("/proc/self/ns/{}", kind.proc_name());
    let own = File::open(&path).with_context(|| format!("open {path}"))?;
    // SAFETY: the request has no argument.
    match unsafe { user_namespace_of(own.as_raw_fd()) } {
        // SAFETY: a new descriptor, which nobody else has.
        Ok(owner) => drop(unsafe { OwnedFd::from_raw_fd(owner) }),
        Err(Errno::EPERM) => return Ok(false),
        Err(errno) => return Err(errno).with_context(|| format!("ask whose {path} is")),
    }
    Ok(true)
}

fn is_own(kind: NamespaceKind, other: &File) -> Result<bool> {
    let path = format!("/proc/self/ns/{}", kind.proc_name());
    let own = fs::metadata(&path).with_context(|| format!("stat {path}"))?;
    let other = other.metadata().context("stat a namespace")?;
    Ok((own.dev(), own.ino()) == (other.dev(), other.ino()))
}

/// Join a namespace that children get, and return our own for the way back.
fn swap_namespace(kind: NamespaceKind, other: BorrowedFd<'_>) -> Result<OwnedFd> {
    let path = format!("/proc/self/ns/{}", kind.proc_name());
    let own = File::open(&path).with_context(|| format!("open {path}"))?;
    setns(other, kind.flag()).with_context(|| format!("join the {} namespace", kind.name()))?;
    Ok(own.into())
}
