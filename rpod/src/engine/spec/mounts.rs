//! What is mounted: `mounts`, and the kinds that have lists of their own.

use serde_json::{Value, json};

use super::Spec;
use crate::engine::container::record::Mount;

pub(super) fn add(spec: &mut Spec, mounts: &[Mount]) {
    let of = |kind: &str, one: fn(&Mount) -> Value| -> Value {
        let wanted = mounts.iter().filter(|mount| kind_of(mount) == kind);
        wanted.map(one).collect()
    };
    spec.add("mounts", of("mount", plain));
    spec.add("volumes", of("volume", volume));
    spec.add("overlay_volumes", of("overlay", over));
    spec.add("image_volumes", of("image", image));
    spec.add("artifact_volumes", of("artifact", artifact));
}

fn kind_of(mount: &Mount) -> &str {
    match mount.kind.as_str() {
        "image" | "artifact" => &mount.kind,
        _ if mount.over.is_some() => "overlay",
        _ if mount.volume.is_some() => "volume",
        _ => "mount",
    }
}

fn plain(mount: &Mount) -> Value {
    json!({
        "destination": mount.destination,
        "type": mount.kind,
        "source": mount.source,
        "options": mount.options,
    })
}

fn volume(mount: &Mount) -> Value {
    let mut options = mount.options.clone();
    if mount.no_copy {
        options.push("nocopy".to_owned());
    }
    json!({
        "Name": mount.volume,
        "Dest": mount.destination,
        "Options": options,
        "IsAnonymous": false,
        "SubPath": mount.subpath,
    })
}

fn over(mount: &Mount) -> Value {
    let mut options = mount.options.clone();
    let asked = mount.over.clone().unwrap_or_default();
    for (key, path) in [("upperdir", asked.upper), ("workdir", asked.work)] {
        options.extend(path.map(|path| format!("{key}={}", path.display())));
    }
    let source = mount.volume.as_ref().unwrap_or(&mount.source);
    json!({ "destination": mount.destination, "source": source, "options": options })
}

fn image(mount: &Mount) -> Value {
    let mut image = json!({
        "Source": mount.source,
        "Destination": mount.destination,
        "ReadWrite": mount.over.is_some(),
    });
    if !mount.subpath.is_empty() {
        image["subPath"] = json!(mount.subpath);
    }
    image
}

fn artifact(mount: &Mount) -> Value {
    let mut artifact = Spec::default();
    artifact.add("source", mount.source.clone());
    artifact.add("destination", mount.destination.clone());
    artifact.add("title", mount.choice.title.clone());
    artifact.add("digest", mount.choice.digest.clone());
    artifact.add("name", mount.name.clone());
    artifact.0.into()
}
