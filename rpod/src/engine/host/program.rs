//! The programs that rpod starts, and where they are from.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

/// Which packages of the distribution they come in. The package manager is asked for all of them at once: it takes a while each time.
pub(super) struct Programs(BTreeMap<PathBuf, String>);

impl Programs {
    pub(super) fn of(paths: &[PathBuf]) -> Programs {
        Programs(
            of_debian(paths)
                .or_else(|| of_rpm(paths))
                .unwrap_or_default(),
        )
    }

    pub(super) fn program(&self, path: &Path) -> Value {
        json!({ "package": self.package(path), "path": path, "version": told(path) })
    }

    /// The same with what it says of itself in one line.
    pub(super) fn program_in_a_line(&self, path: &Path) -> Value {
        let mut program = self.program(path);
        let version = program["version"].as_str().unwrap_or_default();
        program["version"] = json!(version.replacen('\n', ", ", 1));
        program
    }

    /// As the network's helpers are told of.
    pub(super) fn executable(&self, path: &Path) -> Value {
        json!({ "executable": path, "package": self.package(path), "version": told(path) })
    }

    pub(super) fn named(&self, path: &Path) -> Value {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        json!({ "name": name, "package": self.package(path), "path": path, "version": told(path) })
    }

    /// podman's word where that is not known.
    fn package(&self, path: &Path) -> &str {
        self.0.get(path).map_or("Unknown", String::as_str)
    }
}

fn told(path: &Path) -> String {
    let said = said(Command::new(path).arg("--version"));
    said.unwrap_or_default().trim().to_owned()
}

/// `dpkg-query --search` tells `PACKAGE: PATH` of each file that is in one.
fn of_debian(paths: &[PathBuf]) -> Option<BTreeMap<PathBuf, String>> {
    let found = said(Command::new("dpkg-query").arg("--search").args(paths))?;
    let owners: Vec<(&str, &str)> = found
        .lines()
        .filter_map(|line| line.split_once(": "))
        .collect();
    let format = "${Package} ${Package}_${Version}_${Architecture}\n";
    let mut show = Command::new("dpkg-query");
    show.args(["--show", "--showformat", format])
        .args(owners.iter().map(|(package, _)| package));
    let shown = match owners.is_empty() {
        true => String::new(),
        false => said(&mut show)?,
    };
    let versions: BTreeMap<&str, &str> = shown
        .lines()
        .filter_map(|line| line.split_once(' '))
        .collect();
    let whole = |package: &str| {
        let name = package.split(':').next().unwrap_or(package);
        Some((*versions.get(name)?).to_owned())
    };
    let owners = owners.into_iter();
    Some(
        owners
            .filter_map(|(package, path)| Some((path.into(), whole(package)?)))
            .collect(),
    )
}

/// `rpm -qf` tells a line of each file, in their order.
fn of_rpm(paths: &[PathBuf]) -> Option<BTreeMap<PathBuf, String>> {
    let format = "%{NAME}-%{VERSION}-%{RELEASE}.%{ARCH}\n";
    let found = said(
        Command::new("rpm")
            .args(["-q", "--queryformat", format, "-f"])
            .args(paths),
    )?;
    let is_told = |(_, line): &(&PathBuf, &str)| !line.contains(' ');
    let told = paths.iter().zip(found.lines()).filter(is_told);
    Some(
        told.map(|(path, line)| (path.clone(), line.to_owned()))
            .collect(),
    )
}

/// What a program prints, even where it says of a part of it that it does not know; nothing if it cannot be started.
fn said(command: &mut Command) -> Option<String> {
    let output = command
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}
