//! clone3(2) and its like.

use std::os::fd::{AsRawFd as _, BorrowedFd, FromRawFd as _, OwnedFd};

use nix::errno::Errno;
use nix::sched::CloneFlags;
use nix::unistd::{Pid, geteuid};

/// `CLONE_INTO_CGROUP` of linux/sched.h: libc's is of a type too narrow for it.
const CLONE_INTO_CGROUP: u64 = 1 << 33;

/// Which of the two processes returned from [`clone`].
#[derive(Debug)]
pub(crate) enum Side {
    Parent(Pid),
    Child,
}

/// fork(2) into new namespaces, and with `group` straight into a cgroup v2.
///
/// # Safety
/// The process must have one thread: the child owns a copy of everything,
/// locks included.
pub(crate) unsafe fn clone(
    flags: CloneFlags,
    group: Option<BorrowedFd<'_>>,
) -> Result<Side, Errno> {
    let mut bits = flags.bits() as u32 as u64;
    // SAFETY: clone_args is plain numbers, of which zero is a valid value.
    let mut arguments: libc::clone_args = unsafe { std::mem::zeroed() };
    // A process made for our parent tells the parent as we would.
    if !flags.contains(CloneFlags::CLONE_PARENT) {
        arguments.exit_signal = libc::SIGCHLD as u64;
    }
    if let Some(group) = group {
        bits |= CLONE_INTO_CGROUP;
        arguments.cgroup = group.as_raw_fd() as u64;
    }
    arguments.flags = bits;
    // SAFETY: without CLONE_VM the child has its own copy of the stack it
    // returns on; the caller promised a single thread.
    let pid = unsafe {
        libc::syscall(
            libc::SYS_clone3,
            &raw const arguments,
            size_of::<libc::clone_args>(),
        )
    };
    match Errno::result(pid)? {
        0 => Ok(Side::Child),
        pid => Ok(Side::Parent(Pid::from_raw(pid as i32))),
    }
}

/// Not to be traced, and its `/proc` files not to be opened, by others.
pub(crate) fn hide() -> Result<(), Errno> {
    nix::sys::prctl::set_dumpable(false)
}

/// Close every descriptor after stdio, save those that are needed. For a
/// process that never returns to their owners.
pub(crate) fn close_all_but(needed: impl Iterator<Item = u32>) -> Result<(), Errno> {
    const FIRST: u32 = 3;
    let mut needed: Vec<u32> = needed.filter(|fd| *fd >= FIRST).collect();
    needed.sort_unstable();
    let mut from = FIRST;
    for fd in needed {
        if from < fd {
            close_range(from, fd - 1)?;
        }
        from = fd + 1;
    }
    close_range(from, u32::MAX)
}

fn close_range(first: u32, last: u32) -> Result<(), Errno> {
    // SAFETY: the caller's owners of these descriptors never use them again.
    let done = unsafe { libc::close_range(first, last, 0) };
    Errno::result(done).map(drop)
}

/// pidfd_open(2): a descriptor of the process, which no later process can take over.
pub(crate) fn open(pid: Pid) -> Result<OwnedFd, Errno> {
    // SAFETY: takes numbers only.
    let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid.as_raw(), 0) };
    let fd = Errno::result(fd)?;
    // SAFETY: the call just returned this descriptor to us alone.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as i32) })
}

/// Terminate at once, without what Rust or libc would do at exit.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

/// Whether this process is root, and not only of a user namespace.
pub(crate) fn is_host_root() -> bool {
    let maps = std::fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
    geteuid().is_root() && maps.split_whitespace().eq(["0", "0", "4294967295"])
}
