//! Which pod the container is in.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::namespaces::NamespaceOptions;
use super::network::NetworkOptions;
use crate::engine::Context;
use crate::engine::container::create as container;
use crate::engine::container::record::{Container, InitContainer};
use crate::engine::pod::join::{Joining, join};
use crate::engine::pod::record::{Pod, Shared};
use crate::engine::pod::{self, create, status};

#[derive(Args, Debug)]
pub(super) struct PodOptions {
    /// Run container in an existing pod (new:NAME makes one)
    #[arg(long, value_name = "NAME")]
    pod: Option<String>,
    /// Read the ID of the pod from the file
    #[arg(long, value_name = "FILE")]
    pod_id_file: Option<PathBuf>,
}

impl PodOptions {
    /// Makes the pod of `--pod new:NAME`, with the network and the host name that the container asks for.
    pub(super) fn make(
        &self,
        ctx: &Context,
        network: &NetworkOptions,
        namespaces: &NamespaceOptions,
    ) -> Result<Option<Pod>> {
        let Some(name) = self.pod.as_deref().and_then(|pod| pod.strip_prefix("new:")) else {
            return Ok(None);
        };
        if name.is_empty() {
            bail!("new pod name must be at least one character");
        }
        let mut infra = Container {
            hostname: namespaces.hostname.clone(),
            ..create::infra_defaults(ctx)
        };
        // An image stays until the infra container names it.
        let _images = container::lock_images(ctx)?;
        pod::infra::from_image(ctx, &mut infra, None, None)?;
        network.apply(ctx, &mut infra)?;
        let pod = Pod {
            name: name.to_owned(),
            hostname: namespaces.hostname.clone(),
            share: Shared::DEFAULT.to_vec(),
            share_parent: true,
            create_command: std::env::args().collect(),
            ..Pod::default()
        };
        create::create(ctx, pod, Some(infra)).map(Some)
    }

    /// What kind of init container this is. Its pod has to be there and not to run.
    pub(super) fn init(&self, ctx: &Context, kind: &str) -> Result<InitContainer> {
        let name = match (&self.pod, &self.pod_id_file) {
            (Some(name), _) => name.clone(),
            (None, Some(path)) => read_pod_id(path)?,
            (None, None) => bail!("must specify pod value with init-ctr"),
        };
        let kind = match kind {
            "always" => InitContainer::Always,
            "once" => InitContainer::Once,
            _ => bail!("init-ctr value must be 'always' or 'once'"),
        };
        if !name.starts_with("new:") {
            let members = status::of(ctx, &pod::find(ctx, &name)?)?;
            if matches!(status::word(&members), "Running" | "Degraded") {
                bail!("cannot add init-ctr to a running pod");
            }
        }
        Ok(kind)
    }

    /// Finds the pod and keeps it there until the container is made.
    pub(super) fn join(&self, ctx: &Context, made: Option<&Pod>) -> Result<Option<Joining>> {
        let text = match (made, &self.pod, &self.pod_id_file) {
            (_, Some(_), Some(_)) => bail!("cannot specify both --pod and --pod-id-file"),
            (Some(pod), ..) => pod.id.clone(),
            (None, Some(name), None) => name.clone(),
            (None, None, Some(path)) => read_pod_id(path)?,
            (None, None, None) => return Ok(None),
        };
        join(ctx, &text).map(Some)
    }
}

/// The first line of a file that `--pod-id-file` wrote.
pub(in crate::cli) fn read_pod_id(path: &std::path::Path) -> Result<String> {
    read_id("pod ID file", path)
}

/// The first line of a file that is called so.
pub(in crate::cli) fn read_id(called: &str, path: &std::path::Path) -> Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("reading {called}: open {}", path.display()))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
