//! The network namespace in which an ordinary user's bridges are, since none can be made on the host.
//!
//! ```text
//! RUNROOT/rootless-netns/netns           the namespace, bound; it stands in for the host's in all that netavark does
//! RUNROOT/rootless-netns/netns.pid       pasta, which connects it to the host
//! RUNROOT/rootless-netns/resolv.conf     seen as /etc/resolv.conf by aardvark-dns
//! ```
//!
//! It is made for the first container with a bridge network and goes with the last, both under the lock of all networks.

use std::fs::{self, File};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, setns, unshare};

use super::user_mode::{self, Link};
use super::{connection, namespace};
use crate::engine::Context;
use crate::engine::container::overlay::is_mount_point;
use crate::store::directory::remove_tree;
use crate::store::record::{self, Durability};

/// A way into the namespace, for a process that is about to become another program.
#[derive(Debug)]
pub struct Entrance {
    netns: File,
    resolv_conf: PathBuf,
}

impl Entrance {
    /// Goes there for good: the network, and mounts of one's own in which the network's name servers are the host's.
    pub fn enter(&self) -> nix::Result<()> {
        setns(self.netns.as_fd(), CloneFlags::CLONE_NEWNET)?;
        unshare(CloneFlags::CLONE_NEWNS)?;
        let slave = MsFlags::MS_SLAVE | MsFlags::MS_REC;
        mount(None::<&str>, "/", None::<&str>, slave, None::<&str>)?;
        let bound = mount(
            Some(&self.resolv_conf),
            "/etc/resolv.conf",
            None::<&str>,
            MsFlags::MS_BIND,
            None::<&str>,
        );
        match bound {
            // A host without name servers has none to stand in for.
            Err(nix::errno::Errno::ENOENT) => Ok(()),
            other => other,
        }
    }
}

fn directory(ctx: &Context) -> PathBuf {
    ctx.store.runroot.join("rootless-netns")
}

fn netns(ctx: &Context) -> PathBuf {
    directory(ctx).join("netns")
}

fn link_file(ctx: &Context) -> PathBuf {
    directory(ctx).join("link.json")
}

/// For a person (`unshare --rootless-netns`): makes it if there is none, enters it, and holds off its end.
pub fn enter(ctx: &Context) -> Result<()> {
    let entrance = {
        let _lock = super::lock(ctx)?;
        ensure(ctx)?
    };
    entrance
        .enter()
        .context("entering the network namespace of the user's bridges")
}

/// The namespace, connected to the host. The caller holds the lock of all networks.
pub(super) fn ensure(ctx: &Context) -> Result<Entrance> {
    let path = netns(ctx);
    let is_there = path.exists() && is_mount_point(&path)?;
    if !is_there {
        namespace::make(&path)?;
    }
    if user_mode::living(&path)?.is_none() {
        connect(ctx, &path)?;
    }
    entrance(ctx)
}

/// The way in, if it is there.
pub(super) fn existing(ctx: &Context) -> Result<Option<Entrance>> {
    let path = netns(ctx);
    if path.exists() && is_mount_point(&path)? {
        return entrance(ctx).map(Some);
    }
    Ok(None)
}

fn entrance(ctx: &Context) -> Result<Entrance> {
    let path = netns(ctx);
    Ok(Entrance {
        netns: File::open(&path).with_context(|| format!("opening {}", path.display()))?,
        resolv_conf: directory(ctx).join("resolv.conf"),
    })
}

fn connect(ctx: &Context, path: &Path) -> Result<()> {
    let Some(mut mode) = user_mode::default_mode(ctx) else {
        bail!(
            "neither pasta nor slirp4netns is installed, so bridge networks of ordinary users lead nowhere: install passt"
        );
    };
    // With an address of its own, since a copy of the host's would hide the host from the containers.
    if mode.program == "pasta" && !mode.options.iter().any(|option| option == "-a") {
        let own = ["-a", "10.0.2.100", "-n", "24", "-g", "10.0.2.2"];
        mode.options.extend(own.map(str::to_owned));
    }
    user_mode::down(path)?;
    let link = user_mode::up(ctx, path, &mode, &[])?;
    let host = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let others = host
        .lines()
        .filter(|line| !line.trim().starts_with("nameserver"));
    let servers = link.dns.iter().map(|server| format!("nameserver {server}"));
    let text: Vec<String> = others.map(str::to_owned).chain(servers).collect();
    let resolv_conf = directory(ctx).join("resolv.conf");
    record::replace(
        &resolv_conf,
        (text.join("\n") + "\n").as_bytes(),
        Durability::Process,
    )?;
    record::save(&link_file(ctx), &link, Durability::Process)
}

/// What there is to know there of the host: its address and name servers.
pub fn link(ctx: &Context) -> Result<Link> {
    Ok(record::load_if_there(&link_file(ctx))?.unwrap_or_default())
}

/// Lets it go when no container is connected any more. The caller holds the lock of all networks.
pub(super) fn release(ctx: &Context) -> Result<()> {
    let directory = directory(ctx);
    let is_used = |connection: &connection::Connection| !connection.request.networks.is_empty();
    if !directory.exists() || connection::all(ctx)?.values().any(is_used) {
        return Ok(());
    }
    let path = netns(ctx);
    user_mode::down(&path)?;
    namespace::remove(&path)?;
    remove_tree(&directory)
}
