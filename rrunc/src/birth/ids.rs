//! Who is who in a user namespace: its id maps, written from outside, and its root.

use std::fs;
use std::os::fd::OwnedFd;
use std::process::Command;

use anyhow::{Context, Result, ensure};
use nix::sched::CloneFlags;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Gid, Pid, Uid, getegid, geteuid, pause, setresgid, setresuid};

use crate::kernel::process::{Side, clone, exit_now};
use crate::kernel::procfs;
use crate::spec::IdMapping;

/// Write both maps of a process in a new user namespace.
///
/// A privileged caller writes any map. Another may map its own user and group
/// alone; for more it needs newuidmap(1) and newgidmap(1).
///
/// # Errors
/// A map is refused, or the helper programs are missing.
pub(super) fn write_maps(pid: Pid, uids: &[IdMapping], gids: &[IdMapping]) -> Result<()> {
    if geteuid().is_root() {
        write_map(pid, "gid_map", gids)?;
        return write_map(pid, "uid_map", uids);
    }
    let only = |maps: &[IdMapping], id| matches!(maps, [one] if one.size == 1 && one.host_id == id);
    if only(gids, getegid().as_raw()) {
        // The kernel's condition for a caller without CAP_SETGID.
        procfs::write(&format!("{pid}/setgroups"), "deny")?;
        write_map(pid, "gid_map", gids)?;
    } else {
        run_helper("newgidmap", pid, gids)?;
    }
    if only(uids, geteuid().as_raw()) {
        write_map(pid, "uid_map", uids)
    } else {
        run_helper("newuidmap", pid, uids)
    }
}

fn write_map(pid: Pid, file: &str, maps: &[IdMapping]) -> Result<()> {
    let lines: String = maps
        .iter()
        .map(|map| format!("{} {} {}\n", map.container_id, map.host_id, map.size))
        .collect();
    procfs::write(&format!("{pid}/{file}"), &lines)
}

fn run_helper(program: &str, pid: Pid, maps: &[IdMapping]) -> Result<()> {
    let mut command = Command::new(program);
    command.arg(pid.to_string());
    for map in maps {
        command.args([map.container_id, map.host_id, map.size].map(|number| number.to_string()));
    }
    let output = command.output().with_context(|| {
        format!("run {program}, which maps more ids than your own (Debian: package uidmap)")
    })?;
    ensure!(
        output.status.success(),
        "{program} failed: {}: are these ids granted to you in /etc/subuid and /etc/subgid?",
        String::from_utf8_lossy(&output.stderr).trim()
    );
    Ok(())
}

/// Whose the files are that are made on the way: root's, of the namespace.
///
/// # Errors
/// The maps have no user or group 0.
pub(super) fn become_root() -> Result<()> {
    let (uid, gid) = (Uid::from_raw(0), Gid::from_raw(0));
    setresgid(gid, gid, gid)
        .context("become group 0 of the user namespace (is it in linux.gidMappings?)")?;
    setresuid(uid, uid, uid)
        .context("become user 0 of the user namespace (is it in linux.uidMappings?)")
}

/// A user namespace with these maps and nobody in it, for an idmapped mount.
///
/// # Errors
/// The namespace cannot be made or mapped.
pub(super) fn namespace_with(uids: &[IdMapping], gids: &[IdMapping]) -> Result<OwnedFd> {
    // SAFETY: rrunc has one thread; the child only waits to be killed.
    match unsafe { clone(CloneFlags::CLONE_NEWUSER, None) }
        .context("clone a user namespace for an idmapped mount")?
    {
        Side::Child => {
            // Not to outlive a parent that is killed before it kills this.
            if nix::sys::prctl::set_pdeathsig(Signal::SIGKILL).is_ok() {
                pause();
            }
            exit_now(1)
        }
        Side::Parent(pid) => {
            let made = write_maps(pid, uids, gids).and_then(|()| {
                let path = format!("/proc/{pid}/ns/user");
                Ok(OwnedFd::from(
                    fs::File::open(&path).with_context(|| format!("open {path}"))?,
                ))
            });
            kill(pid, Signal::SIGKILL).context("kill the holder of a user namespace")?;
            waitpid(pid, None).context("wait for the holder of a user namespace")?;
            made
        }
    }
}
