//! `process.noNewPrivileges`.

use anyhow::{Context, Result};

/// No execve(2) from now on gives more power than the process has.
pub(crate) fn set() -> Result<()> {
    nix::sys::prctl::set_no_new_privs().context("set no_new_privs")
}
