//! The child's part: from a fork of rpod to the program that sleeps in the namespaces.

use std::convert::Infallible;
use std::ffi::CString;
use std::io::{Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::UnixStream;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};
use nix::sys::stat::Mode;
use nix::unistd::{
    Gid, Uid, chdir, dup2_stderr, dup2_stdin, dup2_stdout, execve, setresgid, setresuid, setsid,
};

use super::Origin;

/// What the child says when it is in a namespace without maps, and what it is told when they are there.
pub(super) const MAP_ME: &[u8; 1] = b"\0";
pub(super) const MAPPED: &[u8; 1] = b"\x01";

/// Does not come back. Its errors go to the pipe.
pub(super) fn become_holder(origin: &Origin, program: &Path, mut pipe: UnixStream) -> ! {
    let Err(error) = born(origin, program, &mut pipe);
    // Were the parent gone too, there is nobody to tell.
    let _ = pipe.write_all(format!("{error:#}").as_bytes());
    // SAFETY: ends this process without running what its parent has registered for its own end.
    unsafe { libc::_exit(1) }
}

fn born(origin: &Origin, program: &Path, pipe: &mut UnixStream) -> Result<Infallible> {
    setsid().context("leaving the terminal's session")?;
    let both = CloneFlags::CLONE_NEWUSER | CloneFlags::CLONE_NEWNS;
    match origin {
        Origin::Of(process) => {
            setns(process, both).context("joining the user namespace of a monitor")?;
        }
        Origin::New => {
            unshare(both).with_context(refused)?;
            pipe.write_all(MAP_ME).context("asking for maps")?;
            let mut answer = [0];
            pipe.read_exact(&mut answer).context("waiting for maps")?;
            ensure!(answer == *MAPPED, "the maps were not written");
        }
    }
    let (uid, gid) = (Uid::from_raw(0), Gid::from_raw(0));
    setresgid(gid, gid, gid).context("becoming group 0 of the user namespace")?;
    setresuid(uid, uid, uid).context("becoming user 0 of the user namespace")?;
    if matches!(origin, Origin::New) {
        // What the host mounts later is seen here, and nothing that is mounted here is seen there.
        let slave = MsFlags::MS_SLAVE | MsFlags::MS_REC;
        mount(None::<&str>, "/", None::<&str>, slave, None::<&str>)
            .context("making the mounts of the new namespace its own")?;
    }
    chdir("/").context("entering /")?;
    let null = open("/dev/null", OFlag::O_RDWR | OFlag::O_CLOEXEC, Mode::empty())
        .context("opening /dev/null")?;
    dup2_stdin(&null).context("closing standard input")?;
    dup2_stdout(&null).context("closing standard output")?;
    dup2_stderr(&null).context("closing standard error")?;
    close_the_rest_on_exec()?;
    let path = CString::new(program.as_os_str().as_bytes())?;
    let name = CString::new(program.file_name().unwrap_or_default().as_bytes())?;
    execve::<_, &CString>(&path, &[name, c"-P".into()], &[])
        .with_context(|| format!("starting {}", program.display()))
}

/// Whatever the caller has open is not to be held for as long as the holder lives.
fn close_the_rest_on_exec() -> Result<()> {
    // SAFETY: a system call on three integers, which marks descriptors and closes none.
    let marked = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            3,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
    Errno::result(marked)
        .map(drop)
        .context("closing the caller's descriptors")
}

fn refused() -> String {
    "making a user namespace: is it allowed here (sysctl user.max_user_namespaces, kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns)?".to_owned()
}
