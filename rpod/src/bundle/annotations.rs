//! `annotations`: what programs around the container know it by.

use serde_json::{Map, Value, json};

use crate::engine::container::record::Container;

/// `annotations`, which hang on nothing that is only there when it runs.
pub fn annotations(container: &Container) -> Map<String, Value> {
    let mut all = asked_annotations(container);
    // So that a machine that goes down ends the container as the engine would.
    let timeout = container.stop_timeout.saturating_mul(1_000_000);
    for (key, value) in [
        ("io.container.manager", "libpod".to_owned()),
        (
            "org.opencontainers.image.stopSignal",
            container.stop_signal.to_string(),
        ),
        (
            "org.systemd.property.KillSignal",
            container.stop_signal.to_string(),
        ),
        (
            "org.systemd.property.TimeoutStopUSec",
            format!("uint64 {timeout}"),
        ),
    ] {
        all.entry(key).or_insert_with(|| json!(value));
    }
    all
}

/// Those that a container has which was never started.
pub fn asked_annotations(container: &Container) -> Map<String, Value> {
    let (security, resources) = (&container.security, &container.resources);
    let mut all = Map::new();
    for (what, is_so) in [
        ("autoremove", container.remove),
        ("init", container.init.is_some()),
        ("privileged", security.privileged),
    ] {
        if is_so {
            all.insert(format!("io.podman.annotations.{what}"), json!("TRUE"));
        }
    }
    if !container.volumes_from.is_empty() {
        let sources = container.volumes_from.join(";");
        all.insert("io.podman.annotations.volumes-from".into(), json!(sources));
    }
    if let Some(path) = &container.cidfile {
        all.insert("io.podman.annotations.cid-file".into(), json!(path));
    }
    let labels = security.label_options.join(",label=");
    for (what, asked) in [
        ("label", Some(labels).filter(|labels| !labels.is_empty())),
        ("seccomp", security.seccomp.clone()),
        ("cpuset", resources.cpuset_cpus.clone()),
        ("memory-nodes", resources.cpuset_mems.clone()),
    ] {
        if let Some(asked) = asked {
            all.insert(format!("io.podman.annotations.{what}"), json!(asked));
        }
    }
    all.extend(
        container
            .annotations
            .iter()
            .map(|(key, value)| (key.clone(), json!(value))),
    );
    all
}
