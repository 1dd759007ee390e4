//! rlimits and cgroup limits.

use std::os::unix::fs::MetadataExt as _;

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;
use nix::sys::resource::{RLIM_INFINITY, Resource, getrlimit, setrlimit};
use nix::sys::stat::{major, minor};
use serde_json::{Value, json};

use crate::engine::Context;
use crate::engine::container::record::{Container, Resources, Ulimit};
use crate::output::parse_number;

/// podman's default for what containers.conf leaves open.
const DEFAULT_NOFILE: u64 = 1_048_576;
const DEFAULT_NPROC: u64 = 1_048_576;
/// Every limit as the caller has it.
pub const HOST: &str = "host";
const DEFAULT_PIDS: i64 = 2048;

/// `name=soft[:hard]`, where -1 is unlimited, or `host`.
pub fn parse(text: &str) -> Result<Ulimit> {
    parse_one(text).with_context(|| {
        format!("ulimit option {text:?} requires name=SOFT:HARD, failed to be parsed")
    })
}

fn parse_one(text: &str) -> Result<Ulimit> {
    if text == HOST {
        return Ok(Ulimit {
            name: HOST.to_owned(),
            soft: -1,
            hard: -1,
        });
    }
    let shape = || format!("invalid ulimit argument: {text}: write name=soft[:hard]");
    let (name, values) = text.split_once('=').with_context(shape)?;
    resource(name).with_context(|| format!("invalid ulimit type: {name}"))?;
    let (soft, hard) = values.split_once(':').unwrap_or((values, values));
    if hard.contains(':') {
        bail!("too many limit value arguments - {values}, can only have up to two, `soft[:hard]`");
    }
    let number = |value: &str| {
        if value == "unlimited" {
            Ok(-1)
        } else {
            parse_number("ParseInt", value)
        }
    };
    let limit = Ulimit {
        name: name.to_owned(),
        soft: number(soft)?,
        hard: number(hard)?,
    };
    if limit.hard != -1 && (limit.soft == -1 || limit.soft > limit.hard) {
        let both = match limit.soft {
            -1 => format!("soft: -1 (unlimited), hard: {}", limit.hard),
            soft => format!("{soft} > {}", limit.hard),
        };
        bail!("ulimit soft limit must be less than or equal to hard limit: {both}");
    }
    Ok(limit)
}

/// What was asked for as it was asked, what was not as podman's defaults say, clamped to what the caller may set.
pub(super) fn rlimits(ctx: &Context, asked: &[Ulimit], privileged: bool) -> Result<Vec<Value>> {
    let mut all = Vec::new();
    for limit in asked.iter().filter(|limit| limit.name != HOST) {
        let wanted = (value(limit.soft), value(limit.hard));
        let may = ceiling(resource(&limit.name).context("an unknown ulimit")?)?;
        if wanted.1 > may {
            bail!(
                "ulimit {}: the hard limit {} is above the caller's own {may}, and raising it needs CAP_SYS_RESOURCE: ask for at most {may}",
                limit.name,
                limit.hard
            );
        }
        all.push(entry(&limit.name, wanted));
    }
    if asked.iter().any(|limit| limit.name == HOST)
        || privileged && asked.is_empty() && crate::engine::rootless()
    {
        return Ok(all);
    }
    let configured: Vec<Ulimit> = match &ctx.config.containers_conf.containers.default_ulimits {
        Some(list) => list
            .iter()
            .map(|text| parse(text).context("containers.conf: default_ulimits"))
            .collect::<Result<_>>()?,
        None => Vec::new(),
    };
    let mut defaults: Vec<(String, u64, u64)> = configured
        .into_iter()
        .map(|limit| (limit.name, value(limit.soft), value(limit.hard)))
        .collect();
    for (name, wanted) in [("nofile", DEFAULT_NOFILE), ("nproc", DEFAULT_NPROC)] {
        if !defaults.iter().any(|(given, ..)| given == name) {
            defaults.push((name.to_owned(), wanted, wanted));
        }
    }
    for (name, soft, hard) in defaults {
        if asked.iter().any(|limit| limit.name == name) {
            continue;
        }
        let may = ceiling(resource(&name).context("an unknown ulimit")?)?;
        all.push(entry(&name, (soft.min(may), hard.min(may))));
    }
    Ok(all)
}

/// The highest hard limit that this process may give: its own, or any if the kernel lets it raise that.
fn ceiling(resource: Resource) -> Result<u64> {
    let (soft, hard) = getrlimit(resource).with_context(|| format!("reading {resource:?}"))?;
    if hard == RLIM_INFINITY {
        return Ok(hard);
    }
    // The kernel is asked, not the capability set: a user namespace may lack what the set seems to give.
    match setrlimit(resource, soft, hard + 1) {
        Ok(()) => {
            setrlimit(resource, soft, hard).with_context(|| format!("restoring {resource:?}"))?;
            Ok(RLIM_INFINITY)
        }
        Err(Errno::EPERM) => Ok(hard),
        Err(errno) => Err(errno).with_context(|| format!("trying {resource:?}")),
    }
}

fn entry(name: &str, (soft, hard): (u64, u64)) -> Value {
    json!({ "type": format!("RLIMIT_{}", name.to_ascii_uppercase()), "soft": soft, "hard": hard })
}

fn value(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(RLIM_INFINITY)
}

fn resource(name: &str) -> Option<Resource> {
    Some(match name {
        "as" => Resource::RLIMIT_AS,
        "core" => Resource::RLIMIT_CORE,
        "cpu" => Resource::RLIMIT_CPU,
        "data" => Resource::RLIMIT_DATA,
        "fsize" => Resource::RLIMIT_FSIZE,
        "locks" => Resource::RLIMIT_LOCKS,
        "memlock" => Resource::RLIMIT_MEMLOCK,
        "msgqueue" => Resource::RLIMIT_MSGQUEUE,
        "nice" => Resource::RLIMIT_NICE,
        "nofile" => Resource::RLIMIT_NOFILE,
        "nproc" => Resource::RLIMIT_NPROC,
        "rss" => Resource::RLIMIT_RSS,
        "rtprio" => Resource::RLIMIT_RTPRIO,
        "rttime" => Resource::RLIMIT_RTTIME,
        "sigpending" => Resource::RLIMIT_SIGPENDING,
        "stack" => Resource::RLIMIT_STACK,
        _ => return None,
    })
}

/// How many processes it may have; nothing is without end.
pub fn pids(asked: &Resources) -> Option<i64> {
    Some(asked.pids.unwrap_or(DEFAULT_PIDS)).filter(|limit| *limit > 0)
}

/// `linux.resources`.
pub(super) fn resources(container: &Container, devices: Vec<Value>) -> Result<Value> {
    let asked = &container.resources;
    if asked.no_cgroup {
        return Ok(json!({}));
    }
    let mut json = json!({ "devices": devices });
    if let Some(limit) = pids(asked) {
        json["pids"] = json!({ "limit": limit });
    }
    let mut set = |group: &str, key: &str, value: Option<Value>| {
        if let Some(value) = value {
            json[group][key] = value;
        }
    };
    set("memory", "limit", asked.memory.map(Value::from));
    set("memory", "swap", asked.memory_and_swap().map(Value::from));
    set(
        "memory",
        "reservation",
        asked.memory_reservation.map(Value::from),
    );
    set("cpu", "shares", asked.cpu_shares.map(Value::from));
    set("cpu", "quota", asked.cpu_quota.map(Value::from));
    set("cpu", "period", asked.cpu_period.map(Value::from));
    set(
        "cpu",
        "realtimePeriod",
        asked.cpu_rt_period.map(Value::from),
    );
    set(
        "cpu",
        "realtimeRuntime",
        asked.cpu_rt_runtime.map(Value::from),
    );
    set("cpu", "cpus", asked.cpuset_cpus.clone().map(Value::from));
    set("cpu", "mems", asked.cpuset_mems.clone().map(Value::from));
    set(
        "memory",
        "disableOOMKiller",
        asked.oom_kill_disable.then_some(Value::Bool(true)),
    );
    set(
        "memory",
        "swappiness",
        asked.memory_swappiness.map(Value::from),
    );
    for (key, rates) in [
        ("throttleReadBpsDevice", &asked.block_io.read_bps),
        ("throttleWriteBpsDevice", &asked.block_io.write_bps),
        ("throttleReadIOPSDevice", &asked.block_io.read_iops),
        ("throttleWriteIOPSDevice", &asked.block_io.write_iops),
    ] {
        set("blockIO", key, by_device(rates, "rate")?);
    }
    set("blockIO", "weight", asked.block_io.weight.map(Value::from));
    let weights = by_device(&asked.block_io.weight_device, "weight")?;
    set("blockIO", "weightDevice", weights);
    if !asked.unified.is_empty() {
        json["unified"] = json!(asked.unified);
    }
    Ok(json)
}

/// Nothing where nothing was asked for.
fn by_device(values: &[(String, u64)], key: &str) -> Result<Option<Value>> {
    let entries = values.iter().map(|(path, value)| {
        let about = std::fs::metadata(path).with_context(|| format!("device {path}"))?;
        let number = about.rdev();
        Ok(json!({ "major": major(number), "minor": minor(number), key: value }))
    });
    let entries = entries.collect::<Result<Vec<Value>>>()?;
    Ok((!entries.is_empty()).then(|| entries.into()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ulimits_are_parsed() {
        assert_eq!(
            parse("nofile=10:20").unwrap(),
            Ulimit {
                name: "nofile".into(),
                soft: 10,
                hard: 20
            }
        );
        assert_eq!(parse("core=-1").unwrap().hard, -1);
        assert!(
            parse("nofile=30:20").is_err() && parse("wings=2").is_err() && parse("nofile").is_err()
        );
    }
}
