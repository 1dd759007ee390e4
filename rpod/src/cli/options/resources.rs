//! How much the container may use.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::bundle;
use crate::engine::container::record::Container;

#[derive(Args, Debug)]
pub(super) struct ResourceOptions {
    /// Control container cgroup configuration (enabled, disabled)
    #[arg(long, value_name = "MODE", value_parser = ["enabled", "disabled"], default_value = "enabled")]
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
        Ok(())
    }
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
