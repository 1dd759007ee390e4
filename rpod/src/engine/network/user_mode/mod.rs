//! Networks of ordinary users, who may make no interface of the host's: a program takes a namespace's packets from a tap device and
//! does with sockets of its own what they ask for.
//!
//! It is started when the namespace has been made and ended before it goes. `NETNS.pid` beside the namespace is its pid and start
//! time; it watches the namespace, too, and ends by itself when that is gone.

mod pasta;
mod slirp4netns;

use std::ffi::OsString;
use std::fs;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::{Deserialize, Serialize};

use super::port::Mapping;
use super::{forward, helper, namespace};
use crate::engine::Context;
use crate::engine::container::record::UserMode;
use crate::pidfd;
use crate::process::has_argument;
use crate::store::directory::remove_if_there;

pub use pasta::check as check_pasta;
pub use slirp4netns::check as check_slirp4netns;

/// Files beside a namespace: the program's pid, what it says, where it is told of ports.
const PID: &str = ".pid";
const LOG: &str = ".log";
const API: &str = ".api";

/// What a container finds in such a network.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Link {
    pub addresses: Vec<IpAddr>,
    /// Where the host can be reached.
    pub host: Option<IpAddr>,
    pub dns: Vec<IpAddr>,
}

/// The program with the options that containers.conf has for it, before those that are asked for: the last one counts.
pub fn mode(ctx: &Context, program: &str, asked: Vec<String>) -> UserMode {
    let conf = &ctx.config.containers_conf;
    let options = match program {
        "pasta" => &conf.network.pasta_options,
        _ => &conf.engine.network_cmd_options,
    };
    let mut options = options.clone().unwrap_or_default();
    options.extend(asked);
    UserMode {
        program: program.to_owned(),
        options,
    }
}

/// What an ordinary user's containers get that ask for no network; nothing if none of the programs is installed.
pub fn default_mode(ctx: &Context) -> Option<UserMode> {
    let network = &ctx.config.containers_conf.network;
    let pasta = || mode(ctx, "pasta", Vec::new());
    let slirp4netns = || mode(ctx, "slirp4netns", Vec::new());
    match network.default_rootless_network_cmd.as_deref() {
        Some("slirp4netns") => Some(slirp4netns()),
        Some("pasta") => Some(pasta()),
        _ if program(ctx, "pasta").is_ok() => Some(pasta()),
        _ if program(ctx, "slirp4netns").is_ok() => Some(slirp4netns()),
        _ => None,
    }
}

/// Connects a namespace to the host, and ports of the host to it.
pub fn up(ctx: &Context, netns: &Path, mode: &UserMode, ports: &[Mapping]) -> Result<Link> {
    if let Some(other) = ports.iter().find(|port| port.protocol == "sctp") {
        bail!(
            "cannot publish {}: {} can't forward protocol: sctp: publish it as root",
            other.shown(),
            mode.program
        );
    }
    match mode.program.as_str() {
        "pasta" => pasta::up(ctx, netns, &mode.options, ports),
        _ => slirp4netns::up(ctx, netns, &mode.options, ports),
    }
}

/// A program was started for the namespace, and not ended since.
pub fn was_asked_for(netns: &Path) -> bool {
    pid_file(netns).exists()
}

/// Ends the program: when this returns its ports are free, so that they can be published again. One that has ended is no error.
pub fn down(netns: &Path) -> Result<()> {
    forward::stop(netns)?;
    if let Some(program) = living(netns)? {
        pidfd::end(&program).context("ending the network's program")?;
    }
    for ending in [LOG, API, PID] {
        let file = with_ending(netns, ending);
        remove_if_there(&file)?;
    }
    Ok(())
}

/// The program while it runs: what has its pid is a program that was started for this namespace.
pub fn living(netns: &Path) -> Result<Option<OwnedFd>> {
    let text = fs::read_to_string(pid_file(netns)).unwrap_or_default();
    let Some(Ok(pid)) = text.split_ascii_whitespace().next().map(str::parse) else {
        return Ok(None);
    };
    let Some(program) = pidfd::open(pid)? else {
        return Ok(None);
    };
    Ok(has_argument(pid, netns.as_os_str()).then_some(program))
}

fn pid_file(netns: &Path) -> PathBuf {
    with_ending(netns, PID)
}

fn with_ending(netns: &Path, ending: &str) -> PathBuf {
    let mut name = OsString::from(netns);
    name.push(ending);
    name.into()
}

fn program(ctx: &Context, name: &str) -> Result<PathBuf> {
    helper(ctx, name).with_context(|| {
        format!(
            "--network {name}: {name} is not installed: install it, or say --network none or host"
        )
    })
}

/// Addresses of this machine by which a container may reach it: none that the container has itself, and none that lead to the
/// container's own self.
fn host_address(except: &[IpAddr]) -> Option<IpAddr> {
    let all = addresses().unwrap_or_default();
    all.into_iter()
        .find(|address| address.is_ipv4() && !except.contains(address))
}

/// Addresses that lead somewhere, of the namespace that this process is in.
fn addresses() -> nix::Result<Vec<IpAddr>> {
    let all = nix::ifaddrs::getifaddrs()?.filter_map(|interface| {
        let address = interface.address?;
        let v4 = address
            .as_sockaddr_in()
            .map(|address| IpAddr::V4(address.ip()));
        let v6 = || {
            address
                .as_sockaddr_in6()
                .map(|address| IpAddr::V6(address.ip()))
        };
        v4.or_else(v6)
    });
    let leads = |address: &IpAddr| match address {
        IpAddr::V4(v4) => !v4.is_loopback() && !v4.is_link_local(),
        IpAddr::V6(v6) => !v6.is_loopback() && !v6.is_unicast_link_local(),
    };
    Ok(all.filter(leads).collect())
}

/// The same of a namespace by its file.
fn addresses_in(netns: &Path) -> Result<Vec<IpAddr>> {
    let text = namespace::within(netns, || {
        let all = addresses().context("reading interfaces' addresses")?;
        let words: Vec<String> = all.iter().map(ToString::to_string).collect();
        Ok(words.join(" "))
    })?;
    let all = text.split_ascii_whitespace().map(str::parse);
    all.collect::<Result<_, _>>()
        .context("reading interfaces' addresses")
}

/// The host's name servers that a container can reach, behind one that forwards to all of them.
fn name_servers(forwarder: Option<IpAddr>) -> Vec<IpAddr> {
    let text = fs::read_to_string("/etc/resolv.conf").unwrap_or_default();
    let lines = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("nameserver"));
    let servers = lines.filter_map(|rest| rest.trim().parse::<IpAddr>().ok());
    let reached = servers.filter(|server| !server.is_loopback());
    forwarder.into_iter().chain(reached).collect()
}
