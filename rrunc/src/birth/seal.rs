//! Keep the runtime's own program out of the container's reach
//! (CVE-2019-5736).
//!
//! A container whose program is `/proc/self/exe`, or a script with that as its
//! interpreter, executes the runtime itself, and another of its processes may
//! then open `/proc/PID/exe` and write to it once the process has ended. A
//! process cannot change what its `/proc/self/exe` is, and checking the path
//! before execve(2) is a race; but the link leads through the *mount* that the
//! program was executed from. So the commands that start a process in a
//! container first execute themselves once more, from a copy of the mount that
//! is read-only and attached nowhere: three system calls and one execve of a
//! small static program, and nothing is copied. What a container opens through
//! it answers EROFS, and it cannot be remounted, since it is in no namespace.
//! Without the right to copy a mount the program is copied to a sealed memfd.
//!
//! Until that execve the process inside is not dumpable, so its `/proc` files
//! are closed to the container, and descriptors of ours with them.

use std::convert::Infallible;
use std::env;
use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;

use anyhow::{Context, Result};
use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags, FcntlArg, SealFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::sys::stat::fstat;
use nix::sys::statvfs::{FsFlags, fstatvfs};
use nix::unistd::{execveat, geteuid};

use crate::kernel::mount::{Attributes, clone_tree, set_attributes};

const SELF: &str = "/proc/self/exe";

/// Go on only as a program that nobody can write to.
///
/// # Errors
/// The program cannot be sealed.
pub(crate) fn seal() -> Result<()> {
    let program = File::open(SELF).with_context(|| format!("open {SELF}"))?;
    if is_safe(&program)? {
        return Ok(());
    }
    let sealed = match readonly_mount() {
        Err(Errno::EPERM | Errno::ENOSYS) => {
            sealed_copy(program).context("copy the runtime to a sealed memfd")?
        }
        other => other.context("make a read-only mount of the runtime")?,
    };
    match execute(sealed)? {}
}

fn is_safe(program: &File) -> Result<bool> {
    let flags = fstatvfs(program).context("statvfs of the runtime")?.flags();
    if flags.contains(FsFlags::ST_RDONLY) {
        return Ok(true);
    }
    if fcntl(program, FcntlArg::F_GET_SEALS)
        .is_ok_and(|seals| SealFlag::from_bits_truncate(seals).contains(SealFlag::F_SEAL_WRITE))
    {
        return Ok(true);
    }
    // An ordinary user cannot give a container more than its own files.
    Ok(!geteuid().is_root()
        && fstat(program).context("stat the runtime")?.st_uid != geteuid().as_raw())
}

fn readonly_mount() -> Result<OwnedFd, Errno> {
    let mount = clone_tree(AT_FDCWD, SELF, false)?;
    let change = Attributes {
        set: libc::MOUNT_ATTR_RDONLY,
        ..Attributes::default()
    };
    set_attributes(mount.as_fd(), false, change)?;
    Ok(mount)
}

fn sealed_copy(mut program: File) -> Result<OwnedFd> {
    let copy = memfd_create(
        c"rrunc",
        MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING,
    )?;
    let mut copy = File::from(copy);
    io::copy(&mut program, &mut copy)?;
    let seals = SealFlag::F_SEAL_SEAL
        | SealFlag::F_SEAL_SHRINK
        | SealFlag::F_SEAL_GROW
        | SealFlag::F_SEAL_WRITE;
    fcntl(&copy, FcntlArg::F_ADD_SEALS(seals))?;
    // Not executable while it is open for writing.
    let path = format!("/proc/self/fd/{}", copy.as_raw_fd());
    Ok(File::open(&path)?.into())
}

fn execute(program: OwnedFd) -> Result<Infallible> {
    let strings = |list: Vec<Vec<u8>>| {
        list.into_iter()
            .map(CString::new)
            .collect::<Result<Vec<_>, _>>()
    };
    let arguments = strings(env::args_os().map(OsStringExt::into_vec).collect())?;
    let environment = env::vars_os()
        .map(|(key, value)| [key.into_vec(), value.into_vec()].join(&b'='))
        .collect();
    execveat(
        &program,
        c"",
        &arguments,
        &strings(environment)?,
        AtFlags::AT_EMPTY_PATH,
    )
    .context("execute the sealed runtime")
}
