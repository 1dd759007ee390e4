//! The ports that a container listens at, and whether all of them are published.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::network::publishes;
use crate::engine::container::record::{Container, Namespace};
use crate::engine::image::Image;
use crate::engine::network::port;
use crate::output::parse_number;

#[derive(Args, Debug)]
pub(super) struct ExposureOptions {
    /// Expose a port or a range of ports
    #[arg(long, value_name = "PORT[/PROTOCOL]", value_delimiter = ',')]
    expose: Vec<String>,
    /// Publish all exposed ports to random ports on the host interface
    #[arg(short = 'P', long)]
    publish_all: bool,
}

impl ExposureOptions {
    /// Once it is known what the container is connected to, and which ports its image names.
    pub(super) fn apply(&self, c: &mut Container, image: Option<&Image>) -> Result<()> {
        let of_image = image.and_then(|image| image.config.config.as_ref());
        let of_image = of_image.and_then(|config| config.exposed_ports.as_ref());
        let mut exposed = Vec::new();
        for text in of_image.into_iter().flat_map(|ports| ports.keys()) {
            exposed.extend(port::exposed(text).context("unable to convert image EXPOSE")?);
        }
        for text in self.expose.iter().filter(|text| !text.is_empty()) {
            check(text).with_context(|| format!("invalid range format for --expose: {text}"))?;
            exposed.extend(port::exposed(text)?);
        }
        exposed.sort();
        exposed.dedup();
        c.network.exposed = exposed;
        c.network.publish_all = self.publish_all;
        if self.publish_all {
            publish(c)?;
        }
        Ok(())
    }
}

/// Podman reads these twice, and tells more of it the first time.
fn check(text: &str) -> Result<()> {
    let ports = text.split('/').next().unwrap_or_default();
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let first: u16 = parse_number("ParseUint", first)?;
    let last: u16 = parse_number("ParseUint", last)?;
    if last < first {
        bail!("invalid port range: {ports}");
    }
    Ok(())
}

fn publish(c: &mut Container) -> Result<()> {
    if c.pod.is_some() && matches!(c.namespaces.net, Namespace::Container(_)) {
        bail!(
            "invalid config provided: published or exposed ports must be defined when the pod is created: network cannot be configured when it is shared with a pod"
        );
    }
    if !publishes(c) {
        return Ok(());
    }
    for port in c.network.exposed.clone() {
        let published = c.network.publish.iter().flat_map(port::Mapping::each);
        if !published.map(|(own, ..)| own).any(|own| own == port) {
            c.network.publish.extend(port::parse(&port)?);
        }
    }
    Ok(())
}
