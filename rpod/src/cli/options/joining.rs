//! Which pod the container is in.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::namespaces::NamespaceOptions;
use super::network::NetworkOptions;
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::engine::pod::create;
use crate::engine::pod::join::{Joining, join};
use crate::engine::pod::record::{Pod, Shared};

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

    /// Finds the pod and keeps it there until the container is made.
    pub(super) fn join(&self, ctx: &Context, made: Option<&Pod>) -> Result<Option<Joining>> {
        let text = match (made, &self.pod, &self.pod_id_file) {
            (_, Some(_), Some(_)) => bail!("cannot specify both --pod and --pod-id-file"),
            (Some(pod), ..) => pod.id.clone(),
            (None, Some(name), None) => name.clone(),
            (None, None, Some(path)) => read_id(path)?,
            (None, None, None) => return Ok(None),
        };
        join(ctx, &text).map(Some)
    }
}

/// The first line of a file that `--pod-id-file` wrote.
pub(in crate::cli) fn read_id(path: &std::path::Path) -> Result<String> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("reading pod ID file {}", path.display()))?;
    Ok(text.lines().next().unwrap_or_default().trim().to_owned())
}
