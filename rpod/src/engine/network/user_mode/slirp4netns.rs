//! slirp4netns(1): a network of its own behind the program, with the container at its hundredth address.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::{AsRawFd as _, OwnedFd};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use ipnet::Ipv4Net;
use nix::fcntl::{FcntlArg, FdFlag, OFlag, fcntl};
use nix::sys::stat::Mode;
use serde_json::{Value, json};

use super::{API, LOG, Link, host_address, name_servers, pid_file, program, with_ending};
use crate::engine::Context;
use crate::engine::network::port::Mapping;
use crate::engine::network::{forward, namespace};
use crate::process::start_ticks;
use crate::store::record::{self, Durability};

/// podman-run(1), "--network", slirp4netns.
#[derive(Debug)]
struct Options {
    allow_host_loopback: bool,
    mtu: u32,
    cidr: Ipv4Net,
    ipv6: bool,
    outbound: Option<String>,
    outbound6: Option<String>,
    /// Ports are forwarded by the program itself, which keeps their callers' addresses.
    own_ports: bool,
}

impl Options {
    fn parse(given: &[String]) -> Result<Options> {
        let mut options = Options {
            allow_host_loopback: false,
            mtu: 65520,
            cidr: Ipv4Net::new_assert(Ipv4Addr::new(10, 0, 2, 0), 24),
            ipv6: true,
            outbound: None,
            outbound6: None,
            own_ports: false,
        };
        for option in given {
            let (key, value) = option.split_once('=').unwrap_or((option, ""));
            let wrong = || format!("--network slirp4netns:{option}: invalid value {value:?}");
            let truth = || match value {
                "true" => Ok(true),
                "false" => Ok(false),
                _ => bail!(wrong()),
            };
            match key {
                "allow_host_loopback" => options.allow_host_loopback = truth()?,
                "enable_ipv6" => options.ipv6 = truth()?,
                "mtu" => options.mtu = value.parse().with_context(wrong)?,
                "cidr" => options.cidr = value.parse().with_context(wrong)?,
                "outbound_addr" => options.outbound = Some(value.to_owned()),
                "outbound_addr6" => options.outbound6 = Some(value.to_owned()),
                "port_handler" => {
                    options.own_ports = match value {
                        "slirp4netns" => true,
                        "rootlesskit" => false,
                        _ => bail!("unknown port_handler for slirp4netns: {value:?}"),
                    }
                }
                _ => bail!("unknown option for slirp4netns: {option:?}"),
            }
        }
        Ok(options)
    }

    /// The n-th address of its network: 2 is the gateway, 3 the name server, 100 the container.
    fn address(&self, n: u32) -> IpAddr {
        Ipv4Addr::from(u32::from(self.cidr.network()).wrapping_add(n)).into()
    }
}

pub fn check(options: &[String]) -> Result<()> {
    Options::parse(options).map(drop)
}

pub fn up(ctx: &Context, netns: &Path, options: &[String], ports: &[Mapping]) -> Result<Link> {
    let options = Options::parse(options)?;
    let directory = open_directory(netns)?;
    let socket = with_ending(netns, API);
    // A socket's name may have no more than 108 bytes: by its directory's descriptor it is short for both sides.
    let name = socket.file_name().unwrap_or_default();
    let api = Path::new("/proc/self/fd")
        .join(directory.as_raw_fd().to_string())
        .join(name);
    // The kernel would keep an IPv6 address back for a second, to see whether somebody else has it. If that cannot be changed, it does.
    let patience = options
        .ipv6
        .then(|| set_patience(netns, "0").ok())
        .flatten();
    let started = start(ctx, netns, &options, &api);
    if let Some(before) = patience {
        set_patience(netns, &before)?;
    }
    started?;
    let own = options.address(100);
    if options.own_ports {
        for port in ports {
            expose(&api, port, own)?;
        }
    } else {
        forward::start(netns, ports, &[own])?;
    }
    let host = match options.allow_host_loopback {
        true => Some(options.address(2)),
        false => host_address(&[own]),
    };
    Ok(Link {
        addresses: vec![own],
        host,
        dns: name_servers(Some(options.address(3))),
    })
}

/// Sets how often a new interface's address is looked for before it is used, and tells how it was.
fn set_patience(netns: &Path, times: &str) -> Result<String> {
    const ACCEPT_DAD: &str = "/proc/sys/net/ipv6/conf/default/accept_dad";
    namespace::within(netns, || {
        let before = std::fs::read_to_string(ACCEPT_DAD).context(ACCEPT_DAD)?;
        std::fs::write(ACCEPT_DAD, times).context(ACCEPT_DAD)?;
        Ok(before)
    })
}

/// The directory of `netns`, for slirp4netns too: not closed on exec.
fn open_directory(netns: &Path) -> Result<OwnedFd> {
    let directory = netns.parent().unwrap_or(netns);
    nix::fcntl::open(directory, OFlag::O_PATH | OFlag::O_DIRECTORY, Mode::empty())
        .with_context(|| format!("opening {}", directory.display()))
}

/// Starts it and waits until the interface is there. It stays in the background.
fn start(ctx: &Context, netns: &Path, options: &Options, api: &Path) -> Result<()> {
    let program = program(ctx, "slirp4netns")?;
    let (ready, theirs) = nix::unistd::pipe().context("making a pipe to slirp4netns")?;
    // Only its own end goes to the program.
    fcntl(&ready, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).context("making a pipe to slirp4netns")?;
    let log_path = with_ending(netns, LOG);
    let log = File::create(&log_path).with_context(|| format!("making {}", log_path.display()))?;
    // One that was killed has left its socket.
    let _ = std::fs::remove_file(api);
    let mut command = Command::new(&program);
    command.args(["--configure", "--enable-sandbox", "--enable-seccomp"]);
    command.arg(format!("--mtu={}", options.mtu));
    command.arg(format!("--cidr={}", options.cidr));
    command.arg(format!("--ready-fd={}", theirs.as_raw_fd()));
    if !options.allow_host_loopback {
        command.arg("--disable-host-loopback");
    }
    if options.ipv6 {
        command.arg("--enable-ipv6");
    }
    for (name, value) in [
        ("outbound-addr", &options.outbound),
        ("outbound-addr6", &options.outbound6),
    ] {
        if let Some(value) = value {
            command.arg(format!("--{name}={value}"));
        }
    }
    if options.own_ports {
        command.arg("--api-socket").arg(api);
    }
    command.arg("--netns-type=path").arg(netns).arg("tap0");
    command
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(log.try_clone().context("duplicating a log")?)
        .stderr(log);
    let child = command
        .spawn()
        .with_context(|| format!("starting {}", program.display()))?;
    drop(theirs);
    let pid = i32::try_from(child.id())?;
    let ticks = start_ticks(pid).unwrap_or_default();
    record::replace(
        &pid_file(netns),
        format!("{pid}\n{ticks}\n").as_bytes(),
        Durability::Process,
    )?;
    if !says_ready(ready)? {
        let said = std::fs::read_to_string(&log_path).unwrap_or_default();
        bail!(
            "slirp4netns: {}",
            said.lines().last().unwrap_or("it ended without a word")
        );
    }
    Ok(())
}

fn says_ready(pipe: OwnedFd) -> Result<bool> {
    let mut byte = [0];
    let size = File::from(pipe)
        .read(&mut byte)
        .context("hearing of slirp4netns")?;
    Ok(size == 1)
}

/// slirp4netns(1), "API SOCKET".
fn expose(api: &Path, port: &Mapping, guest: IpAddr) -> Result<()> {
    let failed = || format!("publishing {} by slirp4netns", port.shown());
    for offset in 0..port.range {
        let request = json!({ "execute": "add_hostfwd", "arguments": {
            "proto": port.protocol,
            "host_addr": if port.host_ip.is_empty() { "0.0.0.0" } else { &port.host_ip },
            "host_port": port.host_port + offset,
            "guest_addr": guest,
            "guest_port": port.container_port + offset,
        }});
        let mut socket = UnixStream::connect(api).with_context(failed)?;
        socket
            .write_all(request.to_string().as_bytes())
            .with_context(failed)?;
        socket
            .shutdown(std::net::Shutdown::Write)
            .with_context(failed)?;
        let mut answer = String::new();
        socket.read_to_string(&mut answer).with_context(failed)?;
        let answer: Value = serde_json::from_str(&answer).with_context(failed)?;
        if let Some(error) = answer.get("error") {
            bail!(
                "{}: {}",
                failed(),
                error["desc"].as_str().unwrap_or("it is refused")
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn options_are_podmans() {
        let parse = |list: &[&str]| {
            Options::parse(
                &list
                    .iter()
                    .map(|text| (*text).to_owned())
                    .collect::<Vec<_>>(),
            )
        };
        let options = parse(&["cidr=10.9.0.0/24", "mtu=1500", "port_handler=slirp4netns"]).unwrap();
        assert_eq!(options.address(100).to_string(), "10.9.0.100");
        assert!(options.own_ports && options.ipv6 && !options.allow_host_loopback);
        for bad in [
            "cidr=x",
            "fly=1",
            "mtu=",
            "enable_ipv6=maybe",
            "port_handler=x",
        ] {
            assert!(parse(&[bad]).is_err(), "{bad}");
        }
    }
}
