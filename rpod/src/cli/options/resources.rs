//! How much the container may use.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::bundle;
use crate::engine::container::record::Container;

#[derive(Args, Debug)]
pub(super) struct ResourceOptions {
    /// Block IO weight (relative weight), between 10 and 1000
    #[arg(long, value_name = "WEIGHT")]
    blkio_weight: Option<u16>,
    /// Block IO weight of a device
    #[arg(long, value_name = "DEVICE:WEIGHT")]
    blkio_weight_device: Vec<String>,
    /// Configure cgroup v2
    #[arg(long, value_name = "FILE=VALUE")]
    cgroup_conf: Vec<String>,
    /// Add a rule to the cgroup's list of allowed devices
    #[arg(long, value_name = "TYPE MAJOR:MINOR ACCESS")]
    device_cgroup_rule: Vec<String>,
    /// Limit read rate from a device, in bytes a second
    #[arg(long, value_name = "DEVICE:SIZE")]
    device_read_bps: Vec<String>,
    /// Limit read rate from a device, in operations a second
    #[arg(long, value_name = "DEVICE:N")]
    device_read_iops: Vec<String>,
    /// Limit write rate to a device, in bytes a second
    #[arg(long, value_name = "DEVICE:SIZE")]
    device_write_bps: Vec<String>,
    /// Limit write rate to a device, in operations a second
    #[arg(long, value_name = "DEVICE:N")]
    device_write_iops: Vec<String>,
    /// Tune the container's memory swappiness, 0 to 100: cgroup v1 only
    #[arg(long, value_name = "N")]
    memory_swappiness: Option<u64>,
    /// Disable the OOM killer for the container: cgroup v1 only
    #[arg(long)]
    oom_kill_disable: bool,
    /// Control container cgroup configuration (enabled, disabled, no-conmon, split)
    #[arg(long, value_name = "MODE", value_parser = ["enabled", "disabled", "no-conmon", "split"], default_value = "enabled")]
    cgroups: String,
    /// Optional parent cgroup for the container
    #[arg(long, value_name = "CGROUP")]
    cgroup_parent: Option<String>,
    /// CPU shares (relative weight)
    #[arg(short, long, value_name = "SHARES")]
    cpu_shares: Option<u64>,
    /// Limit CPU CFS period, in microseconds
    #[arg(long, value_name = "USEC")]
    cpu_period: Option<u64>,
    /// Limit CPU CFS quota, in microseconds
    #[arg(long, value_name = "USEC")]
    cpu_quota: Option<i64>,
    /// Number of CPUs
    #[arg(long, value_name = "N")]
    cpus: Option<f64>,
    /// CPUs in which to allow execution (0-3, 0,1)
    #[arg(long, value_name = "CPUS")]
    cpuset_cpus: Option<String>,
    /// Memory nodes in which to allow execution (0-3, 0,1)
    #[arg(long, value_name = "NODES")]
    cpuset_mems: Option<String>,
    /// Memory limit
    #[arg(short, long, value_name = "SIZE")]
    memory: Option<String>,
    /// Memory soft limit
    #[arg(long, value_name = "SIZE")]
    memory_reservation: Option<String>,
    /// Swap limit equal to memory plus swap: -1 for unlimited
    #[arg(long, value_name = "SIZE")]
    memory_swap: Option<String>,
    /// Tune the host's OOM preferences (-1000 to 1000)
    #[arg(long, value_name = "SCORE", allow_hyphen_values = true)]
    oom_score_adj: Option<i32>,
    /// Tune container pids limit: -1 for unlimited
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pids_limit: Option<i64>,
    /// Ulimit options
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    ulimit: Vec<String>,
}

impl ResourceOptions {
    pub(super) fn apply(&self, c: &mut Container) -> Result<()> {
        let resources = &mut c.resources;
        let size = |text: &Option<String>| text.as_deref().map(bytes).transpose();
        resources.memory = size(&self.memory)?;
        resources.memory_swap = size(&self.memory_swap)?;
        resources.memory_reservation = size(&self.memory_reservation)?;
        if self.cpus.is_some() && (self.cpu_period.is_some() || self.cpu_quota.is_some()) {
            bail!("--cpu-period and --cpu-quota cannot be set together with --cpus");
        }
        (resources.cpu_period, resources.cpu_quota) = match self.cpus {
            Some(cpus) => (Some(100_000), Some((cpus * 100_000.0) as i64)),
            None => (self.cpu_period, self.cpu_quota),
        };
        resources.cpu_shares = self.cpu_shares;
        (resources.cpuset_cpus, resources.cpuset_mems) =
            (self.cpuset_cpus.clone(), self.cpuset_mems.clone());
        resources.pids = self.pids_limit;
        resources.oom_score_adj = self.oom_score_adj;
        resources.ulimits = self
            .ulimit
            .iter()
            .map(|text| bundle::parse_ulimit(text))
            .collect::<Result<_>>()?;
        resources.cgroup_parent = self.cgroup_parent.clone();
        resources.no_cgroup = self.cgroups == "disabled";
        resources.split_cgroup = self.cgroups == "split";
        if resources.split_cgroup && !crate::systemd::unified_cgroups() {
            bail!(
                "--cgroups=split needs cgroup v2 alone, and this host has v1: use --cgroups=enabled"
            );
        }
        resources.monitor_stays = self.cgroups == "no-conmon";
        resources.oom_kill_disable = self.oom_kill_disable;
        resources.memory_swappiness = self.memory_swappiness;
        let v2 = std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        if v2 && (self.oom_kill_disable || self.memory_swappiness.is_some()) {
            bail!(
                "--oom-kill-disable and --memory-swappiness need cgroup v1, and this host has v2"
            );
        }
        if self.memory_swappiness.is_some_and(|percent| percent > 100) {
            bail!("--memory-swappiness: between 0 and 100");
        }
        self.devices(c)
    }

    fn devices(&self, c: &mut Container) -> Result<()> {
        let resources = &mut c.resources;
        for text in &self.device_cgroup_rule {
            bundle::parse_device_rule(text)?;
        }
        resources.device_rules = self.device_cgroup_rule.clone();
        for text in &self.cgroup_conf {
            let (file, value) = text
                .split_once('=')
                .with_context(|| format!("--cgroup-conf {text:?}: write FILE=VALUE"))?;
            resources.unified.insert(file.to_owned(), value.to_owned());
        }
        let is_weight = |weight: u64| (10..=1000).contains(&weight);
        if self
            .blkio_weight
            .is_some_and(|weight| !is_weight(weight.into()))
        {
            bail!("--blkio-weight: range of weight is from 10 to 1000");
        }
        let io = &mut resources.block_io;
        io.weight = self.blkio_weight;
        let all = |texts: &[String]| {
            texts
                .iter()
                .map(|text| per_device(text))
                .collect::<Result<Vec<_>>>()
        };
        io.weight_device = all(&self.blkio_weight_device)?;
        if io
            .weight_device
            .iter()
            .any(|(_, weight)| !is_weight(*weight))
        {
            bail!("--blkio-weight-device: range of weight is from 10 to 1000");
        }
        io.read_bps = all(&self.device_read_bps)?;
        io.read_iops = all(&self.device_read_iops)?;
        io.write_bps = all(&self.device_write_bps)?;
        io.write_iops = all(&self.device_write_iops)?;
        Ok(())
    }
}

/// `/dev/x:VALUE`
pub(in crate::cli) fn per_device(text: &str) -> Result<(String, u64)> {
    let wrong = || format!("bad format {text:?}: write /dev/DEVICE:VALUE");
    let (device, value) = text.rsplit_once(':').with_context(wrong)?;
    if !device.starts_with("/dev/") {
        bail!(wrong());
    }
    let value = u64::try_from(bytes(value)?).ok().with_context(wrong)?;
    Ok((device.to_owned(), value))
}

/// `64m`, `1g`, `512`, `-1`: bytes.
pub(in crate::cli) fn bytes(text: &str) -> Result<i64> {
    let lower = text.trim().to_ascii_lowercase();
    let number = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &lower[number.len()..] {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => 1024.0 * 1024.0,
        "g" | "gb" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "t" | "tb" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => bail!("invalid size: {text:?}"),
    };
    let number: f64 = number
        .trim()
        .parse()
        .with_context(|| format!("invalid size: {text:?}"))?;
    Ok((number * unit) as i64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(bytes("64m").unwrap(), 64 << 20);
        assert_eq!(bytes("1.5g").unwrap(), 3 << 29);
        assert_eq!(bytes("-1").unwrap(), -1);
        assert!(bytes("1q").is_err() && bytes("").is_err());
    }
}
