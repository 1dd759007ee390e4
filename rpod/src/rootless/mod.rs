//! rpod for an ordinary user.
//!
//! Everything is done as root of a user namespace in which the user's subordinate ids are the other users. It is made once, with a
//! mount namespace, and held by a process that only sleeps (`rpause`); every later command joins both before it does anything else:
//!
//! ```text
//! RUNTIME/rpod/pause.pid     the holder: its pid and start time            identity   who the person is
//! RUNTIME/rpod/pause.lock    held (flock) by who makes or ends a holder    ranges     /etc/subuid, /etc/subgid
//!                                                                          holder     found, made, ended
//! rpod ── setns(holder: user, mnt) ── chdir back ── the command            namespace  mapped from outside
//! ```
//!
//! Containers, their monitors and all that is mounted live in these two namespaces. If the holder is killed they live on, so the
//! next holder is born in the namespaces of a monitor, if there is one. The host's root comes past here with one comparison.

mod holder;
mod identity;
mod namespace;
mod ranges;
mod runtime_dir;

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use nix::unistd::geteuid;

pub use identity::{Identity, VARIABLES, identity};
pub use namespace::{IdMap, map_of, own_map};
pub use ranges::{SUBGID, SUBUID, of_name as ranges_of};
pub use runtime_dir::runtime_dir;

/// Where a command does its work, if an ordinary user gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// In the user namespace; it is entered, and made if need be.
    Namespace,
    /// What it does is seen only by who is in the namespaces already: `rpod unshare`.
    Inside,
    /// Where it was started.
    Nothing,
}

/// True for anyone but the host's root.
pub fn is_rootless() -> bool {
    identity().is_some()
}

/// Goes where the command does its work. `runroot` is where monitors may live that hold the namespaces.
pub fn enter(needs: Needs, command: &str, runroot: Option<&Path>) -> Result<()> {
    if geteuid().is_root() {
        return Ok(());
    }
    match needs {
        Needs::Nothing => Ok(()),
        Needs::Inside => bail!(
            "cannot run command \"rpod {command}\" in rootless mode, must execute `rpod unshare` first"
        ),
        Needs::Namespace => {
            let before = std::env::current_dir();
            let runtime = runtime_dir()?;
            holder::join(&runtime, runroot)?;
            identity::announce(&runtime);
            // The kernel has moved us to the root of the mount namespace.
            if let Ok(before) = before {
                std::env::set_current_dir(&before).with_context(|| {
                    format!(
                        "{} cannot be seen in the user namespace: change to another directory",
                        before.display()
                    )
                })?;
            }
            Ok(())
        }
    }
}

/// Ends the holder, so that the next command makes the namespaces anew. The caller has stopped all containers.
pub fn end_holder() -> Result<()> {
    holder::end(&runtime_dir()?)
}
