//! Whose namespaces: `nsmode`, and by which name or path.

use serde_json::{Value, json};

use super::Spec;
use crate::engine::container::record::{Container, Namespace};
use crate::engine::network::inspect::mode_alone;
use crate::engine::user_namespace::UserNamespace;
use crate::engine::user_namespace::map::IdMap;

pub(super) fn of(namespace: &Namespace) -> Value {
    match namespace {
        Namespace::Private => json!({ "nsmode": "private" }),
        Namespace::Host => json!({ "nsmode": "host" }),
        Namespace::Container(id) => json!({ "nsmode": "container", "value": id }),
        Namespace::Path(path) => json!({ "nsmode": "path", "value": path }),
    }
}

pub(super) fn add_network(spec: &mut Spec, container: &Container) {
    if container.namespaces.net != Namespace::Private {
        spec.always("netns", of(&container.namespaces.net));
        return;
    }
    let word = mode_alone(container).unwrap_or("bridge");
    spec.always("netns", json!({ "nsmode": word }));
    if let Some(mode) = container
        .network
        .user_mode
        .as_ref()
        .filter(|mode| !mode.options.is_empty())
    {
        spec.add("network_options", json!({ word: mode.options }));
    }
}

pub(super) fn add_users(spec: &mut Spec, users: &UserNamespace) {
    let (mode, maps) = match users {
        UserNamespace::Host => (json!({ "nsmode": "default" }), None),
        UserNamespace::Own(maps) => (json!({ "nsmode": "private" }), Some(maps)),
        UserNamespace::Container(id, maps) => {
            (json!({ "nsmode": "container", "value": id }), Some(maps))
        }
        UserNamespace::Path(path, _) => (json!({ "nsmode": "path", "value": path }), None),
    };
    spec.always("userns", mode);
    let list = |maps: &[IdMap]| -> Value {
        let one = |map: &IdMap| json!({ "container_id": map.inside, "host_id": map.outside, "size": map.size });
        maps.iter().map(one).collect()
    };
    let (uids, gids) = match maps {
        Some(maps) => (list(&maps.uids), list(&maps.gids)),
        None => (Value::Null, Value::Null),
    };
    spec.always(
        "idmappings",
        json!({
            "HostUIDMapping": maps.is_none(),
            "HostGIDMapping": maps.is_none(),
            "UIDMap": uids,
            "GIDMap": gids,
            "AutoUserNs": false,
            "AutoUserNsOpts": {
                "Size": 0,
                "InitialSize": 0,
                "PasswdFile": "",
                "GroupFile": "",
                "AdditionalUIDMappings": null,
                "AdditionalGIDMappings": null,
            },
        }),
    );
}
