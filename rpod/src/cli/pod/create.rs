//! `rpod pod create`: podman-pod-create(1).

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::inherited::InheritedOptions;
use super::limits::LimitOptions;
use crate::cli::options::{NetworkOptions, namespace, pairs};
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::record::{Container, Namespace};
use crate::engine::pod::record::{Pod, Shared, parse_share};
use crate::engine::pod::{create, find, remove};

#[derive(Args, Debug)]
pub struct Create {
    /// Parent cgroup of the pod's
    #[arg(long, value_name = "CGROUP")]
    cgroup_parent: Option<String>,
    /// Behaviour when the last container exits (continue, stop)
    #[arg(long, value_name = "POLICY", default_value = "continue")]
    exit_policy: String,
    /// Set a hostname to the pod
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// Create an infra container associated with the pod to share namespaces with
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    infra: Option<bool>,
    /// Command of the infra container
    #[arg(long, value_name = "COMMAND")]
    infra_command: Option<String>,
    /// Name of the infra container
    #[arg(long, value_name = "NAME")]
    infra_name: Option<String>,
    /// Set metadata on the pod
    #[arg(short, long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// Assign a name to the pod
    #[arg(short, long, value_name = "NAME")]
    name: Option<String>,
    /// PID namespace of the infra container
    #[arg(long, value_name = "MODE")]
    pid: Option<String>,
    /// Write the pod ID to the file
    #[arg(long, value_name = "FILE")]
    pod_id_file: Option<PathBuf>,
    /// If a pod with the same name exists, replace it
    #[arg(long)]
    replace: bool,
    /// A comma delimited list of kernel namespaces the pod will share
    #[arg(long, value_name = "NAMESPACES")]
    share: Option<String>,
    /// Set the pod's cgroup as the cgroup parent for all containers joining the pod
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "true", default_missing_value = "true")]
    share_parent: bool,
    /// UTS namespace of the infra container
    #[arg(long, value_name = "MODE")]
    uts: Option<String>,
    #[command(flatten)]
    inherited: InheritedOptions,
    #[command(flatten)]
    limits: LimitOptions,
    #[command(flatten)]
    network: NetworkOptions,
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

impl Verb for Create {
    const NAME: &'static str = "create";
    const ABOUT: &'static str = "Create a new empty pod";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let pod = self.pod(&ctx)?;
        let infra = self
            .has_infra()
            .then(|| self.infra_container(&ctx, &pod))
            .transpose()?;
        if infra.is_none() {
            self.refuse_without_infra()?;
        }
        if self.replace {
            if pod.name.is_empty() {
                bail!("cannot replace pod without --name being set");
            }
            if let Ok(old) = find(&ctx, &pod.name) {
                remove::remove(&ctx, &old, true, None)?;
            }
        }
        let pod = create::create(&ctx, pod, infra)?;
        if let Some(path) = &self.pod_id_file {
            std::fs::write(path, &pod.id)
                .with_context(|| format!("failed to write pod ID to file {}", path.display()))?;
        }
        println!("{}", pod.id);
        Ok(0)
    }
}

impl Create {
    fn pod(&self, ctx: &Context) -> Result<Pod> {
        let name = match (&self.name, &self.names[..]) {
            (Some(_), [_, ..]) => bail!("cannot specify --name and NAME at the same time"),
            (_, [_, _, ..]) => bail!("accepts at most 1 arg(s), received {}", self.names.len()),
            (Some(name), []) | (None, [name]) => name.clone(),
            (None, []) => String::new(),
        };
        let share = match &self.share {
            Some(text) => parse_share(text)?,
            None if self.infra == Some(false) => Vec::new(),
            None => Shared::DEFAULT.to_vec(),
        };
        if share.contains(&Shared::Cgroup) && self.share_parent {
            bail!(
                "cannot define the pod as the cgroup parent at the same time as joining the infra container's cgroupNS: invalid argument"
            );
        }
        Ok(Pod {
            name,
            hostname: self.hostname.clone(),
            labels: pairs(&self.label).collect(),
            share,
            share_parent: self.share_parent,
            cgroup_parent: self.cgroup_parent.clone().unwrap_or_default(),
            exit_policy: self.exit_policy.parse()?,
            resources: self.limits.resources(ctx, self.share_parent)?,
            create_command: std::env::args().collect(),
            ..Pod::default()
        })
    }

    /// A pod that shares nothing needs nobody to hold it.
    fn has_infra(&self) -> bool {
        self.infra
            .unwrap_or(!matches!(self.share.as_deref(), Some("none" | "")))
    }

    fn infra_container(&self, ctx: &Context, pod: &Pod) -> Result<Container> {
        let mut infra = create::infra_defaults(ctx);
        infra.name = self.infra_name.clone().unwrap_or_default();
        infra.hostname = self.hostname.clone();
        if let Some(command) = &self.infra_command {
            infra.process.entrypoint = command.split_whitespace().map(str::to_owned).collect();
        }
        let mode = |text: &Option<String>, flag| {
            text.as_deref()
                .map_or(Ok(Namespace::Private), |text| namespace(ctx, text, flag))
        };
        infra.namespaces.pid = mode(&self.pid, "pid")?;
        infra.namespaces.uts = mode(&self.uts, "uts")?;
        if infra.namespaces.uts == Namespace::Host && self.hostname.is_some() {
            bail!(
                "invalid config provided: cannot set hostname when running in the host UTS namespace: invalid configuration"
            );
        }
        if self.pid.is_some() && !pod.share.contains(&Shared::Pid) {
            bail!(
                "--pid: the pod's containers have the mode only if the PID namespace is shared: add --share +pid"
            );
        }
        self.inherited.apply(ctx, &mut infra)?;
        self.network.apply(ctx, &mut infra)?;
        Ok(infra)
    }

    fn refuse_without_infra(&self) -> Result<()> {
        if self.infra_name.is_some() {
            bail!("cannot set infra-name without an infra container");
        }
        if self.infra_command.is_some() {
            bail!("cannot set infra-command without an infra container");
        }
        if let Some(share) = self
            .share
            .as_deref()
            .filter(|share| !matches!(*share, "none" | ""))
        {
            bail!("cannot set share({share}) namespaces without an infra container");
        }
        if let Some(option) = self.network.first().or_else(|| self.inherited.first()) {
            bail!("cannot specify {option} without an infra container");
        }
        Ok(())
    }
}
