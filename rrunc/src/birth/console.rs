//! The container's terminal: opened in the container's devpts, handed to who
//! waits on the console socket.

use std::io::IoSlice;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use nix::errno::Errno;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::socket::{ControlMessage, MsgFlags, sendmsg};
use nix::sys::statfs::{FsType, fstatfs};
use nix::unistd::{Uid, dup2_stderr, dup2_stdin, dup2_stdout, fchown};

use super::rootfs::{Kind, Rootfs};
use crate::kernel::mount::{attach, clone_mount};
use crate::spec::ConsoleSize;

/// Open a terminal of the devpts below `root`, give its master away, and
/// return the side that the process gets.
///
/// The other side is reached through the master, not by its path, so nothing
/// in the image can stand in its place.
///
/// # Errors
/// The container has no devpts, or nobody takes the master.
pub(super) fn open(
    root: BorrowedFd<'_>,
    size: Option<ConsoleSize>,
    owner: u32,
    socket: BorrowedFd<'_>,
) -> Result<OwnedFd> {
    let how = OpenHow::new()
        .flags(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC)
        .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
    let master =
        openat2(root, "dev/pts/ptmx", how).context("open /dev/pts/ptmx in the container")?;
    let devpts = FsType(libc::DEVPTS_SUPER_MAGIC as _);
    let kind = fstatfs(&master)
        .context("statfs of /dev/pts/ptmx")?
        .filesystem_type();
    ensure!(
        kind == devpts,
        "/dev/pts in the container is not a devpts file system"
    );
    unlock(master.as_fd())?;
    let slave = peer(master.as_fd())?;
    if let Some(size) = size {
        resize(slave.as_fd(), size)?;
    }
    fchown(&slave, Some(Uid::from_raw(owner)), None).context("give the terminal to the user")?;
    let fds = [master.as_raw_fd()];
    let rights = [ControlMessage::ScmRights(&fds)];
    sendmsg::<()>(
        socket.as_raw_fd(),
        &[IoSlice::new(b"/dev/ptmx")],
        &rights,
        MsgFlags::MSG_NOSIGNAL,
        None,
    )
    .context("send the terminal to the console socket")?;
    Ok(slave)
}

/// Put the terminal at /dev/console.
///
/// # Errors
/// It cannot be bound there.
pub(super) fn bind(rootfs: &Rootfs, slave: BorrowedFd<'_>) -> Result<()> {
    let path = Path::new("/dev/console");
    let place = rootfs.open_or_make(path, Kind::File, ResolveFlag::RESOLVE_NO_SYMLINKS)?;
    let copy = clone_mount(slave, false).context("copy the mount of the terminal")?;
    attach(copy.as_fd(), place.as_fd()).context("bind the terminal at /dev/console")
}

/// Make the terminal the session's, and stdin, stdout and stderr.
///
/// # Errors
/// The session has another terminal.
pub(super) fn make_controlling(slave: OwnedFd) -> Result<()> {
    // SAFETY: the request takes a number.
    let done = unsafe { libc::ioctl(slave.as_raw_fd(), libc::TIOCSCTTY, 0) };
    Errno::result(done).context("make the terminal the session's")?;
    dup2_stdin(&slave)
        .and_then(|()| dup2_stdout(&slave))
        .and_then(|()| dup2_stderr(&slave))
        .context("make the terminal stdio")
}

fn unlock(master: BorrowedFd<'_>) -> Result<()> {
    let unlocked: libc::c_int = 0;
    // SAFETY: the request reads one int.
    let done = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCSPTLCK, &raw const unlocked) };
    Errno::result(done).map(drop).context("unlock the terminal")
}

fn peer(master: BorrowedFd<'_>) -> Result<OwnedFd> {
    let flags = libc::O_RDWR | libc::O_NOCTTY | libc::O_CLOEXEC;
    // SAFETY: the request takes open flags and returns a descriptor.
    let fd = unsafe { libc::ioctl(master.as_raw_fd(), libc::TIOCGPTPEER, flags) };
    let fd = Errno::result(fd).context("open the other side of the terminal")?;
    // SAFETY: the kernel just made this descriptor for us.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

/// Set rows and columns.
///
/// # Errors
/// Not a terminal.
pub(crate) fn resize(terminal: BorrowedFd<'_>, size: ConsoleSize) -> Result<()> {
    let size = libc::winsize {
        ws_row: size.height,
        ws_col: size.width,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    // SAFETY: the request reads one winsize.
    let done = unsafe { libc::ioctl(terminal.as_raw_fd(), libc::TIOCSWINSZ, &raw const size) };
    Errno::result(done)
        .map(drop)
        .context("set the terminal's size")
}
