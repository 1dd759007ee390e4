//! Structs of Go's among the JSON: `%v` writes their values alone, in the order of the fields.
//!
//! JSON does not tell a struct from a map, so the few that people print whole are known by their keys.

use serde_json::{Map, Value};

/// Fields in Go's order. What JSON leaves out where it is empty has a `?`; behind `=` stands what a null is printed as.
const KNOWN: [&str; 12] = [
    // Mounts
    "Type Name? Source Destination Driver Mode Options=[] RW Propagation SubPath?",
    // HostConfig.Ulimits
    "Name Soft Hard",
    // HostConfig.LogConfig
    "Type Config=map[] Path Tag Size",
    // HostConfig.RestartPolicy
    "Name MaximumRetryCount",
    // HostConfig.Devices
    "PathOnHost PathInContainer CgroupPermissions",
    // HostConfig.PortBindings, NetworkSettings.Ports
    "HostIp HostPort",
    // HostConfig.BlkioWeightDevice and its kin
    "Path Weight",
    "Path Rate",
    // HostConfig.IDMappings
    "UidMap GidMap",
    // GraphDriver
    "Name Data=map[]",
    // State.Health and its log
    "Status FailingStreak Log=[]",
    "Start End ExitCode Output",
];

/// The values as they are printed, if the object is one of the structs.
pub(super) fn values(
    object: &Map<String, Value>,
    plain: fn(&Value) -> String,
) -> Option<Vec<String>> {
    let known = KNOWN.iter().find(|fields| is_of(object, fields))?;
    let printed = known.split(' ').map(|field| {
        let (name, null) = parts(field);
        match object.get(name) {
            None => String::new(),
            Some(Value::Null) => null.to_owned(),
            Some(value) => plain(value),
        }
    });
    Some(printed.collect())
}

fn is_of(object: &Map<String, Value>, fields: &str) -> bool {
    let all_there = fields
        .split(' ')
        .all(|field| field.ends_with('?') || object.contains_key(parts(field).0));
    let is_field = |key: &String| fields.split(' ').any(|field| parts(field).0 == key);
    all_there && object.keys().all(is_field)
}

fn parts(field: &str) -> (&str, &str) {
    let field = field.trim_end_matches('?');
    field.split_once('=').unwrap_or((field, "<nil>"))
}
