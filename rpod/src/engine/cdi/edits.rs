//! What a described device asks of a container.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};

use anyhow::{Context as _, Result, bail};
use nix::sys::stat::{major, minor};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::container::record::Container;

/// What is not known here is refused, lest the device work by half.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub(super) struct Edits {
    env: Vec<String>,
    device_nodes: Vec<Node>,
    mounts: Vec<Mount>,
    hooks: Vec<Hook>,
    additional_gids: Vec<u32>,
    intel_rdt: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Node {
    path: String,
    host_path: String,
    #[serde(rename = "type")]
    kind: String,
    major: Option<u64>,
    minor: Option<u64>,
    file_mode: Option<u32>,
    permissions: String,
    uid: Option<u32>,
    gid: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Mount {
    host_path: String,
    container_path: String,
    options: Vec<String>,
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
struct Hook {
    hook_name: String,
    path: String,
    args: Vec<String>,
    env: Vec<String>,
    timeout: Option<i64>,
}

impl Edits {
    pub(super) fn apply(&self, container: &Container, config: &mut Value) -> Result<()> {
        for variable in &self.env {
            set_variable(config, variable);
        }
        for node in &self.device_nodes {
            let node = node
                .settled()
                .with_context(|| format!("device node {}", node.path))?;
            let device = &mut config["linux"]["devices"];
            push(device, node.device());
            if !container.security.privileged {
                push(&mut config["linux"]["resources"]["devices"], node.rule());
            }
        }
        for mount in &self.mounts {
            let kind = if mount.kind.is_empty() {
                "bind"
            } else {
                &mount.kind
            };
            push(
                &mut config["mounts"],
                json!({ "destination": mount.container_path, "source": mount.host_path, "type": kind, "options": mount.options }),
            );
        }
        for hook in &self.hooks {
            hook.add(config)?;
        }
        for gid in &self.additional_gids {
            push(&mut config["process"]["user"]["additionalGids"], json!(gid));
        }
        if let Some(class) = &self.intel_rdt {
            config["linux"]["intelRdt"] = class.clone();
        }
        Ok(())
    }
}

impl Node {
    /// What is not said is as on the host.
    fn settled(&self) -> Result<Node> {
        let host = match self.host_path.as_str() {
            "" => &self.path,
            path => path,
        };
        let about = std::fs::metadata(host).with_context(|| format!("stat {host}"))?;
        let kind = match about.file_type() {
            kind if kind.is_char_device() => "c",
            kind if kind.is_block_device() => "b",
            kind if kind.is_fifo() => "p",
            _ => bail!("{host} is no device node"),
        };
        if !self.kind.is_empty() && self.kind != kind {
            bail!("{host} is of type {kind} and not {}", self.kind);
        }
        let permissions = match self.permissions.as_str() {
            "" => "rwm",
            asked => asked,
        };
        Ok(Node {
            path: self.path.clone(),
            host_path: host.to_owned(),
            kind: kind.to_owned(),
            major: self.major.or(Some(major(about.rdev()))),
            minor: self.minor.or(Some(minor(about.rdev()))),
            file_mode: self.file_mode.or(Some(about.mode() & 0o7777)),
            permissions: permissions.to_owned(),
            uid: self.uid.or(Some(about.uid())),
            gid: self.gid.or(Some(about.gid())),
        })
    }

    fn device(&self) -> Value {
        json!({
            "path": self.path, "type": self.kind, "major": self.major, "minor": self.minor,
            "fileMode": self.file_mode, "uid": self.uid, "gid": self.gid,
        })
    }

    fn rule(&self) -> Value {
        json!({
            "allow": true, "type": self.kind, "major": self.major, "minor": self.minor, "access": self.permissions,
        })
    }
}

impl Hook {
    fn add(&self, config: &mut Value) -> Result<()> {
        const MOMENTS: [&str; 6] = [
            "prestart",
            "createRuntime",
            "createContainer",
            "startContainer",
            "poststart",
            "poststop",
        ];
        if !MOMENTS.contains(&self.hook_name.as_str()) {
            bail!("hook {:?}: one of {}", self.hook_name, MOMENTS.join(", "));
        }
        let mut hook = json!({ "path": self.path, "args": self.args, "env": self.env });
        if let Some(timeout) = self.timeout {
            hook["timeout"] = json!(timeout);
        }
        push(&mut config["hooks"][&self.hook_name], hook);
        Ok(())
    }
}

/// In the place of another value of the same variable.
fn set_variable(config: &mut Value, variable: &str) {
    let name = variable.split('=').next().unwrap_or_default();
    let list = &mut config["process"]["env"];
    if let Some(list) = list.as_array_mut() {
        let is_same = |other: &Value| {
            let other = other.as_str().and_then(|text| text.split('=').next());
            other == Some(name)
        };
        list.retain(|other| !is_same(other));
    }
    push(list, json!(variable));
}

fn push(list: &mut Value, value: Value) {
    match list {
        Value::Array(list) => list.push(value),
        other => *other = json!([value]),
    }
}
