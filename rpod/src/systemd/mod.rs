//! At home in systemd: as its child, as its parent, and beside it.
//!
//! A unit starts rpod and is told how it goes ([`notify`]), hands it sockets ([`sockets`]); containers and pods get scopes and slices
//! ([`manager`]); a container's own init may be systemd ([`mode`]); units are written ([`generate`], [`quadlet`]).

pub mod auto_update;
mod bus;
pub mod generate;
pub mod journal;
pub mod manager;
mod message;
pub mod mode;
pub mod notify;
pub mod quadlet;
pub mod service;
pub mod sockets;

use std::path::Path;

/// sd_booted(3): systemd is this host's init.
pub fn is_init() -> bool {
    Path::new("/run/systemd/system").is_dir()
}

/// cgroup v2 is the only hierarchy, which is where podman lets systemd manage groups.
pub fn unified_cgroups() -> bool {
    Path::new("/sys/fs/cgroup/cgroup.controllers").exists()
}
