//! `rpod pod create`: podman-pod-create(1).

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::infra::InfraOptions;
use crate::cli::options::{NetworkOptions, UserNamespaceOptions, choose_ids};
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::container::create as container;
use crate::engine::container::record::Container;
use crate::engine::pod::record::{Pod, Shared, parse_share};
use crate::engine::pod::{create, find, infra, remove};
use crate::store::names;

#[derive(Args, Debug)]
pub struct Create {
    /// Behaviour when the last container exits: continue or stop (default continue)
    #[arg(long, value_name = "POLICY")]
    exit_policy: Option<String>,
    /// Create an infra container associated with the pod to share namespaces with
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    infra: Option<bool>,
    /// Image of the infra container; none is needed
    #[arg(long, value_name = "IMAGE")]
    infra_image: Option<String>,
    /// Assign a name to the pod
    #[arg(short, long, value_name = "NAME")]
    name: Option<String>,
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
    #[command(flatten)]
    of_infra: InfraOptions,
    #[command(flatten)]
    network: NetworkOptions,
    #[command(flatten)]
    users: UserNamespaceOptions,
    /// Name of the pod
    #[arg(value_name = "[NAME]")]
    names: Vec<String>,
}

impl Verb for Create {
    const NAME: &'static str = "create";
    const ABOUT: &'static str = "Create a new empty pod";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let pod = self.pod(&ctx)?;
        // An image stays until the infra container names it.
        let _images = container::lock_images(&ctx)?;
        let mut infra = self
            .has_infra()
            .then(|| self.infra_container(&ctx, &pod))
            .transpose()?;
        let mut _choosing = None;
        if let Some(infra) = &mut infra {
            let auto = self.users.apply(&ctx, infra)?;
            _choosing = choose_ids(&ctx, auto.as_ref(), infra)?;
        }
        if infra.is_none() {
            self.refuse_without_infra()?;
        }
        if let Some(path) = self.pod_id_file.as_deref().filter(|path| path.exists()) {
            let path = path.display();
            bail!("pod id file exists. Ensure another pod is not using it or delete {path}");
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
        let configured = ctx.config.containers_conf.engine.pod_exit_policy.as_deref();
        let exit_policy = self.exit_policy.as_deref().or(configured);
        let name = match (&self.name, &self.names[..]) {
            (Some(_), [_, ..]) => bail!("cannot specify --name and NAME at the same time"),
            (_, [_, _, ..]) => bail!("accepts at most 1 arg(s), received {}", self.names.len()),
            (Some(name), []) | (None, [name]) => name.clone(),
            (None, []) => String::new(),
        };
        if !name.is_empty() {
            names::check(&name).context("running pod create option")?;
        }
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
        let mut pod = Pod {
            name,
            share,
            share_parent: self.share_parent,
            exit_policy: exit_policy.unwrap_or("continue").parse()?,
            create_command: std::env::args().collect(),
            ..Pod::default()
        };
        self.of_infra.apply_pod(&mut pod)?;
        Ok(pod)
    }

    /// A pod that shares nothing needs nobody to hold it.
    fn has_infra(&self) -> bool {
        self.infra
            .unwrap_or(!matches!(self.share.as_deref(), Some("none" | "")))
    }

    fn infra_container(&self, ctx: &Context, pod: &Pod) -> Result<Container> {
        self.network.refuse_joined()?;
        let mut infra = create::infra_defaults(ctx);
        let (image, command) = (self.infra_image.as_deref(), self.of_infra.command());
        infra::from_image(ctx, &mut infra, image, command)?;
        self.of_infra.apply_infra(ctx, pod, &mut infra)?;
        self.network.apply(ctx, &mut infra)?;
        Ok(infra)
    }

    fn refuse_without_infra(&self) -> Result<()> {
        self.of_infra.refuse_without_infra()?;
        if self.infra_image.is_some() {
            bail!("cannot set infra-image without an infra container");
        }
        if let Some(share) = self
            .share
            .as_deref()
            .filter(|share| !matches!(*share, "none" | ""))
        {
            bail!("cannot set share({share}) namespaces without an infra container");
        }
        self.network.refuse_without_infra()
    }
}
