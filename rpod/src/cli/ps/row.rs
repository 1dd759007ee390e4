//! A container as `ps` tells it: podman's JSON, and what templates make of it.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::ports;
use crate::engine::container::record::Container;
use crate::engine::container::status::Status;
use crate::engine::container::{health, restart, size};
use crate::engine::{Context, pod};
use crate::output::{ago, human_duration, image_size, log, pairs};
use crate::store::id;
use crate::store::readable::Readable;

/// Go's zero time in seconds: "never".
const NEVER: i64 = -62_135_596_800;

/// More of a command is not shown in the table.
const COMMAND_WIDTH: usize = 17;

/// A container that is shown.
pub(super) struct Shown<'a> {
    pub(super) ctx: &'a Context,
    pub(super) container: &'a Container,
    pub(super) status: &'a Status,
    pub(super) with_size: bool,
    pub(super) with_namespaces: bool,
}

/// How a field is found out.
type Field = fn(&Shown) -> Result<Value>;

/// podman's keys, in its order.
const FIELDS: &[(&str, Field)] = &[
    ("AutoRemove", |of| Ok(of.container.remove.into())),
    ("Command", |of| Ok(json!(of.container.process.command))),
    ("CreatedAt", |of| Ok(ago(of.created()?).into())),
    ("CIDFile", |of| {
        Ok(json!(of.container.cidfile.clone().unwrap_or_default()))
    }),
    ("Exited", |of| {
        Ok(matches!(of.status, Status::Exited(_)).into())
    }),
    ("ExitedAt", |of| Ok(of.ended().into())),
    ("ExitCode", |of| Ok(of.exit_code().into())),
    ("ExposedPorts", |of| Ok(ports::exposed(of.container))),
    ("Id", |of| Ok(of.container.id.as_str().into())),
    ("Image", |of| Ok(of.container.image.name.as_str().into())),
    ("ImageID", |of| Ok(of.container.image.id.as_str().into())),
    ("IsInfra", |of| Ok(of.container.infra.into())),
    ("Labels", |of| {
        Ok(json!(
            Some(&of.container.labels).filter(|labels| !labels.is_empty())
        ))
    }),
    ("Mounts", |of| Ok(of.mounts())),
    ("Names", |of| Ok(json!([of.container.name]))),
    ("Namespaces", |of| Ok(of.namespaces())),
    ("Networks", |of| Ok(json!(of.container.network.names))),
    ("Pid", |of| Ok(of.pid().into())),
    ("Pod", |of| {
        Ok(of.container.pod.as_deref().unwrap_or_default().into())
    }),
    ("PodName", |of| Ok(pod_name(of.ctx, of.container).into())),
    ("Ports", |of| ports::published(of.ctx, of.container)),
    ("Restarts", |of| {
        Ok(restart::count(of.ctx, of.container).into())
    }),
    ("Size", |of| of.size()),
    ("StartedAt", |of| Ok(of.started().into())),
    ("State", |of| Ok(of.status.word().into())),
    ("Status", |of| Ok(of.words().into())),
    ("Created", |of| Ok(of.created()?.as_second().into())),
];

impl Shown<'_> {
    /// Those of its fields that somebody looks at.
    pub(super) fn row(&self, is_looked_at: impl Fn(&str) -> bool) -> Result<Value> {
        let fields = FIELDS.iter().filter(|(key, _)| is_looked_at(key));
        let values = fields.map(|(key, field)| Ok(((*key).to_owned(), field(self)?)));
        Ok(Value::Object(values.collect::<Result<_>>()?))
    }

    fn created(&self) -> Result<Timestamp> {
        Ok(self.container.created.parse()?)
    }

    fn pid(&self) -> i32 {
        match self.status {
            Status::Initialized(process) | Status::Running(process) | Status::Paused(process) => {
                process.pid
            }
            Status::Created | Status::Exited(_) => 0,
        }
    }

    /// In seconds.
    fn started(&self) -> i64 {
        match self.status {
            Status::Running(process) | Status::Paused(process) => process.at.as_second(),
            Status::Exited(end) => end.started.as_second(),
            Status::Created | Status::Initialized(_) => NEVER,
        }
    }

    fn ended(&self) -> i64 {
        match self.status {
            Status::Exited(end) => end.finished.map_or(NEVER, Timestamp::as_second),
            _ => NEVER,
        }
    }

    fn exit_code(&self) -> i32 {
        match self.status {
            Status::Exited(end) => end.code,
            _ => 0,
        }
    }

    fn mounts(&self) -> Value {
        let mounts = self.container.mounts.iter();
        mounts.map(|mount| mount.destination.as_str()).collect()
    }

    fn size(&self) -> Result<Value> {
        if !self.with_size {
            return Ok(Value::Null);
        }
        let (ctx, container) = (self.ctx, self.container);
        Ok(
            json!({ "rootFsSize": size::with_image(ctx, container)?, "rwSize": size::own(ctx, container)? }),
        )
    }

    fn namespaces(&self) -> Value {
        match self.with_namespaces {
            true => namespaces(self.pid()),
            false => json!({}),
        }
    }

    fn words(&self) -> String {
        let mut words = words(self.status);
        if let Some(health) = health::status(self.ctx, self.container) {
            words.push_str(&format!(" ({health})"));
        }
        words
    }
}

/// The keys of a row from which a column of the table is made.
pub(super) fn keys<'a>(column: &'a &'static str) -> &'a [&'static str] {
    match *column {
        "ID" => &["Id"],
        "CreatedHuman" => &["CreatedAt"],
        "Ports" => &["Ports", "ExposedPorts"],
        "Cgroup" | "IPC" | "MNT" | "NET" | "PIDNS" | "USERNS" | "UTS" => &["Namespaces"],
        _ => std::slice::from_ref(column),
    }
}

/// The inode numbers by which the kernel tells namespaces apart.
fn namespaces(pid: i32) -> Value {
    let mut all = json!({});
    for (key, file) in [
        ("Mnt", "mnt"),
        ("Cgroup", "cgroup"),
        ("Ipc", "ipc"),
        ("Net", "net"),
        ("Pidns", "pid"),
        ("Uts", "uts"),
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
            Value::Null => {
                log::error("Size format requires --size option");
                "".into()
            }
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
        "CGROUPNS" | "Cgroup" => namespace(row, "Cgroup"),
        "IPC" => namespace(row, "Ipc"),
        "MNT" => namespace(row, "Mnt"),
        "NET" => namespace(row, "Net"),
        "PIDNS" => namespace(row, "Pidns"),
        "USERNS" | "User" => namespace(row, "User"),
        "UTS" => namespace(row, "Uts"),
        _ => return None,
    })
}

/// Of a container, or of its `.Namespaces`.
fn namespace(row: &Value, key: &str) -> Value {
    let all = row.get("Namespaces").unwrap_or(row);
    all.get(key).cloned().unwrap_or_else(|| "".into())
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
