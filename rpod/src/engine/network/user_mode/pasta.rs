//! pasta(1): the container gets a copy of the host's interface, with its addresses and routes.

use std::net::IpAddr;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, bail};

use super::{Link, addresses_in, host_address, name_servers, pid_file, program};
use crate::engine::Context;
use crate::engine::network::forward;
use crate::engine::network::port::Mapping;

/// What the container asks for names; pasta asks the host's name server. podman's address for it.
const DNS: &str = "169.254.1.1";
/// Where the host is, in versions that map an address of our choice to it. podman's address for it.
const HOST: &str = "169.254.1.2";

/// Options of `--network pasta:OPTION,…` are pasta's own, but for those by which it is told whom to serve.
pub fn check(options: &[String]) -> Result<()> {
    const OURS: [&str; 9] = [
        "--netns",
        "--userns",
        "--netns-only",
        "--config-net",
        "--pid",
        "-P",
        "--foreground",
        "-f",
        "--fd",
    ];
    for option in options {
        let name = option
            .split_once('=')
            .map_or(option.as_str(), |(name, _)| name);
        if OURS.contains(&name) {
            bail!("--network pasta:{option}: rpod sets {name} by itself");
        }
    }
    Ok(())
}

pub fn up(ctx: &Context, netns: &Path, options: &[String], ports: &[Mapping]) -> Result<Link> {
    let chosen_host = value_of(options, "--map-guest-addr");
    let mut knows_host = true;
    let mut output = match chosen_host {
        Some(_) => run(ctx, netns, &arguments(options, ports))?,
        None => {
            let mut arguments = arguments(options, ports);
            arguments.extend(["--map-guest-addr", HOST].map(str::to_owned));
            run(ctx, netns, &arguments)?
        }
    };
    let unknown = |said: &[u8]| {
        String::from_utf8_lossy(said).contains("unrecognized option '--map-guest-addr'")
    };
    if chosen_host.is_none() && !output.status.success() && unknown(&output.stderr) {
        // One of 2023 or older. It brings answers by UDP back to few callers, so rpod forwards that itself.
        knows_host = false;
        let (udp, rest): (Vec<_>, Vec<_>) = ports
            .iter()
            .cloned()
            .partition(|port| port.protocol == "udp");
        output = run(ctx, netns, &arguments(options, &rest))?;
        if output.status.success() {
            forward::start(netns, &udp, &addresses_in(netns)?)?;
        }
    }
    if !output.status.success() {
        bail!("pasta: {}", reason(&output.stderr));
    }
    let addresses = addresses_in(netns)?;
    let host = match knows_host {
        true => chosen_host.or_else(|| HOST.parse().ok()),
        // Whoever maps the gateway to the host finds the host there.
        false if options.iter().any(|option| option == "--map-gw") => gateway(netns)?,
        false => host_address(&addresses),
    };
    let forwarder = value_of(options, "--dns-forward").or_else(|| DNS.parse().ok());
    Ok(Link {
        addresses,
        host,
        dns: name_servers(forwarder),
    })
}

/// It stays in the background once the namespace is connected.
fn run(ctx: &Context, netns: &Path, arguments: &[String]) -> Result<Output> {
    let program = program(ctx, "pasta")?;
    Command::new(&program)
        .args(arguments)
        .arg("--pid")
        .arg(pid_file(netns))
        .arg("--netns")
        .arg(netns)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .output()
        .with_context(|| format!("starting {}", program.display()))
}

/// Without options of the person's, as podman: nothing is forwarded but what is published, and the gateway is not the host.
fn arguments(options: &[String], ports: &[Mapping]) -> Vec<String> {
    let mut all: Vec<String> = ["--config-net", "--quiet"].map(str::to_owned).into();
    let given = |names: &[&str]| {
        options.iter().any(|option| {
            let name = option
                .split_once('=')
                .map_or(option.as_str(), |(name, _)| name);
            names.contains(&name)
        })
    };
    let or_default = |names: [&str; 2], value: &str| {
        let words = [names[0].to_owned(), value.to_owned()];
        match given(&names) {
            true => Vec::new(),
            false => Vec::from(words),
        }
    };
    all.extend(or_default(["--dns-forward", "--dns-forward"], DNS));
    all.extend(or_default(["-T", "--tcp-ns"], "none"));
    all.extend(or_default(["-U", "--udp-ns"], "none"));
    for (names, protocol) in [
        (["-t", "--tcp-ports"], "tcp"),
        (["-u", "--udp-ports"], "udp"),
    ] {
        let mut published = ports
            .iter()
            .filter(|port| port.protocol == protocol)
            .peekable();
        if published.peek().is_none() {
            all.extend(or_default(names, "none"));
        }
        for port in published {
            all.extend([names[0].to_owned(), spec(port)]);
        }
    }
    all.extend((!given(&["--map-gw", "--no-map-gw"])).then(|| "--no-map-gw".to_owned()));
    // --map-gw is podman's word for leaving --no-map-gw out.
    all.extend(
        options
            .iter()
            .filter(|option| *option != "--map-gw")
            .cloned(),
    );
    all
}

/// `[ADDRESS/]FIRST[-LAST]:FIRST[-LAST]`
fn spec(port: &Mapping) -> String {
    let span = |first: u16| match port.range {
        0 | 1 => first.to_string(),
        more => format!("{first}-{}", first + (more - 1)),
    };
    let address = match port.host_ip.as_str() {
        "" => String::new(),
        ip => format!("{ip}/"),
    };
    format!(
        "{address}{}:{}",
        span(port.host_port),
        span(port.container_port)
    )
}

fn value_of(options: &[String], name: &str) -> Option<IpAddr> {
    let at = options.iter().position(|option| option == name)?;
    options.get(at + 1)?.parse().ok()
}

/// The last line that is not about its own logging.
fn reason(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said).into_owned();
    let lines = text.lines().map(str::trim);
    let mut told = lines.filter(|line| !line.is_empty() && !line.contains("to syslog"));
    told.next_back()
        .unwrap_or("it ended without a word")
        .to_owned()
}

/// The way out of a namespace: `/proc/net/route` has addresses in hexadecimal, the last byte first.
fn gateway(netns: &Path) -> Result<Option<IpAddr>> {
    let text = super::namespace::within(netns, || {
        std::fs::read_to_string("/proc/self/net/route").context("reading routes")
    })?;
    Ok(text.lines().find_map(|line| {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let (to, by) = (fields.next()?, fields.next()?);
        let bytes = u32::from_str_radix(by, 16).ok()?.to_le_bytes();
        (to == "00000000").then(|| IpAddr::from(bytes))
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::engine::network::port::parse;

    fn told(options: &[&str], ports: &[&str]) -> String {
        let options: Vec<String> = options.iter().map(|text| (*text).to_owned()).collect();
        let ports: Vec<Mapping> = ports.iter().flat_map(|text| parse(text).unwrap()).collect();
        arguments(&options, &ports).join(" ")
    }

    #[test]
    fn ports_are_pastas() {
        assert_eq!(
            told(&[], &["127.0.0.1:8080:80", "1000-1002:2000-2002/udp"]),
            "--config-net --quiet --dns-forward 169.254.1.1 -T none -U none -t 127.0.0.1/8080:80 -u 1000-1002:2000-2002 --no-map-gw"
        );
    }

    #[test]
    fn what_is_asked_for_replaces_defaults() {
        let said = told(
            &["--map-gw", "-T", "5432", "--dns-forward", "10.0.2.3"],
            &[],
        );
        assert_eq!(
            said,
            "--config-net --quiet -U none -t none -u none -T 5432 --dns-forward 10.0.2.3"
        );
        assert!(check(&["--netns=/x".to_owned()]).is_err() && check(&["-I".to_owned()]).is_ok());
    }
}
