//! The session keyring (session-keyring(7)).

use anyhow::{Context, Result};
use nix::errno::Errno;
use std::ffi::CString;

const JOIN_SESSION_KEYRING: libc::c_long = 1;
const SETPERM: libc::c_long = 5;

/// What the kernel gives a new session keyring (all to its possessor; view, read and link to its user),
/// and search to its user: a process that joins the container later may find the keys.
const PERMISSIONS: u32 = 0x3f1b_0000;

/// Gives the calling process a session keyring of its own, named after the container. A kernel
/// without keyrings has nothing to keep apart.
pub(crate) fn join_new(id: &str) -> Result<()> {
    let name = CString::new(format!("_ses.{id}")).context("name the session keyring")?;
    // SAFETY: the kernel reads the string, which lives through the call.
    let joined = unsafe { libc::syscall(libc::SYS_keyctl, JOIN_SESSION_KEYRING, name.as_ptr()) };
    let keyring = match Errno::result(joined) {
        Err(Errno::ENOSYS) => return Ok(()),
        result => result.with_context(|| format!("join session keyring _ses.{id}"))?,
    };
    // SAFETY: only numbers are passed.
    let set = unsafe { libc::syscall(libc::SYS_keyctl, SETPERM, keyring, PERMISSIONS) };
    Errno::result(set).context("set the permissions of the session keyring")?;
    Ok(())
}
