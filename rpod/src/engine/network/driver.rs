//! What can be asked of a network's driver and of who gives its addresses: podman-network-create(1), "--opt", "--ipam-driver".
//!
//! netavark takes what it does not know without a word, so what is newer than the oldest netavark about is asked of its version.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};

use super::create::Wanted;
use super::netavark;
use crate::engine::Context;
use crate::output::{parse_bool, parse_number};

/// Something that not every netavark can do.
struct Since {
    what: &'static str,
    major: u32,
    minor: u32,
}

const fn since(what: &'static str, major: u32, minor: u32) -> Since {
    Since { what, major, minor }
}

const METRIC: Since = since("the option metric", 1, 3);
const IPVLAN: Since = since("the driver ipvlan", 1, 5);
const DHCP: Since = since("the ipam driver dhcp", 1, 6);
const NO_DEFAULT_ROUTE: Since = since("the option no_default_route", 1, 7);
const ROUTES: Since = since("--route", 1, 7);
const STRICT: Since = since("the option isolate=strict", 1, 8);
const BCLIM: Since = since("the option bclim", 1, 8);
const VRF: Since = since("the option vrf", 1, 9);
const UNMANAGED: Since = since("the option mode=unmanaged", 1, 13);

/// The options as netavark has them. Docker's names are known, too.
pub(super) fn options(ctx: &Context, wanted: &Wanted) -> Result<BTreeMap<String, String>> {
    let driver = wanted.driver.as_str();
    let mut known = BTreeMap::new();
    for (key, value) in &wanted.options {
        let key = match key.as_str() {
            "com.docker.network.driver.mtu" => "mtu",
            "com.docker.network.bridge.name" => "bridge_name",
            other => other,
        };
        let mut value = value.clone();
        let range = |low: i64, high: i64| {
            let number: i64 = parse_number("Atoi", &value)?;
            if !(low..=high).contains(&number) {
                bail!(match key {
                    "mtu" if number < 0 => format!("mtu {number} is less than zero"),
                    "vlan" => format!("vlan ID {number} must be between {low} and {high}"),
                    _ => format!("invalid {key} {number}: a number from {low} to {high}"),
                });
            }
            Ok(())
        };
        match (driver, key) {
            (_, "mtu") => range(0, u32::MAX.into())?,
            (_, "metric") => {
                range(0, u32::MAX.into())?;
                require(ctx, METRIC)?;
            }
            (_, "no_default_route") => {
                value = truth(key, &value)?;
                require(ctx, NO_DEFAULT_ROUTE)?;
            }
            ("bridge", "vlan") => range(0, 4094)?,
            ("bridge", "isolate") if value == "strict" => require(ctx, STRICT)?,
            ("bridge", "isolate") => {
                value = truth(key, &value).context("failed to parse isolate option")?;
            }
            ("bridge", "vrf") => {
                if value.is_empty() {
                    bail!("the option vrf needs the name of a VRF");
                }
                require(ctx, VRF)?;
            }
            ("bridge", "mode") => match value.as_str() {
                "managed" => {}
                "unmanaged" => require(ctx, UNMANAGED)?,
                _ => bail!("unknown bridge mode {value:?}: managed or unmanaged"),
            },
            ("bridge", "bridge_name") | ("macvlan" | "ipvlan", "parent") => {}
            ("macvlan", "mode") => one_of(key, &value, &["bridge", "private", "vepa", "passthru"])?,
            ("ipvlan", "mode") => one_of(key, &value, &["l2", "l3", "l3s"])?,
            ("macvlan", "bclim") => {
                range(i32::MIN.into(), i32::MAX.into())?;
                require(ctx, BCLIM)?;
            }
            (driver, _) => bail!("unsupported {driver} network option {key}"),
        }
        known.insert(key.to_owned(), value);
    }
    Ok(known)
}

fn one_of(key: &str, value: &str, all: &[&str]) -> Result<()> {
    match all.contains(&value) {
        true => Ok(()),
        false => bail!("unknown {key} {value:?}: one of {}", all.join(", ")),
    }
}

fn truth(key: &str, value: &str) -> Result<String> {
    match parse_bool(value) {
        Some(truth) => Ok(truth.to_string()),
        None => {
            bail!("strconv.ParseBool: parsing {value:?}: invalid syntax: {key} is true or false")
        }
    }
}

/// Refuses drivers and routes that this netavark would not make.
pub(super) fn check(ctx: &Context, wanted: &Wanted) -> Result<()> {
    if !["bridge", "macvlan", "ipvlan"].contains(&wanted.driver.as_str()) {
        bail!(
            "unsupported driver {}: invalid argument: bridge, macvlan and ipvlan are known",
            wanted.driver
        );
    }
    if wanted.driver == "ipvlan" {
        require(ctx, IPVLAN)?;
    }
    if !wanted.routes.is_empty() {
        require(ctx, ROUTES)?;
    }
    if wanted.no_dns && !wanted.dns.is_empty() {
        bail!("--dns and --disable-dns cannot be used together");
    }
    if !wanted.dns.is_empty() && wanted.driver != "bridge" {
        bail!(
            "--dns: names are answered in bridge networks only, not by {}",
            wanted.driver
        );
    }
    Ok(())
}

/// Who gives the addresses: podman's choice where nothing is asked.
pub(super) fn ipam(ctx: &Context, wanted: &Wanted) -> Result<&'static str> {
    let has_subnets = !wanted.subnets.is_empty();
    let chosen = match (wanted.ipam.as_deref(), wanted.driver.as_str()) {
        (Some("host-local"), _) | (None | Some(""), "bridge") => "host-local",
        (None | Some(""), _) if has_subnets => "host-local",
        (None | Some(""), "ipvlan") => "none",
        (Some("none"), _) => "none",
        (Some("dhcp") | None | Some(""), _) => "dhcp",
        (Some(other), _) => {
            bail!("unsupported ipam driver {other:?}: dhcp, host-local or none")
        }
    };
    if chosen != "host-local" && has_subnets {
        bail!("{chosen} ipam driver is set but subnets are given");
    }
    if chosen == "host-local" && !has_subnets && wanted.driver != "bridge" {
        bail!(
            "{} driver needs at least one subnet specified when the host-local ipam driver is set",
            wanted.driver
        );
    }
    if chosen == "dhcp" {
        if wanted.driver == "ipvlan" {
            bail!("ipam driver dhcp is not supported with ipvlan");
        }
        require(ctx, DHCP).with_context(|| {
            format!(
                "a {} network without --subnet has its addresses by DHCP",
                wanted.driver
            )
        })?;
    }
    Ok(chosen)
}

fn require(ctx: &Context, needed: Since) -> Result<()> {
    let (major, minor) = netavark::version(ctx)?;
    if (major, minor) < (needed.major, needed.minor) {
        bail!(
            "{} needs netavark {}.{}, and this host has {major}.{minor}: install a newer one",
            needed.what,
            needed.major,
            needed.minor
        );
    }
    Ok(())
}
