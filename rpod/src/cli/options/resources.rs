//! How much the container may use.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::limits::{self, LimitOptions};
use crate::bundle;
use crate::config::Containers;
use crate::engine::container::record::Container;
use crate::output::parse_size;

const CGROUPS: [&str; 4] = ["enabled", "disabled", "no-conmon", "split"];

#[derive(Args, Debug)]
pub(super) struct ResourceOptions {
    #[command(flatten)]
    limits: LimitOptions,
    /// Configure cgroup v2
    #[arg(long, value_name = "FILE=VALUE", value_delimiter = ',')]
    cgroup_conf: Vec<String>,
    /// Add a rule to the cgroup's list of allowed devices
    #[arg(long, value_name = "TYPE MAJOR:MINOR ACCESS", value_delimiter = ',')]
    device_cgroup_rule: Vec<String>,
    /// Disable the OOM killer for the container: cgroup v1 only
    #[arg(long)]
    oom_kill_disable: bool,
    /// Control container cgroup configuration (enabled, disabled, no-conmon, split)
    #[arg(long, value_name = "MODE")]
    cgroups: Option<String>,
    /// Optional parent cgroup for the container
    #[arg(long, value_name = "CGROUP")]
    cgroup_parent: Option<String>,
    /// Tune the host's OOM preferences (-1000 to 1000)
    #[arg(long, value_name = "SCORE")]
    oom_score_adj: Option<i32>,
    /// Class of Service (COS) that the container should be assigned to
    #[arg(long, value_name = "CLASS")]
    rdt_class: Option<String>,
    /// Ulimit options
    #[arg(long, value_name = "NAME=SOFT[:HARD]", value_delimiter = ',')]
    ulimit: Vec<String>,
}

impl ResourceOptions {
    pub(super) fn apply(&self, conf: &Containers, c: &mut Container) -> Result<()> {
        let resources = &mut c.resources;
        resources.pids = conf.pids_limit;
        self.limits.apply(resources)?;
        resources.oom_score_adj = self.oom_score_adj.or(conf.oom_score_adj);
        resources.ulimits = self
            .ulimit
            .iter()
            .map(|text| bundle::parse_ulimit(text))
            .collect::<Result<_>>()?;
        resources.rdt_class = self.rdt_class.clone();
        resources.cgroup_parent = self.cgroup_parent.clone();
        let configured = conf.cgroups.as_deref().filter(|mode| !mode.is_empty());
        let asked = self.cgroups.as_deref().filter(|mode| !mode.is_empty());
        let cgroups = asked.or(configured).unwrap_or("enabled");
        if !CGROUPS.contains(&cgroups) {
            bail!(
                "running container create option: invalid cgroup mode {cgroups:?}: invalid argument: one of {}",
                CGROUPS.join(", ")
            );
        }
        resources.no_cgroup = cgroups == "disabled";
        resources.split_cgroup = cgroups == "split";
        if resources.split_cgroup && !crate::systemd::unified_cgroups() {
            bail!(
                "--cgroups=split needs cgroup v2 alone, and this host has v1: use --cgroups=enabled"
            );
        }
        resources.monitor_stays = cgroups == "no-conmon";
        resources.oom_kill_disable = self.oom_kill_disable;
        if self.oom_kill_disable {
            limits::only_v1("--oom-kill-disable")?;
        }
        for text in &self.device_cgroup_rule {
            bundle::parse_device_rule(text)?;
        }
        resources.device_rules = self.device_cgroup_rule.clone();
        for text in conf.cgroup_conf.iter().flatten().chain(&self.cgroup_conf) {
            let (file, value) = text.split_once('=').with_context(|| {
                format!("--cgroup-conf must be formatted KEY=VALUE, and not {text:?}")
            })?;
            resources.unified.insert(file.to_owned(), value.to_owned());
        }
        Ok(())
    }
}

/// `64m`, `1g`, `512`, `-1`: bytes.
pub(in crate::cli) fn bytes(text: &str) -> Result<i64> {
    scaled(text, 1024.0)
}

/// The same in thousands, as podman reads shm_size of containers.conf(5), whose own default is `65536k`.
pub(super) fn decimal_bytes(text: &str) -> Result<i64> {
    scaled(text, 1000.0)
}

fn scaled(text: &str, step: f64) -> Result<i64> {
    let size = parse_size(text, step).with_context(|| format!("invalid size: '{text}'"))?;
    Ok(size as i64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(bytes("64m").unwrap(), 64 << 20);
        assert_eq!(decimal_bytes("64k").unwrap(), 64_000);
        assert_eq!(bytes("1.5g").unwrap(), 3 << 29);
        assert_eq!(bytes("-1").unwrap(), -1);
        assert!(bytes("1q").is_err() && bytes("").is_err());
    }
}
