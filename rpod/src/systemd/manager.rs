//! systemd's manager is asked for units that have no file: the monitor's scope, a pod's slice, the timer of a container's checks.
//!
//! What a call has started is seen to be there by its cgroup.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use super::bus::{call, is, sockets};
use super::message::{Properties, Value};
use crate::engine::container::record::Resources;
use crate::rootless::{Identity, identity};

const PATIENCE: Duration = Duration::from_secs(30);

/// True where a manager can be asked: the host's for root, their own for others.
pub fn is_there() -> bool {
    sockets().is_ok_and(|sockets| sockets.iter().any(|socket| socket.exists()))
}

/// Puts a process into a scope of its own, and waits until it is there.
pub fn scope(unit: &str, description: &str, slice: &str, pid: u32) -> Result<()> {
    let properties = vec![
        ("Description", text(description)),
        ("Slice", text(slice)),
        ("PIDs", Value::Numbers(vec![pid])),
        ("Delegate", Value::Bool(true)),
        ("DefaultDependencies", Value::Bool(false)),
    ];
    match start(unit, properties) {
        // The monitor of before is not quite gone, and this one, started by its clean-up, is in its scope already.
        Err(error) if is(&error, "UnitExists") => return Ok(()),
        other => other?,
    }
    let place = format!("/proc/{pid}/cgroup");
    until(unit, || {
        let groups = std::fs::read_to_string(&place)?;
        Ok(groups
            .lines()
            .any(|line| line.ends_with(&format!("/{unit}"))))
    })
}

/// Starts a slice with these limits; one that is there gets them.
pub fn slice(unit: &str, resources: &Resources) -> Result<()> {
    let mut properties = limits(resources);
    let result = start(unit, {
        let mut all = vec![
            ("Description", text("a pod of rpod's")),
            ("DefaultDependencies", Value::Bool(false)),
            ("MemoryAccounting", Value::Bool(true)),
            ("CPUAccounting", Value::Bool(true)),
            ("TasksAccounting", Value::Bool(true)),
            ("IOAccounting", Value::Bool(true)),
        ];
        all.append(&mut properties.clone());
        all
    });
    match result {
        Err(error) if is(&error, "UnitExists") && properties.is_empty() => Ok(()),
        Err(error) if is(&error, "UnitExists") => {
            let properties = Value::Properties(std::mem::take(&mut properties));
            call(
                "SetUnitProperties",
                &[text(unit), Value::Bool(true), properties],
            )
        }
        Err(error) => Err(error),
        Ok(()) => {
            let group = Path::new("/sys/fs/cgroup")
                .join(own_root()?)
                .join(expand(unit));
            until(unit, || Ok(group.is_dir()))
        }
    }
}

/// A command that is run now and then.
#[derive(Debug)]
pub struct Repeated {
    /// Its unit's name, without `.timer` or `.service`.
    pub name: String,
    pub description: String,
    /// The first word is an absolute path.
    pub command: Vec<String>,
    /// Variables, as `NAME=VALUE`; others are the manager's.
    pub environment: Vec<String>,
    /// Until it is run for the first time, and from its end to its next beginning.
    pub first: Duration,
    pub interval: Duration,
    /// The unit with which it ends.
    pub until: String,
}

/// Has systemd run a command by a timer, until another unit ends. The journal hears nothing of it but that it cannot be run.
pub fn repeat(repeated: Repeated) -> Result<()> {
    let micros = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let collected = ("CollectMode", text("inactive-or-failed"));
    let timer = vec![
        ("Description", text(&repeated.description)),
        ("BindsTo", Value::Texts(vec![repeated.until.clone()])),
        ("After", Value::Texts(vec![repeated.until])),
        (
            "TimersMonotonic",
            Value::Times(vec![
                ("OnActiveSec", micros(repeated.first)),
                ("OnUnitInactiveSec", micros(repeated.interval)),
            ]),
        ),
        (
            "AccuracyUSec",
            Value::U64(micros(repeated.interval / 10).clamp(1, 1_000_000)),
        ),
        ("RemainAfterElapse", Value::Bool(false)),
        collected.clone(),
    ];
    let service = vec![
        ("Description", text(&repeated.description)),
        ("Type", text("oneshot")),
        ("Environment", Value::Texts(repeated.environment)),
        ("ExecStart", Value::Command(repeated.command)),
        ("StandardOutput", text("null")),
        ("StandardError", text("null")),
        ("LogLevelMax", Value::I32(libc::LOG_WARNING)),
        // The timer says how often; what is started more than five times in ten seconds is else refused.
        ("StartLimitIntervalUSec", Value::U64(0)),
        // A command may leave what serves the container.
        ("KillMode", text("process")),
        collected,
    ];
    start_with(
        &format!("{}.timer", repeated.name),
        timer,
        vec![(format!("{}.service", repeated.name), service)],
    )
}

/// Ends a unit; one that is not there has ended.
pub fn stop(unit: &str) -> Result<()> {
    match call("StopUnit", &[text(unit), text("replace")]) {
        Err(error) if is(&error, "NoSuchUnit") => Ok(()),
        other => other,
    }
}

/// systemd's names for limits.
fn limits(resources: &Resources) -> Properties {
    let mut all = Vec::new();
    let number = |value: i64| Value::U64(u64::try_from(value).unwrap_or(u64::MAX));
    let mut add = |name, value: Option<Value>| all.extend(value.map(|value| (name, value)));
    add("MemoryMax", resources.memory.map(number));
    add("MemoryLow", resources.memory_reservation.map(number));
    let swap = match (resources.memory, resources.memory_and_swap()) {
        (_, Some(-1)) => Some(-1),
        (Some(memory), Some(both)) => Some(both - memory),
        (Some(_), None) | (None, _) => None,
    };
    add("MemorySwapMax", swap.map(number));
    add("TasksMax", resources.pids.map(number));
    add(
        "CPUWeight",
        resources
            .cpu_shares
            .map(|shares| Value::U64(crate::engine::cgroup::weight(shares))),
    );
    let quota = resources
        .cpu_quota
        .and_then(|quota| u64::try_from(quota).ok());
    let period = resources
        .cpu_period
        .filter(|period| *period > 0)
        .unwrap_or(100_000);
    add(
        "CPUQuotaPerSecUSec",
        quota.map(|quota| Value::U64(quota.saturating_mul(1_000_000) / period)),
    );
    add("CPUQuotaPeriodUSec", resources.cpu_period.map(Value::U64));
    add(
        "AllowedCPUs",
        resources
            .cpuset_cpus
            .as_deref()
            .and_then(bits)
            .map(Value::Bytes),
    );
    add(
        "AllowedMemoryNodes",
        resources
            .cpuset_mems
            .as_deref()
            .and_then(bits)
            .map(Value::Bytes),
    );
    all
}

/// `0-3,5` as a bit mask, lowest first.
fn bits(list: &str) -> Option<Vec<u8>> {
    let mut mask = Vec::new();
    for part in list
        .split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        for bit in first.parse::<usize>().ok()?..=last.parse::<usize>().ok()?.min(8191) {
            if mask.len() <= bit / 8 {
                mask.resize(bit / 8 + 1, 0);
            }
            mask[bit / 8] |= 1 << (bit % 8);
        }
    }
    Some(mask)
}

/// Where a slice lies: `a-b.slice` in `a.slice`.
fn expand(slice: &str) -> PathBuf {
    let name = slice.trim_end_matches(".slice");
    let ends = name
        .match_indices('-')
        .map(|(at, _)| at)
        .chain([name.len()]);
    ends.map(|end| format!("{}.slice", &name[..end])).collect()
}

/// The group of the manager that is asked, below the root of all groups.
fn own_root() -> Result<PathBuf> {
    // In the user namespace the user has another number.
    let Some(Identity { uid, .. }) = identity() else {
        return Ok(PathBuf::new());
    };
    let groups =
        std::fs::read_to_string("/proc/self/cgroup").context("reading /proc/self/cgroup")?;
    let service = format!("user@{uid}.service");
    let own = groups
        .lines()
        .find_map(|line| line.strip_prefix("0::/"))
        .unwrap_or_default();
    Ok(match own.split_once(&service) {
        Some((before, _)) => PathBuf::from(format!("{before}{service}")),
        None => PathBuf::from(format!("user.slice/user-{uid}.slice/{service}")),
    })
}

fn start(unit: &str, properties: Properties) -> Result<()> {
    start_with(unit, properties, Vec::new())
}

/// Starts a unit beside others that it may start.
fn start_with(unit: &str, properties: Properties, others: Vec<(String, Properties)>) -> Result<()> {
    let arguments = [
        text(unit),
        text("fail"),
        Value::Properties(properties),
        Value::Units(others),
    ];
    call("StartTransientUnit", &arguments)
}

fn text(text: &str) -> Value {
    Value::Text(text.to_owned())
}

fn until(unit: &str, holds: impl Fn() -> std::io::Result<bool>) -> Result<()> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if holds().with_context(|| format!("waiting for unit {unit}"))? {
            return Ok(());
        }
        if Instant::now() > deadline {
            bail!(
                "systemd did not start {unit} within {} s: see journalctl",
                PATIENCE.as_secs()
            );
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_lies_in_its_parents() {
        assert_eq!(
            expand("machine-rpod_pod_1.slice"),
            Path::new("machine.slice/machine-rpod_pod_1.slice")
        );
        assert_eq!(expand("user.slice"), Path::new("user.slice"));
    }

    #[test]
    fn limits_in_systemds_words() {
        let asked = Resources {
            memory: Some(1 << 20),
            pids: Some(-1),
            cpu_quota: Some(50_000),
            cpu_period: Some(100_000),
            cpuset_cpus: Some("0,9-10".into()),
            ..Resources::default()
        };
        let all = limits(&asked);
        let of = |name: &str| {
            all.iter()
                .find(|(given, _)| *given == name)
                .map(|(_, value)| value.clone())
        };
        assert_eq!(of("MemoryMax"), Some(Value::U64(1 << 20)));
        assert_eq!(of("MemorySwapMax"), Some(Value::U64(1 << 20)));
        assert_eq!(of("TasksMax"), Some(Value::U64(u64::MAX)));
        assert_eq!(of("CPUQuotaPerSecUSec"), Some(Value::U64(500_000)));
        assert_eq!(of("AllowedCPUs"), Some(Value::Bytes(vec![1, 6])));
    }
}
