//! `--mount`: podman-run(1).

use anyhow::{Context as _, Result, bail};

use super::csv;
use super::glob::globbed;
use super::once;
use super::resources::bytes;
use super::volume::{add, add_once, host_path, is_idmap, is_mount_option, link_path, named};
use crate::engine::container::record::{Mount, Over};

/// `type=TYPE,KEY=VALUE,…`; the words of one mount, or of several for a glob.
pub(super) fn parse(text: &str) -> Result<Vec<Mount>> {
    let values = csv::values(text)?;
    let mut words: Vec<(&str, Option<&str>)> = values
        .iter()
        .filter(|word| !word.is_empty())
        .map(|word| match word.split_once('=') {
            Some((key, value)) => (key, Some(value)),
            None => (word.as_str(), None),
        })
        .collect();
    once::of_mount(&words)?;
    let kind = take(&mut words, &["type"]).unwrap_or("volume");
    let source = take(&mut words, &["source", "src"]);
    let destination = take(&mut words, &["target", "destination", "dest", "dst"]);
    if kind == "glob" {
        return globbed(&words, source, destination);
    }
    const KINDS: [&str; 7] = [
        "artifact", "bind", "devpts", "image", "ramfs", "tmpfs", "volume",
    ];
    if !KINDS.contains(&kind) {
        bail!("invalid filesystem type {kind:?}");
    }
    let destination = destination.context("must set volume destination")?;
    if !destination.starts_with('/') {
        bail!("invalid container path {destination:?}, must be an absolute path");
    }
    let mount = match kind {
        "bind" => bind(&words, source.unwrap_or(destination), destination)?,
        "volume" => volume(&words, source, destination)?,
        "tmpfs" | "ramfs" => memory(kind, &words, source, destination)?,
        "devpts" => devpts(&words, source, destination)?,
        "image" => image(&words, source, destination)?,
        _ => artifact(&words, source, destination)?,
    };
    Ok(vec![mount])
}

/// A file system in memory, with what podman sets by default.
pub(super) fn temporary(kind: &str, destination: &str, mut options: Vec<String>) -> Mount {
    for (default, opposite) in [("rprivate", "shared"), ("nosuid", "suid"), ("nodev", "dev")] {
        if !options
            .iter()
            .any(|option| option == opposite || option == default)
        {
            options.push(default.to_owned());
        }
    }
    if kind == "tmpfs"
        && !options
            .iter()
            .any(|option| option == "notmpcopyup" || option == "tmpcopyup")
    {
        options.push("tmpcopyup".into());
    }
    options.retain(|option| option != "notmpcopyup");
    Mount {
        kind: kind.into(),
        source: kind.into(),
        destination: destination.to_owned(),
        options,
        ..Mount::default()
    }
}

fn take<'a>(words: &mut Vec<(&'a str, Option<&'a str>)>, keys: &[&str]) -> Option<&'a str> {
    let at = words.iter().position(|(key, _)| keys.contains(key))?;
    words.remove(at).1
}

/// What a word means for any mount: false if it means nothing.
fn general(options: &mut Vec<String>, key: &str, value: Option<&str>) -> Result<bool> {
    match key {
        "ro" | "readonly" | "rw" => {
            let wanted = truth(value)?;
            add(options, if wanted == (key == "rw") { "rw" } else { "ro" });
        }
        "U" | "chown" => {
            if truth(value)? {
                add(options, "U");
            }
        }
        "noswap" if value.is_none() => add(options, key),
        "idmap" => match value {
            None | Some("true" | "1") => add_once(options, "idmap")?,
            Some("false" | "0") => {}
            Some(maps) => {
                let idmap = format!("idmap={maps}");
                is_idmap(&idmap)?;
                add_once(options, &idmap)?;
            }
        },
        "bind-propagation" => {
            let value = value.unwrap_or_default();
            if !is_mount_option(value) {
                bail!("invalid bind-propagation {value:?}");
            }
            add(options, value);
        }
        // For Docker's sake; it has no meaning on Linux.
        "consistency" => {}
        "relabel" => match value {
            Some("shared") => add(options, "z"),
            Some("private") => add(options, "Z"),
            _ => bail!("'relabel' option must be 'private' or 'shared': invalid mount option"),
        },
        "z" | "Z" => add(options, key),
        key if is_mount_option(key) => add(options, key),
        _ => return Ok(false),
    }
    Ok(true)
}

fn truth(value: Option<&str>) -> Result<bool> {
    match value {
        None | Some("true" | "1") => Ok(true),
        Some("false" | "0") => Ok(false),
        Some(other) => bail!("{other:?} is neither true nor false"),
    }
}

fn unknown<T>(key: &str) -> Result<T> {
    bail!("{key}: invalid mount option")
}

pub(super) type Words<'a> = [(&'a str, Option<&'a str>)];

pub(super) fn bind(words: &Words, source: &str, destination: &str) -> Result<Mount> {
    let mut options = Vec::new();
    for (key, value) in words {
        if *key == "bind-nonrecursive" {
            add(&mut options, if truth(*value)? { "bind" } else { "rbind" });
        } else if *key == "no-dereference" && value.is_none() {
            add(&mut options, key);
        } else if !general(&mut options, key, *value)? {
            return unknown(key);
        }
    }
    let is_link = options.iter().any(|option| option == "no-dereference");
    Ok(Mount {
        kind: "bind".into(),
        source: if is_link {
            link_path(source)?
        } else {
            host_path(source)?
        },
        destination: destination.to_owned(),
        options,
        ..Mount::default()
    })
}

fn volume(words: &Words, source: Option<&str>, destination: &str) -> Result<Mount> {
    let mut mount = match source {
        Some(name) if !name.is_empty() => named(name, destination)?,
        _ => Mount::anonymous(destination),
    };
    for (key, value) in words {
        match *key {
            "copy" => mount.no_copy = !truth(*value)?,
            "nocopy" | "volume-nocopy" => mount.no_copy = truth(*value)?,
            "subpath" | "volume-subpath" => mount.subpath = subpath(*value)?,
            "nocreate" => mount.no_create = truth(*value)?,
            "volume-opt" => {
                let option = value.context("volume-opt: must provide an argument for option")?;
                let (name, value) = option.split_once('=').unwrap_or((option, ""));
                mount
                    .volume_options
                    .insert(name.to_owned(), value.to_owned());
            }
            _ if general(&mut mount.options, key, *value)? => {}
            _ => return unknown(key),
        }
    }
    Ok(mount)
}

fn memory(kind: &str, words: &Words, source: Option<&str>, destination: &str) -> Result<Mount> {
    if source.is_some() {
        bail!("a {kind} has no source");
    }
    let mut options = Vec::new();
    for (key, value) in words {
        match (*key, *value) {
            ("tmpfs-size" | "size" | "tmpfs-mode" | "mode", None) => {
                bail!("{key}: must provide an argument for option");
            }
            ("tmpfs-size" | "size", Some(size)) if kind == "tmpfs" => {
                let bytes = bytes(size)?;
                // As it was said, if the kernel understands that.
                match size.ends_with(|last: char| last.is_ascii_digit() || "kmgKMG".contains(last))
                {
                    true => options.push(format!("size={size}")),
                    false => options.push(format!("size={bytes}")),
                }
            }
            ("tmpfs-mode" | "mode", Some(mode)) => {
                u32::from_str_radix(mode, 8).with_context(|| format!("invalid mode {mode:?}"))?;
                options.push(format!("mode={mode}"));
            }
            ("tmpcopyup" | "notmpcopyup", None) if kind == "tmpfs" => {
                options.push((*key).to_owned())
            }
            _ if general(&mut options, key, *value)? => {}
            _ => return unknown(key),
        }
    }
    Ok(temporary(kind, destination, options))
}

fn devpts(words: &Words, source: Option<&str>, destination: &str) -> Result<Mount> {
    if source.is_some() {
        bail!("a devpts has no source");
    }
    let mut options = vec!["newinstance".to_owned(), "ptmxmode=0666".to_owned()];
    for (key, value) in words {
        match (*key, *value) {
            ("uid" | "gid" | "max", Some(number)) => {
                let number: u32 = number
                    .parse()
                    .with_context(|| format!("invalid {key} {number:?}"))?;
                options.push(format!("{key}={number}"));
            }
            ("mode", Some(mode)) => {
                u32::from_str_radix(mode, 8).with_context(|| format!("invalid mode {mode:?}"))?;
                options.push(format!("mode={mode}"));
            }
            _ => return unknown(key),
        }
    }
    Ok(Mount {
        kind: "devpts".into(),
        source: "devpts".into(),
        destination: destination.to_owned(),
        options,
        ..Mount::default()
    })
}

fn image(words: &Words, source: Option<&str>, destination: &str) -> Result<Mount> {
    let (mut writable, mut part) = (false, String::new());
    for (key, value) in words {
        match *key {
            "rw" | "readwrite" => writable = truth(*value)?,
            "ro" | "readonly" => writable = !truth(*value)?,
            "subpath" => part = subpath(*value)?,
            _ => return unknown(key),
        }
    }
    let access = if writable { "rw" } else { "ro" };
    Ok(Mount {
        kind: "image".into(),
        source: source
            .context("must set source and destination for image volume")?
            .to_owned(),
        destination: destination.to_owned(),
        options: vec![access.into(), "rbind".into()],
        subpath: part,
        // What is written to an image goes with the container.
        over: writable.then(Over::default),
        ..Mount::default()
    })
}

fn artifact(words: &Words, source: Option<&str>, destination: &str) -> Result<Mount> {
    let mut mount = Mount {
        kind: "artifact".into(),
        source: source
            .context("must set source and destination for artifact volume")?
            .to_owned(),
        destination: destination.to_owned(),
        ..Mount::default()
    };
    for (key, value) in words {
        let value = value.map(str::to_owned);
        match *key {
            "title" => mount.choice.title = value,
            "digest" => mount.choice.digest = value,
            "name" => mount.name = file_name(value)?,
            _ => return unknown(key),
        }
    }
    Ok(mount)
}

fn file_name(value: Option<String>) -> Result<String> {
    match value {
        Some(name) if !matches!(name.as_str(), "" | "." | "..") && !name.contains('/') => Ok(name),
        _ => bail!("name of an artifact's file: it needs one, without a slash"),
    }
}

/// A path inside of what is mounted.
fn subpath(value: Option<&str>) -> Result<String> {
    match value {
        Some(path) if !path.is_empty() => Ok(path.to_owned()),
        _ => bail!("subpath needs a path"),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn mounts() {
        let one = |text: &str| parse(text).unwrap().remove(0);
        assert_eq!(one("type=bind,src=/,dst=/host,ro").options, ["ro"]);
        assert_eq!(
            one("type=bind,src=/,dst=/host,readonly=false").options,
            ["rw"]
        );
        assert_eq!(
            one("type=volume,source=v,target=/v").volume.as_deref(),
            Some("v")
        );
        assert_eq!(one("dst=/v").volume.as_deref(), Some(""));
        assert!(
            one("type=tmpfs,dst=/t,tmpfs-size=1m")
                .options
                .contains(&"size=1m".to_owned())
        );
        for bad in [
            "type=fly,dst=/x",
            "type=bind,src=/",
            "type=tmpfs,src=/,dst=/x",
            "type=tmpfs,dst=/x,fly",
            "type=image,dst=/x",
        ] {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn nothing_makes_it_panic(text in "\\PC{0,30}|(type=(bind|tmpfs|devpts|image|volume)|src=/|dst=/x|ro|mode=7|,){0,8}") {
            let _ = parse(&text);
        }
    }
}
