//! Which namespaces are the container's own, and whose it joins.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::engine::container::record::{Container, IpcSharing, Namespace};
use crate::engine::pod::join::Joining;
use crate::engine::pod::record::Shared;
use crate::engine::{Context, container};

#[derive(Args, Debug)]
pub(super) struct NamespaceOptions {
    /// Cgroup namespace to use
    #[arg(long, value_name = "MODE")]
    cgroupns: Option<String>,
    /// Set container hostname
    #[arg(short = 'h', long, value_name = "NAME")]
    pub(super) hostname: Option<String>,
    /// IPC namespace to use
    #[arg(long, value_name = "MODE")]
    ipc: Option<String>,
    /// PID namespace to use
    #[arg(long, value_name = "MODE")]
    pid: Option<String>,
    /// UTS namespace to use
    #[arg(long, value_name = "MODE")]
    uts: Option<String>,
}

impl NamespaceOptions {
    pub(super) fn apply(
        &self,
        ctx: &Context,
        c: &mut Container,
        joining: Option<&Joining>,
    ) -> Result<()> {
        let conf = &ctx.config.containers_conf.containers;
        let mode = |text: &Option<String>,
                    flag: &str,
                    kind: Shared,
                    default: Namespace,
                    configured: &Option<String>|
         -> Result<Namespace> {
            // What a pod shares is not a matter of this host's configuration.
            let configured = configured.as_deref().filter(|_| joining.is_none());
            Ok(match (text.as_deref().or(configured), joining) {
                (Some("pod"), Some(joining)) => joining.infra_namespace(kind)?,
                (Some(text), _) => namespace(ctx, text, flag)?,
                (None, Some(joining)) => joining.namespace(kind).unwrap_or(default),
                (None, None) => default,
            })
        };
        c.namespaces.pid = mode(
            &self.pid,
            "pid",
            Shared::Pid,
            Namespace::Private,
            &conf.pidns,
        )?;
        c.namespaces.ipc = mode(
            &self.ipc,
            "ipc",
            Shared::Ipc,
            Namespace::Private,
            &conf.ipcns,
        )?;
        let asked = self.ipc.as_deref();
        c.namespaces.ipc_sharing = match asked.or(conf.ipcns.as_deref()) {
            Some("private") if joining.is_none() || asked.is_some() => IpcSharing::Private,
            Some("none") if joining.is_none() || asked.is_some() => IpcSharing::None,
            _ => IpcSharing::Shareable,
        };
        c.namespaces.uts = mode(
            &self.uts,
            "uts",
            Shared::Uts,
            Namespace::Private,
            &conf.utsns,
        )?;
        // podman's default: a cgroup namespace where cgroups are v2.
        let v2 = std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
        let default = if v2 {
            Namespace::Private
        } else {
            Namespace::Host
        };
        c.namespaces.cgroup = mode(
            &self.cgroupns,
            "cgroupns",
            Shared::Cgroup,
            default,
            &conf.cgroupns,
        )?;
        if c.namespaces.uts == Namespace::Host && self.hostname.is_some() {
            bail!(
                "cannot set hostname when running in the host UTS namespace: invalid configuration"
            );
        }
        c.hostname = self.hostname.clone();
        Ok(())
    }
}

/// `private`, `host`, `container:NAME` or `ns:PATH`, as `--FLAG` has it.
pub(in crate::cli) fn namespace(ctx: &Context, text: &str, flag: &str) -> Result<Namespace> {
    Ok(match text.split_once(':').unwrap_or((text, "")) {
        ("private" | "shareable" | "", "") => Namespace::Private,
        ("none", "") if flag == "ipc" => Namespace::Private,
        ("host", "") => Namespace::Host,
        ("container", name) if !name.is_empty() => {
            let kind = match flag {
                "network" => "net",
                flag => flag.trim_end_matches("ns"),
            };
            let owner = container::find(ctx, name)
                .with_context(|| format!("looking up container to share {kind} namespace with"))?;
            if flag == "ipc" && owner.namespaces.ipc_sharing != IpcSharing::Shareable {
                bail!(
                    "joining IPC of container {} is not allowed: non-shareable IPC (hint: use IpcMode:shareable for the donor container)",
                    owner.id
                );
            }
            Namespace::Container(owner.id)
        }
        ("ns", "") => bail!("invalid config provided: namespace mode path requires a value"),
        ("ns", path) => {
            let kind = match flag {
                "network" => "network".to_owned(),
                "cgroupns" => "cgroup".to_owned(),
                flag => flag.to_uppercase(),
            };
            std::fs::metadata(path).with_context(|| {
                format!("cannot find specified {kind} namespace path: stat {path}")
            })?;
            Namespace::Path(path.into())
        }
        ("pod", "") => bail!(
            "cannot use pod namespace as container is not joining a pod or pod has no infra container: invalid argument"
        ),
        _ => bail!(
            "unrecognized namespace mode {text} passed: --{flag} is host, private, container:NAME or ns:PATH"
        ),
    })
}
