//! What `inspect` and `ls --format json` tell of a volume, in podman's shape.

use anyhow::Result;
use serde_json::{Value, json};

use super::{Volume, archive, mount};
use crate::engine::Context;

/// Fields that are left out of the JSON where they say nothing.
pub fn omitted(object: &Value, name: &str, _: &[Value]) -> Option<Value> {
    let value = match name {
        "UID" | "GID" | "Timeout" => json!(0),
        "Anonymous" | "NeedsCopyUp" | "NeedsChown" => json!(false),
        "Status" => json!({}),
        "StorageID" => json!(""),
        _ => return None,
    };
    (object.get("Mountpoint").is_some() && object.get(name).is_none()).then_some(value)
}

pub fn inspect(ctx: &Context, volume: &Volume) -> Result<Value> {
    archive::tell_if_incomplete(ctx, volume)?;
    let mut value = json!({
        "Name": volume.name,
        "Driver": volume.driver,
        "Mountpoint": volume.data(ctx),
        "CreatedAt": volume.created,
        "Labels": volume.labels,
        "Scope": "local",
        "Options": volume.options,
    });
    let more = [
        ("UID", volume.uid.filter(|id| *id != 0).map(|id| json!(id))),
        ("GID", volume.gid.filter(|id| *id != 0).map(|id| json!(id))),
        ("Anonymous", volume.anonymous.then(|| json!(true))),
        ("MountCount", Some(json!(mount::count(ctx, volume, None)?))),
        ("NeedsCopyUp", volume.needs_copy_up.then(|| json!(true))),
        (
            "NeedsChown",
            (volume.needs_copy_up && !volume.has_owner).then(|| json!(true)),
        ),
    ];
    for (key, field) in more {
        if let Some(field) = field {
            value[key] = field;
        }
    }
    Ok(value)
}
