//! Units that start and stop containers and pods which a person made: podman-generate-systemd(1).
//!
//! ```text
//! a container or pod by name ▸ the command line that made it, taken apart ▸ what the unit is to run ▸ its text
//! ```
//!
//! Without `--new` a unit starts what is there; with it, the unit makes a new one each time by the same command line.

pub mod command_line;
mod container;
mod escape;
mod pod;
mod unit;

use std::collections::BTreeMap;

use anyhow::{Result, anyhow, bail};

use crate::engine::container::record::Container;
use crate::engine::{self, Context};
use crate::store::lookup::LookupError;
use command_line::CommandLine;

/// What systemd allows in `Restart=`.
const RESTART_POLICIES: [&str; 7] = [
    "no",
    "on-success",
    "on-failure",
    "on-abnormal",
    "on-watchdog",
    "on-abort",
    "always",
];
const RESTART_POLICY: &str = "on-failure";

#[derive(Debug)]
pub struct Request {
    /// Units are called by names and not by ids.
    pub by_name: bool,
    /// They make what they start.
    pub new: bool,
    /// For instances: `%i` goes to the container's name.
    pub template: bool,
    pub no_header: bool,
    pub container_prefix: String,
    pub pod_prefix: String,
    pub separator: String,
    pub restart_policy: Option<String>,
    /// Seconds.
    pub restart_seconds: Option<u64>,
    pub start_timeout: Option<u64>,
    pub stop_timeout: Option<u64>,
    pub wants: Vec<String>,
    pub after: Vec<String>,
    pub requires: Vec<String>,
    /// `NAME=VALUE`
    pub env: Vec<String>,
    /// Knows rpod's command line.
    pub take_apart: fn(&[String]) -> Result<CommandLine>,
}

/// Text by file name without `.service`.
pub type Units = BTreeMap<String, String>;

/// The units of a container, or of a pod and its containers.
pub fn units(ctx: &Context, name: &str, request: &Request) -> Result<Units> {
    if let Some(policy) = &request.restart_policy
        && !RESTART_POLICIES.contains(&policy.as_str())
    {
        bail!(
            "{policy} is not a valid restart policy: systemd has {}",
            RESTART_POLICIES.join(", ")
        );
    }
    match engine::container::find(ctx, name) {
        Ok(one) => Ok(Units::from([container::unit(ctx, &one, request, None)?])),
        Err(error) if matches!(error.downcast_ref(), Some(LookupError::NoContainer(_))) => {
            let pod = engine::pod::find(ctx, name).map_err(|no_pod| {
                anyhow!("{name} does not refer to a container or pod: {no_pod}: {error}")
            })?;
            pod::units(ctx, &pod, request)
        }
        Err(error) => Err(error),
    }
}

impl Request {
    fn container_service(&self, container: &Container) -> String {
        self.service(&self.container_prefix, self.called(container))
    }

    /// How a container is called in its unit.
    fn called<'a>(&self, container: &'a Container) -> &'a str {
        match self.by_name {
            true => &container.name,
            false => &container.id,
        }
    }

    fn service(&self, prefix: &str, name: &str) -> String {
        match prefix {
            "" => name.to_owned(),
            prefix => format!("{prefix}{}{name}", self.separator),
        }
    }
}
