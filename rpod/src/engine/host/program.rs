//! The programs that rpod starts, and where they are from.

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

pub(super) fn program(path: &Path) -> Value {
    json!({ "package": package(path), "path": path, "version": told(path) })
}

/// As the network's helpers are told of.
pub(super) fn executable(path: &Path) -> Value {
    json!({ "executable": path, "package": package(path), "version": told(path) })
}

pub(super) fn named(path: &Path) -> Value {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    json!({ "name": name, "package": package(path), "path": path, "version": told(path) })
}

fn told(path: &Path) -> String {
    let output = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// Which package of the distribution the file is from; podman's word where that is not known.
fn package(path: &Path) -> String {
    let output = Command::new("dpkg-query")
        .arg("--search")
        .arg(path)
        .stderr(Stdio::null())
        .output();
    let name = output
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            Some(text.split_once(':')?.0.to_owned())
        });
    let format = "${Package}_${Version}_${Architecture}";
    let known = name.and_then(|name| {
        let output = Command::new("dpkg-query")
            .args(["--show", "--showformat", format, &name])
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    });
    known.unwrap_or_else(|| "Unknown".to_owned())
}
