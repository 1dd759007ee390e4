//! `pod.json`: what a pod was asked to be, resolved once, when it was created.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

use crate::engine::Context;
use crate::engine::container::record::Resources;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Pod {
    pub id: String,
    pub name: String,
    /// When it was created, RFC 3339.
    pub created: String,
    /// Id of the container that holds the shared namespaces.
    pub infra: Option<String>,
    /// The host name that was asked for; the pod's name stands in for it.
    pub hostname: Option<String>,
    pub labels: BTreeMap<String, String>,
    /// Which namespaces of the infra container its containers live in.
    pub share: Vec<Shared>,
    /// The containers' cgroups lie in the pod's own.
    pub share_parent: bool,
    /// Where the pod's cgroup lies; empty for the default.
    pub cgroup_parent: String,
    /// Limits of the pod's cgroup.
    pub resources: Resources,
    pub exit_policy: ExitPolicy,
    /// The command line that made it.
    pub create_command: Vec<String>,
}

/// A kind of namespace that the containers of a pod can have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shared {
    Cgroup,
    Ipc,
    Net,
    Pid,
    Uts,
}

impl Shared {
    pub const DEFAULT: [Shared; 3] = [Shared::Ipc, Shared::Net, Shared::Uts];

    pub fn as_str(self) -> &'static str {
        match self {
            Shared::Cgroup => "cgroup",
            Shared::Ipc => "ipc",
            Shared::Net => "net",
            Shared::Pid => "pid",
            Shared::Uts => "uts",
        }
    }
}

/// `ipc,net,uts`, `+pid` (the defaults and these), `none`: podman-pod-create(1), "--share".
pub fn parse_share(text: &str) -> Result<Vec<Shared>> {
    let mut shared = Vec::new();
    let list = match text.strip_prefix('+') {
        Some(more) => {
            shared.extend(Shared::DEFAULT);
            more
        }
        None => text,
    };
    for word in list.split(',') {
        let kind = match word {
            "cgroup" => Shared::Cgroup,
            "ipc" => Shared::Ipc,
            "net" => Shared::Net,
            "pid" => Shared::Pid,
            "uts" => Shared::Uts,
            "none" => return Ok(Vec::new()),
            "" => continue,
            "mnt" => bail!("mount sharing functionality not supported on pod level"),
            _ => bail!(
                "invalid kernel namespace to share: {word}. Options are: cgroup, ipc, net, pid, uts or none"
            ),
        };
        if !shared.contains(&kind) {
            shared.push(kind);
        }
    }
    shared.sort_unstable();
    Ok(shared)
}

/// What the pod does when the last of its containers has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ExitPolicy {
    /// Its infra container goes on.
    #[default]
    Continue,
    /// It stops.
    Stop,
}

impl ExitPolicy {
    pub fn as_str(self) -> &'static str {
        match self {
            ExitPolicy::Continue => "continue",
            ExitPolicy::Stop => "stop",
        }
    }
}

impl std::str::FromStr for ExitPolicy {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> Result<ExitPolicy> {
        match text {
            "continue" => Ok(ExitPolicy::Continue),
            "stop" => Ok(ExitPolicy::Stop),
            _ => bail!("running pod create option: invalid pod exit policy: {text:?}"),
        }
    }
}

impl Pod {
    /// The parent of the pod's cgroup: a path, or a slice under systemd.
    pub fn cgroup_parent(&self, ctx: &Context) -> &str {
        match self.cgroup_parent.as_str() {
            "" if self.resources.cgroup_manager == "systemd" => ctx.slice(),
            "" => "/rpod_parent",
            given => given,
        }
    }

    /// The pod's own cgroup: a path, or a slice under systemd. None if its containers are not put together.
    pub fn cgroup(&self, ctx: &Context) -> Option<String> {
        if !self.share_parent {
            return None;
        }
        let parent = self.cgroup_parent(ctx);
        Some(if self.resources.cgroup_manager == "systemd" {
            let parent = parent.trim_end_matches(".slice");
            format!("{parent}-rpod_pod_{}.slice", self.id)
        } else {
            format!("{}/{}", parent.trim_end_matches('/'), self.id)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn shared_namespaces() {
        assert_eq!(parse_share("ipc,net,uts").unwrap(), Shared::DEFAULT);
        assert_eq!(
            parse_share("pid,net,pid").unwrap(),
            [Shared::Net, Shared::Pid]
        );
        assert_eq!(parse_share("+pid").unwrap().len(), 4);
        assert!(parse_share("none").unwrap().is_empty() && parse_share("").unwrap().is_empty());
        assert!(parse_share("mnt").is_err() && parse_share("foo").is_err());
    }
}
