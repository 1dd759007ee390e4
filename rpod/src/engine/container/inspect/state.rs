//! `State`.

use std::path::Path;

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::engine::Context;
use crate::engine::container::checkpoint;
use crate::engine::container::failure;
use crate::engine::container::health;
use crate::engine::container::record::Container;
use crate::engine::container::restart;
use crate::engine::container::status::Status;
use crate::monitor;

/// How the container is, and what its health checks said.
pub(super) fn state(
    ctx: &Context,
    container: &Container,
    status: &Status,
    run: &Path,
) -> Result<Value> {
    let mut state = derived(container, status, run);
    state["Error"] = failure::of(&container.home(ctx)).into();
    let saved = checkpoint::state::of(&container.home(ctx))?;
    tell_of_checkpoint(&mut state, &saved, &container.home(ctx));
    if restart::was_stopped_by_person(ctx, &container.id) {
        state["StoppedByUser"] = json!(true);
    }
    if container.health.is_set() {
        // Who looks sees to it that it is checked.
        health::status(ctx, container);
        let history = health::history(ctx, container)?;
        let has_log = !history.log.is_empty();
        state["Health"] = json!(history);
        if !has_log {
            state["Health"]["Log"] = Value::Null;
        }
    }
    Ok(state)
}

const NEVER: &str = "0001-01-01T00:00:00Z";

fn derived(container: &Container, status: &Status, run: &Path) -> Value {
    let (pid, code, oom, started, finished) = match status {
        Status::Created => (0, 0, false, None, None),
        Status::Initialized(waiting) => (waiting.pid, 0, false, None, None),
        Status::Running(started) | Status::Paused(started) => {
            (started.pid, 0, false, Some(started.at), None)
        }
        Status::Exited(end) => (0, end.code, end.oom, Some(end.started), end.finished),
    };
    let time = |at: Option<Timestamp>| at.map_or_else(|| NEVER.to_owned(), |at| at.to_string());
    let mut state = json!({
        "OciVersion": "1.0.2",
        "Status": status.word(),
        "Running": status.is_running(),
        "Paused": matches!(status, Status::Paused(_)),
        "Restarting": false,
        "OOMKilled": oom,
        "Dead": false,
        "Pid": pid,
        "ConmonPid": if status.is_active() { monitor::pid(run) } else { None },
        "ExitCode": code,
        "Error": "",
        "StartedAt": time(started),
        "FinishedAt": time(finished),
        "CgroupPath": if status.is_active() && !container.resources.no_cgroup { cgroup(pid) } else { String::new() },
        "CheckpointedAt": NEVER,
        "RestoredAt": NEVER,
    });
    if let Some(all) = state.as_object_mut() {
        // Left out where there is nothing to say.
        all.retain(|key, value| match key.as_str() {
            "ConmonPid" => !value.is_null(),
            "CgroupPath" => *value != "",
            _ => true,
        });
    }
    state
}

/// Only what was checkpointed or restored has more to say than that it was not.
fn tell_of_checkpoint(state: &mut Value, saved: &checkpoint::state::State, home: &Path) {
    let path = |name: &str| home.join(name).display().to_string();
    if let Some(at) = saved.checkpointed {
        state["CheckpointedAt"] = json!(at.to_string());
        if saved.log {
            state["CheckpointLog"] = json!(path("dump.log"));
        }
        state["CheckpointPath"] = json!(checkpoint::images(home));
        state["Checkpointed"] = json!(true);
    }
    if let Some(at) = saved.restored {
        state["RestoredAt"] = json!(at.to_string());
        if saved.log {
            state["RestoreLog"] = json!(path("restore.log"));
        }
        state["Restored"] = json!(true);
    }
}

/// The last line of /proc/PID/cgroup, which is the same in every hierarchy that the runtime uses.
fn cgroup(pid: i32) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    text.lines()
        .last()
        .and_then(|line| line.splitn(3, ':').nth(2))
        .unwrap_or_default()
        .to_owned()
}
