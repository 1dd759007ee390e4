//! Where configuration lies: the user's before the administrator's (`/etc`) before the distribution's (`/usr/share`).

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use nix::unistd::User;

use crate::user_namespace;

const SYSTEM: [&str; 2] = ["/etc/containers", "/usr/share/containers"];

/// `$HOME`, or what passwd(5) has for it.
pub fn home() -> Option<PathBuf> {
    let given = env::var_os("HOME").filter(|home| !home.is_empty());
    given.map(PathBuf::from).or_else(|| {
        let user = User::from_uid(user_namespace::person()).ok().flatten();
        user.map(|user| user.dir)
    })
}

/// `$XDG_CONFIG_HOME`, or `~/.config`.
pub fn config_home() -> Option<PathBuf> {
    let given = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    given.or_else(|| home().map(|home| home.join(".config")))
}

/// The first of the files called `name` that is there.
pub fn main_file(name: &str) -> Option<PathBuf> {
    let all = directories()
        .into_iter()
        .map(|directory| directory.join(name));
    all.into_iter().find(|path| path.exists())
}

/// The files beside `NAME.conf`, in the order of their names: in `NAME.conf.d`, and in `NAME.rootful.conf.d` or
/// `NAME.rootless.conf.d` of the system's directories. One that the user has hides those of the same name that the system has.
pub fn drop_ins(name: &str) -> Result<Vec<PathBuf>> {
    let person = user_namespace::person();
    let mut places = Vec::new();
    for system in SYSTEM.map(Path::new).iter().rev() {
        let of = |whom: &str| system.join(format!("{name}.{whom}.conf.d"));
        match person.is_root() {
            true => places.push(of("rootful")),
            false => places.extend([of("rootless").join(person.to_string()), of("rootless")]),
        }
        places.push(system.join(format!("{name}.conf.d")));
    }
    places.extend(config_home().map(|home| home.join(format!("containers/{name}.conf.d"))));
    let mut found = BTreeMap::new();
    for place in places {
        found.extend(files(&place).with_context(|| format!("open {}", place.display()))?);
    }
    Ok(found.into_values().collect())
}

/// The regular files `*.conf` of a directory, by name.
fn files(directory: &Path) -> io::Result<Vec<(std::ffi::OsString, PathBuf)>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        let path = entry.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "conf")
            && path.is_file()
        {
            files.push((entry.file_name(), path));
        }
    }
    Ok(files)
}

fn directories() -> Vec<PathBuf> {
    let user = config_home().map(|home| home.join("containers"));
    user.into_iter().chain(SYSTEM.map(PathBuf::from)).collect()
}
