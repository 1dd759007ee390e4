//! `--volume`: podman-run(1).

use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::once;
use crate::engine::container::record::{Mount, Over};
use crate::engine::user_namespace::mount_map;
use crate::store::names;

/// `[SOURCE:]DEST[:OPTIONS]`: a directory of the host, a volume by its name, or a new volume without one.
pub(in crate::cli) fn parse(text: &str) -> Result<Mount> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, destination, options) = match parts[..] {
        [destination] => (None, destination, ""),
        [source, destination] => (Some(source), destination, ""),
        [source, destination, options] => (Some(source), destination, options),
        _ => bail!("{text}: incorrect volume format, should be [host-dir:]ctr-dir[:option]"),
    };
    if destination.is_empty() {
        bail!("container directory cannot be empty");
    }
    if !destination.starts_with('/') {
        bail!("invalid container path {destination:?}, must be an absolute path");
    }
    if destination == "/" {
        bail!("invalid container path {destination:?}: the root file system is the image's");
    }
    let mut mount = match source {
        None => Mount::anonymous(destination),
        Some("") => bail!("host directory cannot be empty"),
        Some(path) if path.starts_with(['/', '.']) => Mount {
            kind: "bind".into(),
            source: host_path(path)?,
            destination: destination.to_owned(),
            ..Mount::default()
        },
        Some(name) => named(name, destination)?,
    };
    let options: Vec<&str> = options
        .split(',')
        .filter(|option| !option.is_empty())
        .collect();
    once::of_volume(&options)?;
    if options.contains(&"O") {
        mount.over = Some(overlay(&options)?);
        if options.contains(&"U") {
            add(&mut mount.options, "U");
        }
        return Ok(mount);
    }
    for option in options {
        match option {
            "copy" | "nocopy" if mount.volume.is_some() => mount.no_copy = option == "nocopy",
            // It becomes the container's, or several containers', when it is started.
            "z" | "Z" => add(&mut mount.options, option),
            "nocreate" => mount.no_create = true,
            // How docker for other systems keeps a directory in step.
            "cached" | "delegated" => {}
            "U" => add(&mut mount.options, option),
            _ if is_idmap(option)? => add_once(&mut mount.options, option)?,
            option if is_mount_option(option) => add(&mut mount.options, option),
            _ => bail!("invalid option type {option:?} of volume {text}"),
        }
    }
    Ok(mount)
}

/// `O[,upperdir=DIR,workdir=DIR]`, or `O,U`.
fn overlay(options: &[&str]) -> Result<Over> {
    let mut over = Over::default();
    for option in options {
        match option.split_once('=').unwrap_or((option, "")) {
            ("O", "") => {}
            ("U", "") if options.len() == 2 => {}
            ("upperdir", path) => over.upper = Some(host_path(path)?.into()),
            ("workdir", path) => over.work = Some(host_path(path)?.into()),
            _ => bail!("can't use 'O' with other options, as {option:?}"),
        }
    }
    if over.upper.is_some() != over.work.is_some() {
        bail!("must set both `upperdir` and `workdir`");
    }
    Ok(over)
}

/// A volume by its name.
pub(super) fn named(name: &str, destination: &str) -> Result<Mount> {
    names::check(name)
        .with_context(|| format!("creating named volume {name:?}: running volume create option"))?;
    Ok(Mount {
        volume: Some(name.to_owned()),
        ..Mount::anonymous(destination)
    })
}

pub(super) fn host_path(path: &str) -> Result<String> {
    let found = std::fs::canonicalize(path).with_context(|| format!("statfs {path}"))?;
    found
        .into_os_string()
        .into_string()
        .map_err(|path| anyhow::anyhow!("{} is not UTF-8", path.display()))
}

/// The same for what may be a symbolic link, which is meant itself.
pub(super) fn link_path(path: &str) -> Result<String> {
    let absolute = std::path::absolute(path).with_context(|| format!("statfs {path}"))?;
    let is_link = absolute
        .symlink_metadata()
        .is_ok_and(|about| about.is_symlink());
    match (
        absolute.parent().and_then(Path::to_str),
        absolute.file_name(),
    ) {
        (Some(parent), Some(name)) if is_link => {
            let parent = host_path(parent)?;
            let name = name
                .to_str()
                .with_context(|| format!("{path} is not UTF-8"))?;
            Ok(format!("{}/{name}", parent.trim_end_matches('/')))
        }
        _ => host_path(path),
    }
}

/// `idmap`, or `idmap=MAPS`, which has to be readable.
pub(super) fn is_idmap(option: &str) -> Result<bool> {
    match option.split_once('=') {
        Some(("idmap", maps)) => {
            mount_map::check(maps).with_context(|| format!("option {option} of the mount"))?;
            Ok(true)
        }
        _ => Ok(option == "idmap"),
    }
}

pub(super) fn add_once(options: &mut Vec<String>, idmap: &str) -> Result<()> {
    if options.iter().any(|option| option.starts_with("idmap")) {
        bail!("the 'idmap' option can only be set once: duplicate mount option passed");
    }
    options.push(idmap.to_owned());
    Ok(())
}

pub(super) fn is_mount_option(option: &str) -> bool {
    matches!(
        option,
        "ro" | "rw"
            | "bind"
            | "rbind"
            | "exec"
            | "noexec"
            | "suid"
            | "nosuid"
            | "dev"
            | "nodev"
            | "shared"
            | "rshared"
            | "slave"
            | "rslave"
            | "private"
            | "rprivate"
            | "unbindable"
            | "runbindable"
    )
}

/// The option in the place of its opposite.
pub(super) fn add(options: &mut Vec<String>, option: &str) {
    let opposite = match option {
        "ro" => "rw",
        "rw" => "ro",
        "bind" => "rbind",
        "rbind" => "bind",
        "exec" => "noexec",
        "suid" => "nosuid",
        "dev" => "nodev",
        "noexec" => "exec",
        _ => "",
    };
    options.retain(|other| other != opposite && other != option);
    options.push(option.to_owned());
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn volumes() {
        let mount = parse("/:/host:ro").unwrap();
        assert_eq!(
            (
                mount.source.as_str(),
                mount.destination.as_str(),
                mount.volume
            ),
            ("/", "/host", None)
        );
        assert_eq!(
            parse("data:/data:nocopy").unwrap().volume.as_deref(),
            Some("data")
        );
        assert_eq!(parse("/data").unwrap().volume.as_deref(), Some(""));
        assert!(parse("data:/data:nocreate").unwrap().no_create);
        let maps = "idmap=uids=0-1-10;gids=0-1-10";
        let mapped = parse(&format!("/:/host:{maps},ro")).unwrap();
        assert_eq!(mapped.options, [maps, "ro"]);
        let given = parse("/:/host:O,U").unwrap();
        assert!(given.over.is_some() && given.options == ["U"]);
        for bad in [
            "/:/x:O,U,ro",
            "/:/x:O,U,upperdir=/,workdir=/",
            "/:/x:idmap=uids=0",
            "/:/x:idmap,idmap",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        for bad in ["/:host", "/:/x:fly", ":/x", "a/b:/x", "x", "/", "/:/x:copy"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
