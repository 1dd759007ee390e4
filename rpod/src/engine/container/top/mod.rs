//! The processes of a container, told in columns: podman-top(1).
//!
//! They are found in the host's /proc by their PID namespace (by their cgroup, if the container has none of its own), and told as
//! the container sees them: PIDs of its namespace, names of its own passwd and group.

mod descriptor;
mod names;
mod process;
mod ps;

use anyhow::{Result, bail};

use super::record::{Container, Namespace};
use super::status::Status;
use crate::engine::Context;

pub use descriptor::{Descriptor, names as descriptors};
pub use ps::run as run_ps;

/// podman's columns, like those of `ps -ef`.
const DEFAULT: [&str; 8] = [
    "user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args",
];

/// The columns that were asked for, each word a list; nothing if one of them is not known and ps(1) has to be asked.
pub fn columns(words: &[String]) -> Option<Vec<&'static Descriptor>> {
    let asked: Vec<&str> = words
        .iter()
        .flat_map(|word| word.split(','))
        .filter(|name| !name.is_empty())
        .collect();
    let asked = if asked.is_empty() {
        &DEFAULT
    } else {
        &asked[..]
    };
    asked.iter().map(|name| descriptor::find(name)).collect()
}

/// One line a process, cells parted by tabs.
pub fn lines(ctx: &Context, container: &Container, columns: &[&Descriptor]) -> Result<Vec<String>> {
    let init = running(ctx, container)?;
    let by_namespace = container.namespaces.pid != Namespace::Host;
    let view = names::View::of(&container.home(ctx).join("rootfs"), init)?;
    let mut lines = Vec::new();
    for process in process::of_container(init, by_namespace)? {
        let cells: Vec<String> = columns
            .iter()
            .map(|column| (column.value)(&process, &view))
            .collect();
        lines.push(cells.join("\t"));
    }
    Ok(lines)
}

/// The headings, parted by tabs.
pub fn heading(columns: &[&Descriptor]) -> String {
    let headings: Vec<_> = columns.iter().map(|column| column.heading).collect();
    headings.join("\t")
}

/// The first process of a container that runs.
pub fn running(ctx: &Context, container: &Container) -> Result<i32> {
    match ctx.store.status(&container.id)? {
        Status::Running(started) => Ok(started.pid),
        _ => bail!("top can only be used on running containers"),
    }
}
