//! `/etc/hosts` of a container: what was asked for, what it begins with, and who is in its network.

use std::fmt::Write as _;
use std::fs;
use std::io::{ErrorKind, Write as _};
use std::net::IpAddr;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::files::Addresses;
use super::hostname;
use super::rootfs::Rootfs;
use crate::engine::Context;
use crate::engine::container::record::{Container, Namespace};
use crate::store::Lock;

/// What the file begins with: podman-run(1), "--hosts-file".
pub(super) fn base(ctx: &Context, container: &Container) -> Result<String> {
    let configured = ctx
        .config
        .containers_conf
        .containers
        .base_hosts_file
        .as_deref();
    let path = match (container.network.hosts_file.as_str(), configured) {
        ("", Some(configured)) if !configured.is_empty() => configured,
        ("", _) => "/etc/hosts",
        (asked, _) => asked,
    };
    match path {
        "none" => Ok(String::new()),
        "image" => {
            let rootfs = Rootfs::open(&container.home(ctx).join("rootfs"))?;
            Ok(rootfs.read("/etc/hosts")?.unwrap_or_default())
        }
        // A host without the file that nobody asked for is no error.
        "/etc/hosts" => Ok(fs::read_to_string(path).unwrap_or_default()),
        path => fs::read_to_string(path).with_context(|| format!("reading hosts file {path}")),
    }
}

/// The file of a container that has its own. A name that was asked for, or that the base has, is not told again.
pub(super) fn text(container: &Container, base: &str, addresses: &Addresses) -> Result<String> {
    let mut text = String::new();
    let mut known = Vec::new();
    for added in &container.network.add_hosts {
        let (names, address) = parse(added)?;
        let address = match address {
            "host-gateway" => addresses
                .host
                .with_context(|| {
                    format!("--add-host {added}: the container has no network in which the host has an address")
                })?
                .to_string(),
            address => address.to_owned(),
        };
        let names: Vec<_> = names.map(str::to_owned).collect();
        writeln!(text, "{address}\t{}", names.join(" "))?;
        known.extend(names);
    }
    for line in base.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace().map(str::to_owned);
        let (Some(address), names) = (words.next(), words.collect::<Vec<_>>()) else {
            continue;
        };
        if !names.is_empty() {
            writeln!(text, "{address}\t{}", names.join(" "))?;
            known.extend(names);
        }
    }
    let mut add = |address: IpAddr, names: &[&str]| -> Result<()> {
        let new: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| !known.iter().any(|known| known == name))
            .collect();
        if !new.is_empty() {
            writeln!(text, "{address}\t{}", new.join(" "))?;
        }
        Ok(())
    };
    add([127, 0, 0, 1].into(), &["localhost"])?;
    add([0u16, 0, 0, 0, 0, 0, 0, 1].into(), &["localhost"])?;
    if let Some(host) = addresses.host {
        add(host, &["host.containers.internal", "host.docker.internal"])?;
    }
    let own = hostname(container);
    let names = [own.as_str(), &container.name];
    if addresses.own.is_empty() && container.namespaces.net == Namespace::Private {
        add([127, 0, 0, 1].into(), &names)?;
    }
    for address in &addresses.own {
        add(*address, &names)?;
    }
    Ok(text)
}

/// Fails for what cannot be added.
pub fn check(added: &str) -> Result<()> {
    parse(added).map(drop)
}

/// `host[;host…]:ip`, or `host-gateway` in the place of the address.
fn parse(added: &str) -> Result<(impl Iterator<Item = &str>, &str)> {
    let (names, address) = added
        .split_once(':')
        .filter(|(names, _)| !names.is_empty())
        .with_context(|| format!("bad format for add-host: {added:?}: write HOST[;HOST…]:IP"))?;
    if names.split(';').any(str::is_empty) {
        bail!("hostname in add-host {added:?} is empty");
    }
    if address != "host-gateway" && address.parse::<IpAddr>().is_err() {
        bail!("invalid IP address in add-host: {address:?}");
    }
    Ok((names.split(';'), address))
}

/// Takes the lines of a container's former addresses out of its file, and puts those of its present ones in.
pub(super) fn readdress(
    path: &Path,
    container: &Container,
    before: &[IpAddr],
    now: &[IpAddr],
) -> Result<()> {
    let names = format!("{} {}", hostname(container), container.name);
    let lines = |addresses: &[IpAddr]| -> Vec<String> {
        let addresses = addresses.iter();
        addresses.map(|ip| format!("{ip}\t{names}")).collect()
    };
    let (gone, new) = (lines(before), lines(now));
    change(path, |text| {
        let kept = text
            .lines()
            .filter(|line| !gone.iter().any(|own| own == line));
        let new = new.iter().map(String::as_str);
        Some(kept.chain(new).map(|line| format!("{line}\n")).collect())
    })
}

/// Adds a container to the file of the one whose network it shares.
pub(super) fn enter(path: &Path, container: &Container) -> Result<()> {
    let line = line(container);
    change(path, |text| {
        (!text.lines().any(|other| other == line)).then(|| format!("{text}{line}\n"))
    })
}

/// Takes a container that has ended out of the file again.
pub fn leave(path: &Path, container: &Container) -> Result<()> {
    let line = line(container);
    change(path, |text| {
        let kept = text.lines().filter(|other| **other != line);
        text.lines()
            .any(|other| other == line)
            .then(|| kept.map(|line| format!("{line}\n")).collect())
    })
}

fn line(container: &Container) -> String {
    format!("127.0.0.1\t{}", container.name)
}

/// In place: the file is bound into containers, which would go on seeing an old one. A file that is gone stays so.
pub(super) fn change(path: &Path, change: impl FnOnce(&str) -> Option<String>) -> Result<()> {
    let changing = || format!("changing {}", path.display());
    let mut file = match fs::OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(changing),
    };
    let _lock = Lock::exclusive(path)?;
    let old = fs::read_to_string(path).with_context(changing)?;
    if let Some(new) = change(&old) {
        file.write_all(new.as_bytes()).with_context(changing)?;
        file.set_len(new.len() as u64).with_context(changing)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn container(name: &str) -> Container {
        Container {
            id: "a".repeat(64),
            name: name.into(),
            ..Container::default()
        }
    }

    #[test]
    fn a_container_without_network_knows_itself() {
        let mut container = container("top");
        container.network.add_hosts.push("db;sql:10.0.0.2".into());
        let base = "# the host\n127.0.0.1 localhost here # and there\n";
        let text = text(&container, base, &Addresses::default()).unwrap();
        assert_eq!(
            text,
            "10.0.0.2\tdb sql\n127.0.0.1\tlocalhost here\n127.0.0.1\taaaaaaaaaaaa top\n"
        );
    }

    #[test]
    fn what_can_be_added() {
        assert!(parse("a:::1").is_ok() && parse("a;b:host-gateway").is_ok());
        assert!(parse("a").is_err() && parse("a:b").is_err() && parse("a;:1.2.3.4").is_err());
    }

    #[test]
    fn addresses_change() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts");
        fs::write(&path, "10.0.0.2\taaaaaaaaaaaa top\n10.0.0.2\tother\n").unwrap();
        let ip = |text: &str| -> Vec<IpAddr> { vec![text.parse().unwrap()] };
        let top = container("top");
        readdress(&path, &top, &ip("10.0.0.2"), &ip("10.0.0.3")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "10.0.0.2\tother\n10.0.0.3\taaaaaaaaaaaa top\n");
    }

    #[test]
    fn members_come_and_go() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("hosts");
        enter(&path, &container("one")).unwrap();
        assert!(!path.exists());
        fs::write(&path, "127.0.0.1\tlocalhost\n").unwrap();
        for name in ["one", "two", "one"] {
            enter(&path, &container(name)).unwrap();
        }
        leave(&path, &container("one")).unwrap();
        let text = fs::read_to_string(&path).unwrap();
        assert_eq!(text, "127.0.0.1\tlocalhost\n127.0.0.1\ttwo\n");
    }
}
