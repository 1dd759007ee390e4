//! What systemd is told of a container: systemd.resource-control(5), in the form of its D-Bus interface.

use std::fs;

use anyhow::{Result, anyhow, bail};

use super::message::Value;
use super::variant;
use crate::annotations::Annotations;
use crate::cgroup::devices::Policy;
use crate::cgroup::v2::{cpu_weight, swap_max};
use crate::spec::{Cpu, DeviceRule, Memory, Resources};

pub(super) type Property = (String, Value);

const NO_LIMIT: u64 = u64::MAX;

/// The scope itself.
pub(super) fn of_scope(id: &str, slice: &str, unified: bool) -> Vec<Property> {
    let text = |name: &str, text: &str| (name.to_owned(), Value::text(text));
    let switch = |name: &str, on| (name.to_owned(), Value::Bool(on));
    vec![
        text("Description", &format!("rrunc container {id}")),
        text("Slice", slice),
        switch("Delegate", true),
        switch("DefaultDependencies", false),
        // Also when it fails: nobody is left behind who would forget it.
        text("CollectMode", "inactive-or-failed"),
        switch("MemoryAccounting", true),
        switch("CPUAccounting", true),
        switch("TasksAccounting", true),
        switch(
            if unified {
                "IOAccounting"
            } else {
                "BlockIOAccounting"
            },
            true,
        ),
    ]
}

/// The device rules, so that systemd does not take back what they allow when it reads its units anew; where systemd cannot express
/// them it is told to allow everything, and the container's own rules stand alone.
pub(super) fn of_devices(rules: &[DeviceRule]) -> Result<Vec<Property>> {
    let known = fs::read_to_string("/proc/devices").unwrap_or_default();
    let (policy, list) = match Policy::new(rules)?.allow_list(&known) {
        Some(list) => ("strict", list),
        None => ("auto", Vec::new()),
    };
    Ok(vec![
        ("DevicePolicy".to_owned(), Value::text(policy)),
        ("DeviceAllow".to_owned(), Value::Pairs(list)),
    ])
}

/// The limits that systemd knows; all are written to the group's files as well.
pub(super) fn of_resources(resources: &Resources, unified: bool) -> Result<Vec<Property>> {
    let mut properties = Vec::new();
    let mut set = |name: &str, value| properties.push((name.to_owned(), value));
    if let Some(memory) = &resources.memory {
        of_memory(memory, unified, &mut set)?;
    }
    if let Some(cpu) = &resources.cpu {
        of_cpu(cpu, unified, &mut set)?;
    }
    if let Some(limit) = resources
        .pids
        .as_ref()
        .and_then(|pids| pids.limit)
        .filter(|limit| *limit != 0)
    {
        set(
            "TasksMax",
            Value::U64(u64::try_from(limit).unwrap_or(NO_LIMIT)),
        );
    }
    if let (false, Some(weight)) = (
        unified,
        resources.block_io.as_ref().and_then(|io| io.weight),
    ) {
        set("BlockIOWeight", Value::U64(weight.into()));
    }
    for (file, text) in &resources.unified {
        for (name, value) in of_file(file, text)? {
            set(name, value);
        }
    }
    Ok(properties)
}

fn of_memory(memory: &Memory, unified: bool, set: &mut impl FnMut(&str, Value)) -> Result<()> {
    let bytes = |limit: Option<i64>| {
        limit
            .filter(|limit| *limit != 0)
            .map(|limit| Value::U64(u64::try_from(limit).unwrap_or(NO_LIMIT)))
    };
    if let Some(limit) = bytes(memory.limit) {
        set(if unified { "MemoryMax" } else { "MemoryLimit" }, limit);
    }
    if !unified {
        return Ok(());
    }
    if let Some(low) = bytes(memory.reservation) {
        set("MemoryLow", low);
    }
    if let Some(swap) = swap_max(memory.limit.unwrap_or(0), memory.swap.unwrap_or(0))? {
        set(
            "MemorySwapMax",
            Value::U64(swap.parse().unwrap_or(NO_LIMIT)),
        );
    }
    Ok(())
}

fn of_cpu(cpu: &Cpu, unified: bool, set: &mut impl FnMut(&str, Value)) -> Result<()> {
    if let Some(shares) = cpu.shares.filter(|shares| *shares != 0) {
        match unified {
            true => set("CPUWeight", Value::U64(cpu_weight(shares))),
            false => set("CPUShares", Value::U64(shares)),
        }
    }
    let period = cpu.period.filter(|period| *period != 0);
    if let Some(period) = period {
        set("CPUQuotaPeriodUSec", Value::U64(period));
    }
    if let Some(quota) = cpu.quota.filter(|quota| *quota != 0) {
        set("CPUQuotaPerSecUSec", Value::U64(per_second(quota, period)));
    }
    if let (true, Some(cpus)) = (unified, cpu.cpus.as_deref().filter(|cpus| !cpus.is_empty())) {
        set("AllowedCPUs", Value::Bytes(mask(cpus)?));
    }
    if let (true, Some(nodes)) = (
        unified,
        cpu.mems.as_deref().filter(|nodes| !nodes.is_empty()),
    ) {
        set("AllowedMemoryNodes", Value::Bytes(mask(nodes)?));
    }
    Ok(())
}

/// A quota in microseconds of each second. systemd takes steps of 10 ms, and would round down to nothing.
fn per_second(quota: i64, period: Option<u64>) -> u64 {
    match u64::try_from(quota) {
        Ok(quota) => (quota.saturating_mul(1_000_000) / period.unwrap_or(100_000).max(1))
            .next_multiple_of(10_000),
        Err(_) => NO_LIMIT,
    }
}

/// A file of `unified` that systemd has properties for.
fn of_file(file: &str, text: &str) -> Result<Vec<(&'static str, Value)>> {
    let number = |text: &str| match text.trim() {
        "max" => Ok(NO_LIMIT),
        number => number.parse::<u64>().map_err(|_| {
            anyhow!("linux.resources.unified.{file}: {text:?} is no number and not max")
        }),
    };
    let one = |name| Ok(vec![(name, Value::U64(number(text)?))]);
    match file {
        "memory.max" => one("MemoryMax"),
        "memory.high" => one("MemoryHigh"),
        "memory.low" => one("MemoryLow"),
        "memory.min" => one("MemoryMin"),
        "memory.swap.max" => one("MemorySwapMax"),
        "pids.max" => one("TasksMax"),
        "cpu.weight" => one("CPUWeight"),
        "cpuset.cpus" => Ok(vec![("AllowedCPUs", Value::Bytes(mask(text)?))]),
        "cpuset.mems" => Ok(vec![("AllowedMemoryNodes", Value::Bytes(mask(text)?))]),
        "cpu.max" => {
            let (quota, period) = text
                .trim()
                .split_once(' ')
                .unwrap_or((text.trim(), "100000"));
            let (quota, period) = (number(quota)?, number(period)?);
            let quota = per_second(i64::try_from(quota).unwrap_or(-1), Some(period));
            Ok(vec![
                ("CPUQuotaPeriodUSec", Value::U64(period)),
                ("CPUQuotaPerSecUSec", Value::U64(quota)),
            ])
        }
        _ => Ok(Vec::new()),
    }
}

/// `0-2,5` as a mask, the lowest byte first.
fn mask(list: &str) -> Result<Vec<u8>> {
    let mut mask = Vec::new();
    for range in list.trim().split(',') {
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let (Ok(first), Ok(last)) = (first.trim().parse::<u16>(), last.trim().parse::<u16>())
        else {
            bail!("linux.resources.cpu: {list:?} is no list of numbers and ranges");
        };
        for number in usize::from(first)..=usize::from(last) {
            if mask.len() <= number / 8 {
                mask.resize(number / 8 + 1, 0);
            }
            mask[number / 8] |= 1 << (number % 8);
        }
    }
    Ok(mask)
}

/// `org.systemd.property.NAME`, the value in GVariant's text form; a NAME in `Sec` is given in seconds.
///
/// # Errors
/// A name that no property has, or a value that cannot be read.
pub(super) fn of_annotations(annotations: &Annotations) -> Result<Vec<Property>> {
    let mut properties = Vec::new();
    for (annotation, text) in annotations {
        let Some(name) = annotation.strip_prefix("org.systemd.property.") else {
            continue;
        };
        if name.len() < 3 || !name.bytes().all(|byte| byte.is_ascii_alphabetic()) {
            bail!("annotations.{annotation}: {name:?} is no name of a systemd property");
        }
        let value = variant::parse(text)
            .map_err(|error| error.context(format!("annotations.{annotation}: {text:?}")))?;
        properties.push(
            match name.strip_suffix("Sec").filter(|base| !base.ends_with('U')) {
                Some(base) => (format!("{base}USec"), microseconds(annotation, &value)?),
                None => (name.to_owned(), value),
            },
        );
    }
    Ok(properties)
}

fn microseconds(annotation: &str, value: &Value) -> Result<Value> {
    let seconds = match value {
        Value::I32(seconds) => f64::from(*seconds),
        Value::U32(seconds) => f64::from(*seconds),
        Value::I64(seconds) => *seconds as f64,
        Value::U64(seconds) => *seconds as f64,
        Value::F64(seconds) => *seconds,
        _ => bail!("annotations.{annotation}: not a number of seconds"),
    };
    Ok(Value::U64((seconds * 1e6) as u64))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn lists_become_masks() {
        assert_eq!(mask("0-2,5").unwrap(), [0b10_0111]);
        assert_eq!(mask("8").unwrap(), [0, 1]);
        assert!(mask("a").is_err());
    }

    #[test]
    fn quotas_are_counted_for_a_second() {
        assert_eq!(per_second(25_000, Some(50_000)), 500_000);
        assert_eq!(per_second(1, None), 10_000);
        assert_eq!(per_second(-1, None), NO_LIMIT);
    }

    #[test]
    fn annotations_set_properties() {
        let one = |name: &str, text: &str| {
            of_annotations(&[(name.to_owned(), text.to_owned())].into()).ok()
        };
        let is = |name: &str, value| Some(vec![(name.to_owned(), value)]);
        assert_eq!(
            one("org.systemd.property.TimeoutStopSec", "10"),
            is("TimeoutStopUSec", Value::U64(10_000_000))
        );
        assert_eq!(
            one("org.systemd.property.TimeoutStopUSec", "uint64 5"),
            is("TimeoutStopUSec", Value::U64(5))
        );
        assert_eq!(
            one("org.systemd.property.KillMode", "'mixed'"),
            is("KillMode", Value::text("mixed"))
        );
        assert_eq!(one("org.systemd.property.9x", "1"), None);
        assert_eq!(one("org.example", "?"), Some(Vec::new()));
    }

    #[test]
    fn limits_become_properties() {
        let resources = Resources {
            memory: Some(Memory {
                limit: Some(100),
                swap: Some(300),
                ..Memory::default()
            }),
            cpu: Some(Cpu {
                shares: Some(1024),
                ..Cpu::default()
            }),
            ..Resources::default()
        };
        let named = |name: &str, value| (name.to_owned(), Value::U64(value));
        assert_eq!(
            of_resources(&resources, true).unwrap(),
            [
                named("MemoryMax", 100),
                named("MemorySwapMax", 200),
                named("CPUWeight", 100)
            ]
        );
        assert_eq!(
            of_resources(&resources, false).unwrap(),
            [named("MemoryLimit", 100), named("CPUShares", 1024)]
        );
    }
}
