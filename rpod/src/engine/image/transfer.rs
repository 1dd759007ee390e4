//! Bytes in and out of the store: rskopeo moves them.

use std::ffi::OsString;
use std::path::Path;

use anyhow::{Context as _, Result, anyhow, bail};

use super::{Access, Image, Name, Platform, Writing, archive, lent, short_names};
use crate::engine::copier::{output_of, rskopeo, run};
use crate::engine::user_namespace::Maps;
use crate::engine::{Context, event, selinux};
use crate::store::Store;

/// Fetch an image by its name, from the first place of those that the name may mean which has it. A name with
/// a transport (`docker://…`, `oci:…`) is taken as it is.
pub fn pull(context: &Context, text: &str, access: &Access, platform: &Platform) -> Result<Image> {
    let pulled = pull_any(context, text, access, platform);
    match &pulled {
        Ok(image) => event::image(context, "pull", image, text),
        Err(error) => event::image_error(context, "pull-error", text, error),
    }
    pulled
}

fn pull_any(context: &Context, text: &str, access: &Access, platform: &Platform) -> Result<Image> {
    if let Some(name) = text.strip_prefix("docker://") {
        let name = Name::parse(name)?;
        let name = if name.is_short() {
            name.at("docker.io")
        } else {
            name
        }
        .normalized();
        return pull_one(context, &name, access, platform);
    }
    if let Some(image) = archive::pull(context, text, access.quiet)? {
        return Ok(image);
    }
    let candidates = short_names::pull_candidates(&Name::parse(text)?)?;
    let mut failures = Vec::new();
    for name in &candidates {
        if !access.quiet {
            eprintln!("Trying to pull {name}...");
        }
        match pull_one(context, name, access, platform) {
            Ok(image) => return Ok(image),
            Err(error) => failures.push(error),
        }
    }
    match failures.len() {
        1 => Err(failures.remove(0)),
        count => {
            let list: Vec<String> = failures.iter().map(|error| format!("{error:#}")).collect();
            Err(anyhow!(
                "{count} places tried for {text}: {}",
                list.join("; ")
            ))
        }
    }
}

fn pull_one(context: &Context, name: &Name, access: &Access, platform: &Platform) -> Result<Image> {
    let mut command = rskopeo()?;
    for (option, value) in [
        ("--override-os", &platform.os),
        ("--override-arch", &platform.arch),
        ("--override-variant", &platform.variant),
    ] {
        if let Some(value) = value {
            command.arg(option).arg(value);
        }
    }
    command
        .arg("copy")
        .args(access.configured(context).options("src"))
        .args(access.decryption())
        .arg(format!("docker://{name}"))
        .arg(stored(&context.store, &name.to_string()));
    selinux::make_layers(&context.store.layers())?;
    // rskopeo names the source in its error.
    run(command, access.quiet)?;
    super::double::forget_nameless(context)?;
    super::find(context, &name.to_string())
}

/// The digest that a registry has under a name now.
pub fn remote_digest(name: &str, access: &Access) -> Result<String> {
    let name = Name::parse(name.strip_prefix("docker://").unwrap_or(name))?.normalized();
    let mut command = rskopeo()?;
    command
        .args(["inspect", "--format", "{{.Digest}}"])
        .args(access.plain_options())
        .arg(format!("docker://{name}"));
    Ok(String::from_utf8_lossy(&output_of(command)?)
        .trim()
        .to_owned())
}

/// The manifest that a reference names, wherever that is. A short name is looked for where a pull would.
pub fn raw_manifest(text: &str, access: &Access) -> Result<serde_json::Value> {
    let places = match has_transport(text) {
        true => vec![text.to_owned()],
        false => short_names::pull_candidates(&Name::parse(text)?)?
            .iter()
            .map(|name| format!("docker://{name}"))
            .collect(),
    };
    let mut failures = Vec::new();
    for place in &places {
        let mut command = rskopeo()?;
        command
            .args(["inspect", "--raw"])
            .args(access.plain_options())
            .arg(place);
        match output_of(command) {
            Ok(output) => {
                return serde_json::from_slice(&output).context("the manifest is no JSON");
            }
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    bail!("{}", failures.join("; "))
}

/// Every tag of a repository, as names.
pub fn names_of_repository(text: &str, access: &Access) -> Result<Vec<String>> {
    let name = Name::parse(text.strip_prefix("docker://").unwrap_or(text))?;
    if name.tag.is_some() || name.digest.is_some() {
        bail!("{text}: --all-tags takes a repository, without a tag or a digest");
    }
    let (repository, tags) = tags_of_repository(&name, access)?;
    let named = |tag: &String| format!("{repository}:{tag}");
    Ok(tags.iter().map(named).collect())
}

/// The first repository of those that the name may mean which a registry has, and its tags.
pub(super) fn tags_of_repository(name: &Name, access: &Access) -> Result<(String, Vec<String>)> {
    #[derive(serde::Deserialize)]
    #[serde(rename_all = "PascalCase")]
    struct Listed {
        tags: Vec<String>,
    }
    let mut failures = Vec::new();
    for candidate in short_names::pull_candidates(name)? {
        let mut command = rskopeo()?;
        command
            .arg("list-tags")
            .args(access.plain_options())
            .arg(format!("docker://{}", candidate.repository));
        match output_of(command) {
            Ok(output) => {
                let listed: Listed = serde_json::from_slice(&output).context("reading the tags")?;
                return Ok((candidate.repository, listed.tags));
            }
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    bail!("{}", failures.join("; "))
}

/// The destination as rskopeo takes it; one without a transport is a registry.
pub(super) fn destination(text: &str) -> Result<String> {
    Ok(match has_transport(text) {
        true => text.to_owned(),
        false => format!("docker://{}", Name::parse(text)?.normalized()),
    })
}

fn has_transport(text: &str) -> bool {
    const TRANSPORTS: [&str; 7] = [
        "docker://",
        "dir:",
        "docker-archive:",
        "docker-daemon:",
        "oci:",
        "oci-archive:",
        "containers-storage:",
    ];
    TRANSPORTS
        .iter()
        .any(|transport| text.starts_with(transport))
}

/// Send an image somewhere.
pub fn push(
    context: &Context,
    image: &Image,
    to: &str,
    access: &Access,
    writing: &Writing,
) -> Result<()> {
    let destination = destination(to)?;
    let mut command = rskopeo()?;
    command
        // Images were judged when they came; the store itself is trusted, whatever the policy.
        .args(["--insecure-policy", "copy"])
        .args(access.configured(context).options("dest"))
        .args(writing.configured(context).options());
    command
        .arg(stored(&image.store, &image.reference()))
        .arg(&destination);
    run(command, access.quiet)
        .with_context(|| format!("copying image {} to {destination}", image.reference()))?;
    event::image(context, "push", image, &destination);
    Ok(())
}

/// Unpack the layers that are not there, as when another tool put the image into the layout.
pub fn unpack_missing_layers(context: &Context, image: &Image) -> Result<()> {
    let layers = context.store.layers();
    let is_there = |layer: &String| layers.join(layer).is_dir();
    if image.layers.iter().all(is_there) {
        return Ok(());
    }
    if image.is_lent(context) {
        lent::link_layers(image, &layers)?;
        if image.layers.iter().all(is_there) {
            return Ok(());
        }
    }
    selinux::make_layers(&layers)?;
    let mut command = rskopeo()?;
    command
        .args(["unpack", "--layers"])
        .arg(stored(&image.store, &image.reference()))
        .arg(layers);
    run(command, true).with_context(|| format!("unpacking the layers of {}", image.reference()))
}

/// Unpack the layers that are not there into another directory, with owners of a container's own.
pub fn unpack_mapped(image: &Image, layers: &Path, maps: &Maps) -> Result<()> {
    let mut command = rskopeo()?;
    command.args(["unpack", "--layers"]);
    for (option, maps) in [("--uid-map", &maps.uids), ("--gid-map", &maps.gids)] {
        for map in maps {
            let text = format!("{}:{}:{}", map.inside, map.outside, map.size);
            command.arg(option).arg(text);
        }
    }
    command
        .arg(stored(&image.store, &image.reference()))
        .arg(layers);
    run(command, true).with_context(|| {
        format!(
            "unpacking the layers of {} for a user namespace",
            image.reference()
        )
    })
}

impl Image {
    /// What names the image to rskopeo: a name of it, else its id.
    pub(super) fn reference(&self) -> String {
        let name = self.names.first().cloned();
        name.unwrap_or_else(|| format!("@{}", self.id))
    }
}

/// `containers-storage:[rpod@ROOT+RUNROOT]NAME`, or `@ID`
pub(super) fn stored(store: &Store, name: &str) -> OsString {
    let mut reference = OsString::from("containers-storage:[rpod@");
    reference.push(store.image_root());
    reference.push("+");
    reference.push(&store.runroot);
    reference.push(format!("]{name}"));
    reference
}
