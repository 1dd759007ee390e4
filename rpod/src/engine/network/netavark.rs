//! netavark: what it is told on standard input, what it answers on standard output.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write as _;
use std::net::IpAddr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use super::port::Mapping;
use super::{Network, helper, shared};
use crate::engine::{Context, rootless};
use crate::output::log;

/// A container's place in all its networks.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Request {
    pub container_id: String,
    pub container_name: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub port_mappings: Vec<Mapping>,
    pub networks: BTreeMap<String, Place>,
    pub network_info: BTreeMap<String, Network>,
    /// Whom the networks' name server asks for what it does not know; empty for the host's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dns_servers: Vec<IpAddr>,
}

/// A container's place in one network.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Place {
    pub static_ips: Vec<IpAddr>,
    pub aliases: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub static_mac: Option<String>,
    pub interface_name: String,
}

/// What came of it, by network.
pub type Answer = BTreeMap<String, Status>;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    pub dns_search_domains: Vec<String>,
    pub dns_server_ips: Vec<IpAddr>,
    pub interfaces: BTreeMap<String, Interface>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Interface {
    pub subnets: Vec<Address>,
    pub mac_address: String,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Address {
    pub ipnet: ipnet::IpNet,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
}

#[derive(Clone, Copy, Debug)]
pub enum Action {
    Setup,
    Teardown,
}

impl Action {
    fn as_str(self) -> &'static str {
        match self {
            Action::Setup => "setup",
            Action::Teardown => "teardown",
        }
    }
}

/// Whether bridges can be made on this host.
pub fn is_installed(ctx: &Context) -> bool {
    helper(ctx, "netavark").is_ok()
}

pub fn run(ctx: &Context, action: Action, namespace: &Path, request: &Request) -> Result<Answer> {
    let entrance = match (rootless(), action) {
        (false, _) => None,
        (true, Action::Setup) => Some(shared::ensure(ctx)?),
        // Where the bridges were is gone, and they with it.
        (true, Action::Teardown) => match shared::existing(ctx)? {
            Some(entrance) => Some(entrance),
            None => return Ok(Answer::new()),
        },
    };
    let program_path = helper(ctx, "netavark")
        .context("netavark is not installed, so there are no bridge networks: install it, or use --network none or host")?;
    let mut command = Command::new(&program_path);
    command
        .arg("--config")
        .arg(ctx.store.runroot.join("networks"))
        .arg(format!("--rootless={}", entrance.is_some()));
    if let Ok(aardvark) = helper(ctx, "aardvark-dns") {
        let mut option = OsString::from("--aardvark-binary=");
        option.push(aardvark);
        command.arg(option);
    }
    log::starting(&command);
    let mut request = request.clone();
    if let Some(entrance) = entrance {
        // A process of our own forwards ports: those of the namespace are not the host's.
        request.port_mappings.clear();
        command.env(
            "XTABLES_LOCKFILE",
            ctx.store.runroot.join("networks/xtables.lock"),
        );
        // SAFETY: between fork and exec of a process with one thread; it makes system calls on what is open already.
        unsafe { command.pre_exec(move || Ok(entrance.enter()?)) };
    }
    // Killed in the middle, rpod is to leave nobody at work whom the next command would meet: that undoes what is half made.
    // SAFETY: one system call between fork and exec.
    unsafe { command.pre_exec(|| Ok(nix::sys::prctl::set_pdeathsig(Signal::SIGKILL)?)) };
    let mut child = command
        .arg(action.as_str())
        .arg(namespace)
        .env("PATH", path_with_sbin())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", program_path.display()))?;
    let told = child
        .stdin
        .take()
        .context("netavark has no standard input")?
        .write_all(&serde_json::to_vec(&request)?);
    let output = child.wait_with_output().context("waiting for netavark")?;
    if !output.status.success() {
        bail!("netavark: {}", reason(&output.stdout, &output.stderr));
    }
    told.context("telling netavark what to do")?;
    if output.stdout.iter().all(u8::is_ascii_whitespace) {
        return Ok(Answer::new());
    }
    serde_json::from_slice(&output.stdout).context("reading netavark's answer")
}

/// The version of the netavark that is installed: major, minor.
pub(super) fn version(ctx: &Context) -> Result<(u32, u32)> {
    let program = helper(ctx, "netavark")
        .context("netavark is not installed, so there are no such networks: install it")?;
    let output = Command::new(&program)
        .arg("--version")
        .output()
        .with_context(|| format!("starting {}", program.display()))?;
    let said = String::from_utf8_lossy(&output.stdout);
    let numbers = said
        .trim()
        .rsplit(' ')
        .next()
        .unwrap_or_default()
        .splitn(3, '.');
    let numbers: Vec<u32> = numbers
        .take(2)
        .filter_map(|text| text.parse().ok())
        .collect();
    match numbers[..] {
        [major, minor] => Ok((major, minor)),
        _ => bail!("{} --version says {:?}", program.display(), said.trim()),
    }
}

/// Tells those who answer a network's names which servers to ask themselves.
pub(super) fn update(ctx: &Context, network: &str, servers: &[IpAddr]) -> Result<()> {
    let program = helper(ctx, "netavark")?;
    let list: Vec<_> = servers.iter().map(ToString::to_string).collect();
    let output = Command::new(&program)
        .arg("--config")
        .arg(ctx.store.runroot.join("networks"))
        .args(["update", network, "--network-dns-servers", &list.join(",")])
        .output()
        .with_context(|| format!("starting {}", program.display()))?;
    if !output.status.success() {
        bail!("netavark: {}", reason(&output.stdout, &output.stderr));
    }
    Ok(())
}

/// It says why in JSON; what its own helpers say goes to standard error.
fn reason(stdout: &[u8], stderr: &[u8]) -> String {
    #[derive(Deserialize)]
    struct Said {
        error: String,
    }
    match serde_json::from_slice::<Said>(stdout) {
        Ok(said) => said.error,
        Err(_) => String::from_utf8_lossy(stderr).trim().to_owned(),
    }
}

/// iptables and nft are where ordinary people's PATH does not go.
fn path_with_sbin() -> OsString {
    let mut path = std::env::var_os("PATH").unwrap_or_default();
    path.push(":/usr/sbin:/sbin");
    path
}
