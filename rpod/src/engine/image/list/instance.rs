//! Images come into a list: those of the store, and those of registries, directories and archives, which stay where they are.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::super::transfer::destination;
use super::super::{Access, Image, Platform, lent};
use super::{List, change, find};
use crate::engine::Context;
use crate::engine::copier::{output_of, rskopeo};
use crate::engine::host::go_arch;

/// What is added to a list.
#[derive(Clone, Debug, Default)]
pub struct Chosen {
    /// Of a list: every image, not only that for this machine.
    pub all: bool,
    pub platform: Platform,
}

/// An image as a list has it, and where it is if the store has it not.
struct Instance {
    descriptor: Value,
    source: Option<String>,
}

/// Adds what a reference names. The answer is the list and the digests that were added.
pub fn add(
    ctx: &Context,
    list: &str,
    reference: &str,
    chosen: &Chosen,
    access: &Access,
) -> Result<(List, Vec<String>)> {
    let instances = resolve(ctx, reference, chosen, access)?;
    change(ctx, list, |list| {
        let mut digests = Vec::new();
        for instance in instances {
            let digest = instance.descriptor["digest"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            let Some(manifests) = list.value["manifests"].as_array_mut() else {
                bail!("manifest list {} has no manifests", list.id);
            };
            manifests.retain(|other| other["digest"] != digest.as_str());
            manifests.push(instance.descriptor);
            match instance.source {
                Some(source) => list.sources.insert(digest.clone(), source),
                None => list.sources.remove(&digest),
            };
            digests.push(digest);
        }
        Ok(digests)
    })
}

fn resolve(ctx: &Context, text: &str, chosen: &Chosen, access: &Access) -> Result<Vec<Instance>> {
    let local = text.strip_prefix("containers-storage:");
    let name = local.unwrap_or(text);
    if let Ok(list) = find(ctx, name) {
        return of_list(list.instances(), chosen, name, |digest| {
            list.sources.get(digest).cloned()
        });
    }
    match super::super::find(ctx, name) {
        Ok(image) => return Ok(vec![of_image(ctx, &image)?]),
        Err(error) if local.is_some() => return Err(error),
        Err(_) => {}
    }
    remote(&destination(text)?, chosen, access)
}

fn of_image(ctx: &Context, image: &Image) -> Result<Instance> {
    lent::take_over(ctx, image)?;
    let config = &image.config;
    Ok(Instance {
        descriptor: json!({
            "mediaType": image.media_type,
            "digest": image.digest,
            "size": image.manifest_size()?,
            "platform": platform(&config.architecture, &config.os, &config.variant),
        }),
        source: None,
    })
}

fn platform(arch: &str, os: &str, variant: &str) -> Value {
    let mut platform = json!({ "architecture": arch, "os": os });
    if !variant.is_empty() {
        platform["variant"] = variant.into();
    }
    platform
}

fn of_list(
    instances: &[Value],
    chosen: &Chosen,
    name: &str,
    source: impl Fn(&str) -> Option<String>,
) -> Result<Vec<Instance>> {
    let taken: Vec<&Value> = match chosen.all {
        true => instances.iter().collect(),
        // What is said of it overrides what the list says: without one of this platform, it is the one for this machine.
        false => choose(instances, &chosen.platform)
            .or_else(|| choose(instances, &Platform::default()))
            .into_iter()
            .collect(),
    };
    if taken.is_empty() {
        bail!("no image found in manifest list {name} for {}", host());
    }
    Ok(taken
        .into_iter()
        .map(|descriptor| Instance {
            source: source(descriptor["digest"].as_str().unwrap_or_default()),
            descriptor: descriptor.clone(),
        })
        .collect())
}

fn remote(reference: &str, chosen: &Chosen, access: &Access) -> Result<Vec<Instance>> {
    let inspect = |more: &[&str]| {
        let mut command = rskopeo()?;
        command
            .args(["inspect", "--raw"])
            .args(more)
            .args(access.plain_options())
            .arg(reference);
        output_of(command)
    };
    let raw = inspect(&[])?;
    let value: Value = serde_json::from_slice(&raw)
        .with_context(|| format!("the manifest of {reference} is no JSON"))?;
    let digest: String = Sha256::digest(&raw)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    // A registry names each image by its digest; of the other places one reference is one image.
    let by_digest = |digest: &str| {
        let repository = reference.strip_prefix("docker://")?;
        let name = super::super::Name::parse(repository).ok()?;
        Some(format!("docker://{}@{digest}", name.repository))
    };
    if let Some(instances) = value["manifests"].as_array() {
        if by_digest("").is_none() {
            bail!(
                "{reference}: of a list only a registry's images can be added: copy them to the store first"
            );
        }
        return of_list(instances, chosen, reference, by_digest);
    }
    let config: Value = serde_json::from_slice(&inspect(&["--config"])?)
        .with_context(|| format!("the configuration of {reference} is no JSON"))?;
    let text = |key: &str| config[key].as_str().unwrap_or_default();
    let digest = format!("sha256:{digest}");
    Ok(vec![Instance {
        source: Some(by_digest(&digest).unwrap_or_else(|| absolute(reference))),
        descriptor: json!({
            "mediaType": value["mediaType"].as_str().unwrap_or("application/vnd.oci.image.manifest.v1+json"),
            "digest": digest,
            "size": raw.len(),
            "platform": platform(text("architecture"), text("os"), text("variant")),
        }),
    }])
}

/// The same path from wherever the list is pushed.
fn absolute(reference: &str) -> String {
    match reference.split_once(':') {
        Some((transport, path)) if !path.starts_with('/') => {
            let here = std::env::current_dir().unwrap_or_else(|_| PathBuf::from("/"));
            format!("{transport}:{}", here.join(path).display())
        }
        _ => reference.to_owned(),
    }
}

/// The image for a platform; what is not asked for is this machine's.
pub(super) fn choose<'a>(instances: &'a [Value], wanted: &Platform) -> Option<&'a Value> {
    let os = wanted.os.as_deref().unwrap_or("linux");
    let arch = wanted.arch.as_deref().unwrap_or(go_arch());
    let mut fitting = instances.iter().filter(|instance| {
        let platform = &instance["platform"];
        platform["os"] == os
            && platform["architecture"] == arch
            && wanted
                .variant
                .as_deref()
                .is_none_or(|variant| platform["variant"] == variant)
    });
    fitting.next()
}

/// `linux/amd64`
pub(super) fn host() -> String {
    format!("linux/{}", go_arch())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_image_of_a_platform() {
        let instances = [
            json!({"digest": "a", "platform": {"os": "linux", "architecture": "arm", "variant": "v7"}}),
            json!({"digest": "b", "platform": {"os": "linux", "architecture": go_arch()}}),
        ];
        assert_eq!(
            choose(&instances, &Platform::default()).unwrap()["digest"],
            "b"
        );
        let arm = Platform {
            arch: Some("arm".to_owned()),
            variant: Some("v7".to_owned()),
            os: None,
        };
        assert_eq!(choose(&instances, &arm).unwrap()["digest"], "a");
    }

    #[test]
    fn what_no_image_is_for_overrides_what_this_machines_says() {
        let here = json!({"digest": "b", "platform": {"os": "linux", "architecture": go_arch()}});
        let chosen = Chosen {
            all: false,
            platform: Platform {
                os: Some("bar".to_owned()),
                ..Platform::default()
            },
        };
        let taken = of_list(&[here], &chosen, "x", |_| None).unwrap();
        assert_eq!(taken[0].descriptor["digest"], "b");
        assert!(of_list(&[], &chosen, "x", |_| None).is_err());
    }
}
