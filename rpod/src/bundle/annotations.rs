//! `annotations`: what programs around the container know it by.

use serde_json::{Map, Value, json};

use crate::engine::container::record::Container;

/// `annotations`, which hang on nothing that is only there when it runs.
pub fn annotations(container: &Container) -> Value {
    let mut all = Map::new();
    all.insert("io.container.manager".into(), json!("libpod"));
    for (what, is_so) in [
        ("autoremove", container.remove),
        ("init", container.init.is_some()),
        ("privileged", container.security.privileged),
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
    if !container.security.label_options.is_empty() {
        let options = container.security.label_options.join(",label=");
        all.insert("io.podman.annotations.label".into(), json!(options));
    }
    all.insert(
        "org.opencontainers.image.stopSignal".into(),
        json!(container.stop_signal.to_string()),
    );
    all.extend(
        container
            .annotations
            .iter()
            .map(|(key, value)| (key.clone(), json!(value))),
    );
    Value::Object(all)
}
