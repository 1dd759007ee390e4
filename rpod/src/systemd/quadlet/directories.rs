//! Where units are looked for: podman-systemd.unit(5), "FILES". Each directory with all that lie in it, but for drop-ins.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use super::log::Log;

const ADMIN: &str = "/etc/containers/systemd";
const DISTRIBUTION: &str = "/usr/share/containers/systemd";
const TEMPORARY: &str = "/run/containers/systemd";

/// Earlier ones win over later ones.
pub fn search(of_user: bool, log: &mut Log) -> Vec<PathBuf> {
    let mut found = Found::default();
    if let Some(list) = std::env::var_os("QUADLET_UNIT_DIRS").filter(|list| !list.is_empty()) {
        for directory in std::env::split_paths(&list) {
            if !directory.is_absolute() {
                log.error(&format!("{} not a valid file path", directory.display()));
                break;
            }
            found.add(&directory, &|_| true);
        }
        return found.0;
    }
    let users = resolved(&Path::new(ADMIN).join("users"));
    if !of_user {
        for directory in [TEMPORARY, ADMIN, DISTRIBUTION] {
            // What lies in `users` is for their own generators.
            found.add(Path::new(directory), &|path| !path.starts_with(&users));
        }
        return found.0;
    }
    let uid = nix::unistd::getuid().to_string();
    if let Some(runtime) = std::env::var_os("XDG_RUNTIME_DIR") {
        found.add(&Path::new(&runtime).join("containers/systemd"), &|_| true);
    }
    match user_config() {
        Some(config) => found.add(&config.join("containers/systemd"), &|_| true),
        None => log.error("Warning: neither $XDG_CONFIG_HOME nor $HOME are defined"),
    }
    for base in [ADMIN, DISTRIBUTION] {
        let base = Path::new(base).join("users");
        let of_all = |path: &Path| match path.strip_prefix(&users) {
            // A directory whose name is a number is one user's.
            Ok(below) => below.iter().next().is_none_or(|first| !is_number(first)),
            Err(_) => true,
        };
        found.add(&base, &of_all);
        found.add(&base.join(&uid), &|_| true);
    }
    found.0
}

/// What lies in a directory, in order; nothing where there is none.
pub fn names(directory: &Path) -> std::io::Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Where `rpod quadlet install` puts units.
pub fn own(of_user: bool) -> Option<PathBuf> {
    if of_user {
        Some(user_config()?.join("containers/systemd"))
    } else {
        Some(ADMIN.into())
    }
}

fn user_config() -> Option<PathBuf> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    let xdg = set("XDG_CONFIG_HOME").map(PathBuf::from);
    xdg.or_else(|| set("HOME").map(|home| PathBuf::from(home).join(".config")))
}

fn is_number(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().iter().all(u8::is_ascii_digit)
}

fn resolved(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

#[derive(Debug, Default)]
struct Found(Vec<PathBuf>);

impl Found {
    /// One that is not there is listed all the same, for people to see where was looked.
    fn add(&mut self, directory: &Path, filter: &dyn Fn(&Path) -> bool) {
        let Ok(directory) = fs::canonicalize(directory) else {
            self.0.push(directory.to_owned());
            return;
        };
        let is_drop_in = directory.to_string_lossy().ends_with(".d");
        if is_drop_in || !directory.is_dir() || !filter(&directory) || self.0.contains(&directory) {
            return;
        }
        self.0.push(directory.clone());
        let Ok(entries) = fs::read_dir(&directory) else {
            return;
        };
        let mut entries: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for entry in entries.iter().filter(|entry| entry.is_dir()) {
            self.add(entry, filter);
        }
    }
}
