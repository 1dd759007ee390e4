//! An image as `podman image inspect` shows it.

use anyhow::Result;
use serde_json::{Value, json};

use super::Image;

/// podman-image-inspect(1); keys in podman's order.
pub fn inspect(image: &Image) -> Result<Value> {
    let size = image.size()?;
    let config = image.config.config.clone().unwrap_or_default();
    // A name with a digest is none of a tag.
    let tags = image.names.iter().filter(|name| !name.contains('@'));
    Ok(json!({
        "Id": image.id,
        "Digest": image.digest,
        "RepoTags": tags.collect::<Vec<_>>(),
        "RepoDigests": image.repo_digests(),
        "Parent": "",
        "Comment": last_comment(image),
        "Created": image.config.created.as_ref().map(|_| image.created().to_string()),
        "Config": config,
        "Version": image.config.docker_version,
        "Author": image.config.author,
        "Architecture": image.config.architecture,
        "Os": image.config.os,
        "Size": size,
        "VirtualSize": size,
        "GraphDriver": { "Name": "overlay", "Data": graph(image) },
        "RootFS": { "Type": image.config.rootfs.kind, "Layers": image.config.rootfs.diff_ids },
        "Labels": config.labels,
        "Annotations": image.annotations,
        "ManifestType": image.media_type,
        "User": config.user,
        "History": Some(&image.config.history).filter(|history| !history.is_empty()),
        "NamesHistory": image.names_history,
    }))
}

/// The image's own comment, else that of its newest layer.
fn last_comment(image: &Image) -> String {
    if !image.config.comment.is_empty() {
        return image.config.comment.clone();
    }
    let last = image
        .config
        .history
        .last()
        .and_then(|entry| entry["comment"].as_str());
    last.unwrap_or_default().to_owned()
}

/// Where the layers are: the topmost as upper, those below it as lower.
fn graph(image: &Image) -> Value {
    let diff = |layer: &String| {
        image
            .store
            .layers()
            .join(layer)
            .join("diff")
            .display()
            .to_string()
    };
    let mut paths: Vec<String> = image.layers.iter().rev().map(diff).collect();
    if paths.is_empty() {
        return json!({});
    }
    let upper = paths.remove(0);
    // Where it would be, if the layer were ever written to.
    let work = upper.trim_end_matches("diff").to_owned() + "work";
    match paths.is_empty() {
        true => json!({ "UpperDir": upper, "WorkDir": work }),
        false => json!({ "LowerDir": paths.join(":"), "UpperDir": upper, "WorkDir": work }),
    }
}
