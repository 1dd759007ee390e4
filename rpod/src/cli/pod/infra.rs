//! What is asked of a pod and its infra container, when it is made and when it is cloned.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::inherited::InheritedOptions;
use super::limits::LimitOptions;
use crate::cli::options::{labels, namespace};
use crate::engine::Context;
use crate::engine::container::record::{Container, Namespace};
use crate::engine::pod::record::{Pod, Shared};

#[derive(Args, Debug)]
pub(super) struct InfraOptions {
    /// Parent cgroup of the pod's
    #[arg(long, value_name = "CGROUP")]
    cgroup_parent: Option<String>,
    /// Set a hostname to the pod
    #[arg(short = 'h', long, value_name = "NAME")]
    hostname: Option<String>,
    /// Command of the infra container
    #[arg(long, value_name = "COMMAND")]
    infra_command: Option<String>,
    /// Path to the file that will receive the PID of the infra container's conmon
    #[arg(long, value_name = "FILE")]
    infra_conmon_pidfile: Option<PathBuf>,
    /// Name of the infra container
    #[arg(long, value_name = "NAME")]
    infra_name: Option<String>,
    /// Set metadata on the pod
    #[arg(short, long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// Read in a line delimited file of labels
    #[arg(long, value_name = "FILE")]
    label_file: Vec<PathBuf>,
    /// PID namespace of the infra container
    #[arg(long, value_name = "MODE")]
    pid: Option<String>,
    /// UTS namespace of the infra container
    #[arg(long, value_name = "MODE")]
    uts: Option<String>,
    #[command(flatten)]
    inherited: InheritedOptions,
    #[command(flatten)]
    limits: LimitOptions,
}

impl InfraOptions {
    /// Sets what was asked for of the pod and leaves the rest.
    pub(super) fn apply_pod(&self, pod: &mut Pod) -> Result<()> {
        if self.hostname.is_some() {
            pod.hostname.clone_from(&self.hostname);
        }
        if let Some(parent) = &self.cgroup_parent {
            pod.cgroup_parent.clone_from(parent);
        }
        pod.labels.extend(labels(&self.label_file, &self.label)?);
        self.limits.apply(pod.share_parent, &mut pod.resources)
    }

    /// The same for the infra container.
    pub(super) fn apply_infra(
        &self,
        ctx: &Context,
        pod: &Pod,
        infra: &mut Container,
    ) -> Result<()> {
        if let Some(name) = &self.infra_name {
            infra.name.clone_from(name);
        }
        infra.hostname.clone_from(&pod.hostname);
        if let Some(command) = self.command() {
            infra.process.entrypoint = command;
        }
        if let Some(path) = &self.infra_conmon_pidfile {
            let path = std::path::absolute(path).context("--infra-conmon-pidfile")?;
            infra.conmon_pidfile = Some(path);
        }
        let modes = [
            (&self.pid, "pid", &mut infra.namespaces.pid),
            (&self.uts, "uts", &mut infra.namespaces.uts),
        ];
        for (text, flag, own) in modes {
            if let Some(text) = text {
                *own = namespace(ctx, text, flag)?;
            }
        }
        if infra.namespaces.uts == Namespace::Host && pod.hostname.is_some() {
            bail!(
                "invalid config provided: cannot set hostname when running in the host UTS namespace: invalid configuration"
            );
        }
        if self.pid.is_some() && !pod.share.contains(&Shared::Pid) {
            bail!(
                "--pid: the pod's containers have the mode only if the PID namespace is shared: add --share +pid"
            );
        }
        self.inherited.apply(ctx, infra)
    }

    /// The words of `--infra-command`.
    pub(super) fn command(&self) -> Option<Vec<String>> {
        let command = self.infra_command.as_deref()?;
        Some(command.split_whitespace().map(str::to_owned).collect())
    }

    /// A pod without an infra container has nothing that these could be said of.
    pub(super) fn refuse_without_infra(&self) -> Result<()> {
        let given = [
            ("infra-name", self.infra_name.is_some()),
            ("infra-command", self.infra_command.is_some()),
            ("infra-conmon-pidfile", self.infra_conmon_pidfile.is_some()),
        ];
        if let Some((option, _)) = given.iter().find(|(_, given)| *given) {
            bail!("cannot set {option} without an infra container");
        }
        if let Some(option) = self.inherited.first() {
            bail!("cannot specify {option} without an infra container");
        }
        Ok(())
    }
}
