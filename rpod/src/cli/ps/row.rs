//! A container as `ps` tells it: podman's JSON, and what templates make of it.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::ports;
use crate::engine::container::record::Container;
use crate::engine::container::status::Status;
use crate::engine::container::{health, restart, size};
use crate::engine::{Context, pod};
use crate::output::{ago, human_duration, image_size, pairs};
use crate::store::id;
use crate::store::readable::Readable;

/// Go's zero time in seconds: "never".
const NEVER: i64 = -62_135_596_800;

/// More of a command is not shown in the table.
const COMMAND_WIDTH: usize = 17;

pub(super) fn of(
    ctx: &Context,
    container: &Container,
    status: &Status,
    with_size: bool,
) -> Result<Value> {
    let (pid, started, ended, code) = match status {
        Status::Created => (0, NEVER, NEVER, 0),
        Status::Initialized(waiting) => (waiting.pid, NEVER, NEVER, 0),
        Status::Running(started) | Status::Paused(started) => {
            (started.pid, started.at.as_second(), NEVER, 0)
        }
        Status::Exited(end) => (
            0,
            end.started.as_second(),
            end.finished.map_or(NEVER, Timestamp::as_second),
            end.code,
        ),
    };
    let created: Timestamp = container.created.parse()?;
    let size = if with_size {
        json!({ "rootFsSize": size::with_image(ctx, container)?, "rwSize": size::own(ctx, container)? })
    } else {
        Value::Null
    };
    let mut words = words(status);
    if let Some(health) = health::status(ctx, container) {
        words.push_str(&format!(" ({health})"));
    }
    Ok(json!({
        "AutoRemove": container.remove,
        "Command": container.process.command,
        "CreatedAt": ago(created),
        "CIDFile": "",
        "Exited": matches!(status, Status::Exited(_)),
        "ExitedAt": ended,
        "ExitCode": code,
        "ExposedPorts": ports::exposed(container),
        "Id": container.id,
        "Image": container.image.name,
        "ImageID": container.image.id,
        "IsInfra": container.infra,
        "Labels": container.labels,
        "Mounts": container.mounts.iter().map(|mount| &mount.destination).collect::<Vec<_>>(),
        "Names": [container.name],
        "Namespaces": namespaces(pid),
        "Networks": container.network.names,
        "Pid": pid,
        "Pod": container.pod.clone().unwrap_or_default(),
        "PodName": pod_name(ctx, container),
        "Ports": ports::published(ctx, container)?,
        "Restarts": restart::count(ctx, container),
        "Size": size,
        "StartedAt": started,
        "State": status.word(),
        "Status": words,
        "Created": created.as_second(),
    }))
}

/// The inode numbers by which the kernel tells namespaces apart.
fn namespaces(pid: i32) -> Value {
    let mut all = json!({});
    for (key, file) in [
        ("Cgroup", "cgroup"),
        ("IPC", "ipc"),
        ("MNT", "mnt"),
        ("NET", "net"),
        ("PIDNS", "pid"),
        ("UTS", "uts"),
        ("User", "user"),
    ] {
        if pid > 0
            && let Ok(link) = std::fs::read_link(format!("/proc/{pid}/ns/{file}"))
            && let Some((_, number)) = link.to_string_lossy().trim_end_matches(']').split_once('[')
        {
            all[key] = number.into();
        }
    }
    all
}

/// Nothing for one without a pod, or whose pod is damaged: that is told.
fn pod_name(ctx: &Context, container: &Container) -> String {
    let mut pods = Readable::default();
    if let Some(pod) = &container.pod {
        pods.add(pod::load_if_there(ctx, pod));
    }
    pods.told().pop().map(|pod| pod.name).unwrap_or_default()
}

fn words(status: &Status) -> String {
    match status {
        Status::Created => "Created".to_owned(),
        Status::Initialized(_) => "Initialized".to_owned(),
        Status::Paused(_) => "Paused".to_owned(),
        Status::Running(started) if started.stopping => "Stopping".to_owned(),
        Status::Running(started) => format!(
            "Up {}",
            human_duration(Timestamp::now().duration_since(started.at))
        ),
        Status::Exited(end) => match end.finished {
            Some(finished) => format!("Exited ({}) {}", end.code, ago(finished)),
            None => format!("Exited ({})", end.code),
        },
    }
}

pub(super) fn heading(name: &str) -> Option<&'static str> {
    Some(match name {
        "ID" => "CONTAINER ID",
        "CreatedHuman" => "CREATED",
        "Cgroup" => "CGROUPNS",
        "PIDNS" => "PIDNS",
        "USERNS" => "USERNS",
        "Pod" => "POD ID",
        "PodName" => "PODNAME",
        "RunningFor" => "RUNNING FOR",
        _ => return None,
    })
}

pub(super) fn short(row: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    let cut = |key: &str| row[key].as_str().map(|id| id::short(id).into());
    match name {
        "ID" => cut("Id"),
        "Pod" => cut("Pod"),
        "ImageID" => cut("ImageID"),
        "Command" => Some(shortened(&command(row)).into()),
        _ => whole(row, name, arguments),
    }
}

pub(super) fn whole(row: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
    Some(match name {
        "ID" => row["Id"].clone(),
        "Command" => command(row).into(),
        "CreatedHuman" | "RunningFor" => row["CreatedAt"].clone(),
        "Created" => {
            let created = Timestamp::from_second(row["Created"].as_i64()?).ok()?;
            crate::output::go_seconds(created).into()
        }
        "Names" | "Networks" | "Mounts" => joined(&row[name]).into(),
        "Size" => match &row["Size"] {
            Value::Null => "".into(),
            sizes => format!(
                "{} (virtual {})",
                image_size(sizes["rwSize"].as_u64()?).replace(" ", ""),
                image_size(sizes["rootFsSize"].as_u64()?).replace(" ", "")
            )
            .into(),
        },
        "Ports" => ports::shown(row)?.into(),
        "Label" => row["Labels"]
            .get(arguments.first()?.as_str()?)
            .cloned()
            .unwrap_or_else(|| "".into()),
        "Labels" => pairs(&row["Labels"]).into(),
        "Cgroup" | "IPC" | "MNT" | "NET" | "PIDNS" | "UTS" => row["Namespaces"]
            .get(name)
            .cloned()
            .unwrap_or_else(|| "".into()),
        "USERNS" | "User" => row["Namespaces"]
            .get("User")
            .cloned()
            .unwrap_or_else(|| "".into()),
        _ => return None,
    })
}

fn command(row: &Value) -> String {
    let words = row["Command"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    words.collect::<Vec<_>>().join(" ")
}

fn shortened(command: &str) -> String {
    match command.char_indices().nth(COMMAND_WIDTH) {
        Some((end, _)) => format!("{}...", &command[..end]),
        None => command.to_owned(),
    }
}

fn joined(list: &Value) -> String {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_commands_are_cut() {
        assert_eq!(shortened("sleep 600"), "sleep 600");
        assert_eq!(
            shortened("sh -c echo a very long one"),
            "sh -c echo a very..."
        );
    }
}
