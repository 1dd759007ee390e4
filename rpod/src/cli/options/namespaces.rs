//! Which namespaces are the container's own, and whose it joins.

use anyhow::{Result, bail};
use clap::Args;

use crate::engine::Context;
use crate::engine::container;
use crate::engine::container::record::{Container, Namespace};

#[derive(Args, Debug)]
pub(super) struct NamespaceOptions {
    /// Cgroup namespace to use
    #[arg(long, value_name = "MODE")]
    cgroupns: Option<String>,
    /// Set container hostname
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
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
    pub(super) fn apply(&self, ctx: &Context, c: &mut Container) -> Result<()> {
        let mode = |text: &Option<String>, flag: &str| {
            text.as_deref()
                .map_or(Ok(Namespace::Private), |text| namespace(ctx, text, flag))
        };
        c.namespaces.pid = mode(&self.pid, "pid")?;
        c.namespaces.ipc = mode(&self.ipc, "ipc")?;
        c.namespaces.uts = mode(&self.uts, "uts")?;
        // podman's default: a cgroup namespace where cgroups are v2.
        c.namespaces.cgroup = match &self.cgroupns {
            Some(text) => namespace(ctx, text, "cgroupns")?,
            None if std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists() => {
                Namespace::Private
            }
            None => Namespace::Host,
        };
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
pub(super) fn namespace(ctx: &Context, text: &str, flag: &str) -> Result<Namespace> {
    Ok(match text.split_once(':').unwrap_or((text, "")) {
        ("private" | "shareable" | "", "") => Namespace::Private,
        ("host", "") => Namespace::Host,
        ("container", name) if !name.is_empty() => {
            Namespace::Container(container::find(ctx, name)?.id)
        }
        ("ns", path) if !path.is_empty() => Namespace::Path(path.into()),
        _ => bail!("invalid --{flag} {text:?}: host, private, container:NAME or ns:PATH"),
    })
}
