//! Devices: those of the host that were asked for, and which the cgroup lets the container open.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::Path;

use anyhow::{Context as _, Result, bail};
use nix::sys::stat::{major, minor};
use serde_json::{Value, json};

use crate::engine::cdi::is_name;
use crate::engine::container::record::Container;
use crate::engine::rootless;
use crate::output::parse_number;

/// A device of the host as the container sees it.
struct Device {
    path: String,
    kind: char,
    major: u64,
    minor: u64,
    mode: u32,
    uid: u32,
    gid: u32,
    access: String,
}

/// `linux.devices`: nodes that the runtime makes.
pub(super) fn of(container: &Container) -> Result<Vec<Value>> {
    Ok(asked(container)?
        .into_iter()
        .map(|d| {
            json!({
                "path": d.path, "type": d.kind.to_string(), "major": d.major, "minor": d.minor,
                "fileMode": d.mode, "uid": d.uid, "gid": d.gid,
            })
        })
        .collect())
}

/// `linux.resources.devices`.
pub(super) fn rules(container: &Container) -> Result<Vec<Value>> {
    if container.security.privileged {
        return Ok(vec![json!({ "allow": true, "access": "rwm" })]);
    }
    let mut rules = vec![json!({ "allow": false, "access": "rwm" })];
    for d in asked(container)? {
        rules.push(json!({ "allow": true, "type": d.kind.to_string(), "major": d.major, "minor": d.minor, "access": d.access }));
    }
    for text in &container.resources.device_rules {
        rules.push(rule(text)?);
    }
    Ok(rules)
}

/// `a|b|c MAJOR|*:MINOR|* rwm`, with podman's complaints: podman-run(1), "--device-cgroup-rule". `a` is for every device.
pub fn rule(text: &str) -> Result<Value> {
    let words: Vec<&str> = text.split(' ').filter(|word| !word.is_empty()).collect();
    let [kind, numbers, access] = words[..] else {
        bail!("invalid device cgroup rule requires type, major:Minor, and access rules: {text:?}");
    };
    if !matches!(kind, "a" | "b" | "c") {
        bail!("invalid device type in device-access-add: {kind}");
    }
    if let Some(other) = access.chars().find(|letter| !"rwm".contains(*letter)) {
        bail!("invalid device access in device-access-add: {other}");
    }
    let mut rule = json!({ "allow": true, "type": kind, "access": access });
    let (major, minor) = numbers.split_once(':').unwrap_or((numbers, "*"));
    for (key, number) in [("major", major), ("minor", minor)] {
        if number != "*" {
            rule[key] = json!(parse_number::<u32>("ParseUint", number)?);
        }
    }
    Ok(rule)
}

fn asked(container: &Container) -> Result<Vec<Device>> {
    let mut found = Vec::new();
    for text in container.devices.iter().filter(|text| !is_name(text)) {
        let (source, target, access) = split(text)?;
        let source = Path::new(source);
        if source.is_dir() {
            found.extend(below(source, target, access)?);
        } else {
            found.push(
                device(source, target, access)?
                    .with_context(|| format!("{} is not a device node", source.display()))?,
            );
        }
    }
    if container.security.privileged {
        let mut all = below(Path::new("/dev"), "/dev", "rwm")?;
        // An init inside would take the host's screen for its own.
        let has_terminals = !container.systemd && !rootless();
        all.retain(|device| has_terminals || !is_virtual_terminal(&device.path));
        found.extend(all);
    }
    Ok(found)
}

/// What was asked for is there: told when the container is made.
pub fn check(container: &Container) -> Result<()> {
    for text in container.devices.iter().filter(|text| !is_name(text)) {
        let (source, ..) = split(text)?;
        std::fs::metadata(source).with_context(|| format!("stat {source}"))?;
    }
    Ok(())
}

/// `host[:container][:permissions]`.
pub fn split(text: &str) -> Result<(&str, &str, &str)> {
    let parts: Vec<&str> = text.split(':').collect();
    let is_access =
        |part: &str| !part.is_empty() && part.bytes().all(|b| matches!(b, b'r' | b'w' | b'm'));
    let wrong_mode = |mode: &str| format!("invalid device mode {mode:?} in device {text:?}");
    match parts[..] {
        [source] => Ok((source, source, "rwm")),
        [source, access] if is_access(access) => Ok((source, source, access)),
        [source, target] if target.starts_with('/') => Ok((source, target, "rwm")),
        [source, target, access] if target.starts_with('/') && is_access(access) => {
            Ok((source, target, access))
        }
        [_, _, ""] => bail!("empty device mode in device specification: {text}"),
        [_, _, access] if !is_access(access) => bail!(wrong_mode(access)),
        [_, access, ..] if !access.is_empty() => bail!(wrong_mode(access)),
        _ => bail!("invalid device specification: {text}: write HOST[:CONTAINER][:rwm]"),
    }
}

/// All devices below a directory. What the runtime makes itself in /dev stays out.
fn below(dir: &Path, target: &str, access: &str) -> Result<Vec<Device>> {
    let mut found = Vec::new();
    scan(dir, target, access, &mut found)?;
    Ok(found)
}

fn scan(dir: &Path, target: &str, access: &str, found: &mut Vec<Device>) -> Result<()> {
    const OWN: [&str; 12] = [
        "pts",
        "shm",
        "fd",
        "mqueue",
        ".lxc",
        ".lxd-mounts",
        ".udev",
        "console",
        "null",
        "zero",
        "full",
        "random",
    ];
    for entry in std::fs::read_dir(dir).with_context(|| format!("listing {}", dir.display()))? {
        let entry = entry.with_context(|| format!("listing {}", dir.display()))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let is_own = OWN.contains(&name) || matches!(name, "urandom" | "tty" | "ptmx");
        if is_own && target == "/dev" {
            continue;
        }
        let kind = entry
            .file_type()
            .with_context(|| format!("looking at {}", entry.path().display()))?;
        let target = format!("{target}/{name}");
        if kind.is_dir() {
            scan(&entry.path(), &target, access, found)?;
        } else if (kind.is_char_device() || kind.is_block_device())
            && let Some(device) = device(&entry.path(), &target, access)?
        {
            found.push(device);
        }
    }
    Ok(())
}

fn is_virtual_terminal(path: &str) -> bool {
    path.strip_prefix("/dev/tty")
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()))
}

fn device(source: &Path, target: &str, access: &str) -> Result<Option<Device>> {
    let meta = std::fs::metadata(source).with_context(|| format!("stat {}", source.display()))?;
    let kind = match meta.file_type() {
        kind if kind.is_char_device() => 'c',
        kind if kind.is_block_device() => 'b',
        _ => return Ok(None),
    };
    Ok(Some(Device {
        path: target.to_owned(),
        kind,
        major: major(meta.rdev()),
        minor: minor(meta.rdev()),
        mode: meta.mode() & 0o7777,
        uid: meta.uid(),
        gid: meta.gid(),
        access: access.to_owned(),
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn device_arguments() {
        assert_eq!(
            split("/dev/fuse").unwrap(),
            ("/dev/fuse", "/dev/fuse", "rwm")
        );
        assert_eq!(split("/dev/a:r").unwrap(), ("/dev/a", "/dev/a", "r"));
        assert_eq!(
            split("/dev/a:/dev/b:rw").unwrap(),
            ("/dev/a", "/dev/b", "rw")
        );
        assert!(split("/dev/a:b").is_err());
        for (text, error) in [
            ("b 7:* rmX", "invalid device access in device-access-add: X"),
            ("x 7:* rmw", "invalid device type in device-access-add: x"),
            (
                "a a:* rmw",
                "strconv.ParseUint: parsing \"a\": invalid syntax",
            ),
            (
                "b 7:2",
                "invalid device cgroup rule requires type, major:Minor, and access rules: \"b 7:2\"",
            ),
        ] {
            assert_eq!(rule(text).unwrap_err().to_string(), error);
        }
        assert!(is_virtual_terminal("/dev/tty1") && !is_virtual_terminal("/dev/ttyS0"));
    }
}
