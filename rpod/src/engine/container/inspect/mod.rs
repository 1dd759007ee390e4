//! What `inspect` tells of a container, in podman's shape.

mod config;
mod host;
mod state;

use std::path::Path;

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::overlay::is_mount_point;
use super::record::{Container, Mount, Namespace};
use super::{restart, size};
use crate::bundle;
use crate::engine::Context;
use crate::monitor;
use crate::store::record;

/// The object that `rpod inspect` prints.
pub fn inspect(ctx: &Context, container: &Container) -> Result<Value> {
    let status = ctx.store.status(&container.id)?;
    let (home, run) = (container.home(ctx), container.run_dir(ctx));
    // Derived from the record at each start: one that a power loss damaged is as good as none.
    let config: Value = record::load(&home.join("config.json")).unwrap_or_default();
    let caps = |set: &str| {
        let all = match &config["process"]["capabilities"][set] {
            // It was never started.
            Value::Null if set == "effective" => bundle::effective_capabilities(ctx, container)?,
            Value::Null => json!(bundle::capabilities(ctx, container)?),
            known => known.clone(),
        };
        // None at all is a list that was never made.
        Ok::<_, anyhow::Error>(if all == json!([]) { Value::Null } else { all })
    };
    let args = bundle::arguments(container);
    let file = |name: &str| {
        let path = run.join(name);
        if path.exists() {
            json!(path)
        } else {
            json!("")
        }
    };
    let layers: Vec<_> = container
        .image
        .layers
        .iter()
        .rev()
        .map(|layer| {
            ctx.store
                .layers()
                .join(layer)
                .join("diff")
                .display()
                .to_string()
        })
        .collect();
    let mut inspected = json!({
        "Id": container.id,
        "Created": container.created,
        "Path": args.first(),
        // podman takes the first one away only if there are others.
        "Args": if args.len() > 1 { &args[1..] } else { &args },
        "State": state::state(ctx, container, &status, &run)?,
        "Image": container.image.id,
        "ImageDigest": container.image.digest,
        "ImageName": container.image.name,
        "Rootfs": container.rootfs.as_ref().map(|rootfs| rootfs.path.display().to_string()).unwrap_or_default(),
        "Pod": container.pod.clone().unwrap_or_default(),
        "ResolvConfPath": file("resolv.conf"),
        "HostnamePath": file("hostname"),
        "HostsPath": file("hosts"),
        "StaticDir": home,
        "OCIConfigPath": home.join("config.json"),
        "OCIRuntime": container.runtime.clone().map_or_else(|| ctx.runtime(), Ok)?,
        "ConmonPidFile": monitor::pidfile(&run),
        "PidFile": container.pidfile.clone().unwrap_or_else(|| run.join("pidfile")),
        "Name": container.name,
        "RestartCount": restart::count(ctx, container),
        "Driver": "overlay",
        "MountLabel": container.security.mount_label.as_deref().unwrap_or_default(),
        "ProcessLabel": container.security.process_label.as_deref().unwrap_or_default(),
        "AppArmorProfile": container.security.apparmor_profile().unwrap_or_default(),
        "EffectiveCaps": caps("effective")?,
        "BoundingCaps": caps("bounding")?,
        "ExecIDs": exec_ids(&run),
        "GraphDriver": {
            "Name": "overlay",
            "Data": {
                "LowerDir": layers.join(":"),
                "MergedDir": home.join("rootfs"),
                "UpperDir": home.join("upper"),
                "WorkDir": home.join("work"),
            },
        },
        "Mounts": mounts(container),
        "Dependencies": container.namespaces.owners(),
        "NetworkSettings": crate::engine::network::inspect::settings(ctx, container)?,
        "Namespace": "",
        "IsInfra": container.infra,
        "IsService": false,
        "KubeExitCodePropagation": "invalid",
        "UseImageHosts": container.network.no_hosts,
        "UseImageHostname": container.no_hostname,
        "Config": config::settings(container, &config),
        "HostConfig": host::settings(ctx, container, &config),
    });
    if let Some(all) = inspected.as_object_mut() {
        leave_out(all, &home);
    }
    Ok(inspected)
}

/// What is not there yet.
fn leave_out(all: &mut Map<String, Value>, home: &Path) {
    if !home.join("config.json").exists() {
        all.shift_remove("OCIConfigPath");
    }
    let merged = home.join("rootfs");
    if !is_mount_point(&merged).unwrap_or(false)
        && let Some(data) = all["GraphDriver"]["Data"].as_object_mut()
    {
        data.shift_remove("MergedDir");
    }
}

/// The same with the sizes of its files.
pub fn with_size(ctx: &Context, container: &Container) -> Result<Value> {
    let mut object = inspect(ctx, container)?;
    object["SizeRw"] = json!(size::own(ctx, container)?);
    object["SizeRootFs"] = json!(size::with_image(ctx, container)?);
    Ok(object)
}

fn exec_ids(run: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(run.join("exec"))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

/// Of a container that was started, what the runtime was told.
fn annotations(container: &Container, config: &Value) -> Value {
    match &config["annotations"] {
        Value::Null => match bundle::asked_annotations(container) {
            none if none.is_empty() => Value::Null,
            asked => asked.into(),
        },
        told => told.clone(),
    }
}

fn volumes_first(container: &Container) -> impl Iterator<Item = &Mount> {
    let (volumes, others): (Vec<_>, Vec<_>) = container
        .mounts
        .iter()
        .partition(|mount| mount.volume.is_some());
    volumes.into_iter().chain(others)
}

pub fn mounts(container: &Container) -> Vec<Value> {
    let shown = |mount: &&Mount| matches!(mount.kind.as_str(), "bind" | "image");
    volumes_first(container).filter(shown).map(mount).collect()
}

fn mount(mount: &Mount) -> Value {
    let options = mount.all_options();
    let has = |option: &str| options.iter().any(|own| own == option);
    let shown_apart =
        |option: &str| matches!(option, "ro" | "rw" | "z" | "Z") || Mount::is_propagation(option);
    let shown: Value = options
        .iter()
        .filter(|option| !shown_apart(option))
        .cloned()
        .collect();
    let find = |what: &dyn Fn(&str) -> bool| options.iter().find(|option| what(option));
    let mut value = json!({
        "Type": if mount.volume.is_some() { "volume" } else { &mount.kind },
        "Name": mount.volume,
        "Source": mount.source,
        "Destination": mount.destination,
        "Driver": if mount.volume.is_some() { "local" } else { "" },
        "Mode": find(&|option| matches!(option, "z" | "Z")).map_or("", String::as_str),
        "Options": if mount.kind == "image" { Value::Null } else { shown },
        "RW": if mount.kind == "image" { has("rw") } else { !has("ro") },
        "Propagation": find(&Mount::is_propagation).map_or("", String::as_str),
        "SubPath": mount.subpath,
    });
    if let Some(fields) = value.as_object_mut() {
        if mount.volume.is_none() {
            fields.shift_remove("Name");
        }
        if mount.subpath.is_empty() {
            fields.shift_remove("SubPath");
        }
    }
    value
}

pub fn mode(namespace: &Namespace) -> String {
    match namespace {
        Namespace::Private => "private".to_owned(),
        Namespace::Host => "host".to_owned(),
        Namespace::Container(id) => format!("container:{id}"),
        Namespace::Path(path) => format!("ns:{}", path.display()),
    }
}

pub fn security_options(container: &Container) -> Vec<String> {
    let security = &container.security;
    let mut all = Vec::new();
    if security.no_new_privileges {
        all.push("no-new-privileges".to_owned());
    }
    if !security.label_options.is_empty() {
        all.push(format!("label={}", security.label_options.join(",label=")));
    }
    if security.privileged {
        all.push("unmask=all".to_owned());
    }
    all.extend(
        security
            .seccomp
            .iter()
            .map(|profile| format!("seccomp={profile}")),
    );
    all.extend(
        security
            .apparmor
            .iter()
            .map(|profile| format!("apparmor={profile}")),
    );
    all
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_mount_has_its_keys_in_podmans_order() {
        let bind = Mount {
            kind: "bind".to_owned(),
            ..Mount::default()
        };
        let volume = Mount {
            volume: Some("data".to_owned()),
            subpath: "part".to_owned(),
            ..bind.clone()
        };
        let keys = |one: &Mount| -> Vec<String> {
            mount(one).as_object().unwrap().keys().cloned().collect()
        };
        let all = [
            "Type",
            "Name",
            "Source",
            "Destination",
            "Driver",
            "Mode",
            "Options",
            "RW",
            "Propagation",
            "SubPath",
        ];
        assert_eq!(keys(&volume), all);
        let less = |key: &&str| !matches!(*key, "Name" | "SubPath");
        assert_eq!(
            keys(&bind),
            all.into_iter().filter(less).collect::<Vec<_>>()
        );
    }
}
