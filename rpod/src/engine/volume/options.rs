//! What the options of the local driver ask for: podman-volume-create(1), "--opt".
//!
//! `type`, `device` and `o` are those of a mount(8); in `o` are some that are rpod's own, which may stand for themselves, too.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

use super::Volume;
use crate::engine::quota::{self, Quota};
use crate::output::{parse_decimal_size, parse_number};

/// How podman calls the limits of volumes together.
const LIMITS: &str = "volume options size and inodes";

/// True for an option, of those in `o`, that needs no mount.
pub(super) fn is_own(option: &str) -> bool {
    let (key, _) = option.split_once('=').unwrap_or((option, ""));
    ["", "uid", "gid", "size", "inodes", "noquota"].contains(&key.to_ascii_lowercase().as_str())
}

/// Takes over what the options say, and fails for what they cannot.
pub(super) fn settle(volume: &mut Volume) -> Result<()> {
    let mut own = Own::default();
    let given = std::mem::take(&mut volume.options);
    for (key, value) in given {
        match key.as_str() {
            "o" => {
                let mut kept = Vec::new();
                for option in value.split(',') {
                    let (name, value) = match option.split_once('=') {
                        Some((name, value)) => (name, Some(value)),
                        None => (option, None),
                    };
                    let name = name.to_ascii_lowercase();
                    if own.take(&name, value)? {
                        // Podman shows them as options, too.
                        let shown = value.unwrap_or("true").to_owned();
                        volume.options.insert(name.to_ascii_uppercase(), shown);
                    }
                    if name != "noquota" {
                        kept.push(option);
                    }
                }
                if !kept.is_empty() {
                    volume.options.insert(key, kept.join(","));
                }
                continue;
            }
            "type" | "device" => {}
            "copy" | "nocopy" if ["", "true"].contains(&value.as_str()) => {}
            "copy" | "nocopy" => bail!(
                "volume option {key}={value}: say copy to have the files of an image copied, or nocopy"
            ),
            _ if own.take(&key.to_ascii_lowercase(), Some(&value))? => {}
            _ => bail!(
                "invalid mount option {key} for driver 'local': invalid argument: type, device, o, copy and nocopy are known"
            ),
        }
        volume.options.insert(key, value);
    }
    own.check(&volume.options)?;
    check_mount(&volume.options)?;
    volume.uid = own.uid.or(volume.uid);
    volume.gid = own.gid.or(volume.gid);
    if !is_mount(&volume.options) {
        volume.quota = own.quota;
    }
    Ok(())
}

/// Limits what an empty volume may hold.
pub(super) fn limit(quota: &Quota, home: &Path) -> Result<()> {
    quota::limit(home, &["_data"], quota, LIMITS)
}

/// Options that mount(8) has no part in.
#[derive(Debug, Default)]
struct Own {
    uid: Option<u32>,
    gid: Option<u32>,
    quota: Quota,
    no_quota: bool,
}

impl Own {
    /// False if it is none of them.
    fn take(&mut self, name: &str, value: Option<&str>) -> Result<bool> {
        match (name, value) {
            ("uid" | "gid", None) => {
                let name = name.to_ascii_uppercase();
                bail!(
                    "{} option must provide a {name}: invalid argument",
                    name.to_ascii_lowercase()
                );
            }
            ("uid", Some(text)) => self.uid = Some(id("UID", text)?),
            ("gid", Some(text)) => self.gid = Some(id("GID", text)?),
            ("size", text) => {
                let text = text.unwrap_or_default();
                self.quota.size = parse_decimal_size(text).with_context(|| {
                    format!("cannot convert size {text} to integer: invalid size: '{text}'")
                })?;
            }
            ("inodes", text) => {
                let text = text.unwrap_or_default();
                let number = parse_number("ParseUint", text);
                self.quota.inodes =
                    number.with_context(|| format!("cannot convert inodes {text} to integer"))?;
            }
            ("noquota", _) => self.no_quota = true,
            ("timeout", _) => bail!(
                "running volume create option: Volume driver timeout can only be used with non-local volume drivers: invalid argument"
            ),
            _ => return Ok(false),
        }
        Ok(true)
    }

    fn check(&self, options: &BTreeMap<String, String>) -> Result<()> {
        if self.quota.is_none() {
            return Ok(());
        }
        if self.no_quota {
            bail!("{LIMITS} cannot be used without quota");
        }
        let kind = options.get("type").map_or("", String::as_str);
        if kind == "tmpfs" && self.quota.inodes > 0 {
            bail!("volume option inodes not supported on tmpfs filesystem");
        }
        let list = options.get("o").map_or("", String::as_str);
        let binds = |word: &str| word == "bind" || word == "rbind";
        if binds(kind) || list.split(',').any(binds) {
            bail!(
                "{LIMITS} not supported: what is bound has the limits of the disk that it comes from"
            );
        }
        Ok(())
    }
}

fn id(name: &str, text: &str) -> Result<u32> {
    let number = parse_number("Atoi", text);
    number.with_context(|| format!("cannot convert {name} {text} to integer"))
}

/// True if a file system is asked for.
fn is_mount(options: &BTreeMap<String, String>) -> bool {
    options.contains_key("type") || options.contains_key("device")
}

fn check_mount(options: &BTreeMap<String, String>) -> Result<()> {
    if let (Some("bind"), Some(device)) = (
        options.get("type").map(String::as_str),
        options.get("device"),
    ) && !Path::new(device).exists()
    {
        bail!(
            "invalid volume option device for driver 'local': faccessat {device}: no such file or directory"
        );
    }
    if options.contains_key("type") && !options.contains_key("device") {
        let needs_device = !matches!(options["type"].as_str(), "tmpfs" | "ramfs");
        if needs_device {
            bail!(
                "volume option type={} needs device=…: invalid argument",
                options["type"]
            );
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn settled(options: &[(&str, &str)]) -> Result<Volume> {
        let options = options.iter();
        let options = options.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
        let mut volume = Volume {
            options: options.collect(),
            ..Volume::default()
        };
        settle(&mut volume).map(|()| volume)
    }

    #[test]
    fn own_options_are_taken_and_shown() {
        let volume = settled(&[("o", "uid=5,SIZE=10m,nodev,inodes=7")]).unwrap();
        let quota = Quota {
            size: 10_000_000,
            inodes: 7,
        };
        assert_eq!((volume.uid, volume.quota), (Some(5), quota));
        let shown: Vec<_> = volume
            .options
            .iter()
            .map(|(k, v)| format!("{k}={v}"))
            .collect();
        let expected = [
            "INODES=7",
            "SIZE=10m",
            "UID=5",
            "o=uid=5,SIZE=10m,nodev,inodes=7",
        ];
        assert_eq!(shown, expected);
        let volume = settled(&[("size", "1k"), ("inodes", "2")]).unwrap();
        assert_eq!((volume.quota.size, volume.quota.inodes), (1000, 2));
        let volume = settled(&[("o", "noquota")]).unwrap();
        assert_eq!(
            volume.options,
            [("NOQUOTA".to_owned(), "true".to_owned())].into()
        );
        assert!(!volume.is_mounted_when_used());
    }

    #[test]
    fn a_tmpfs_has_a_size_of_its_own() {
        let volume = settled(&[("type", "tmpfs"), ("o", "size=1m")]).unwrap();
        assert!(volume.quota.is_none() && volume.is_mounted_when_used());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (options, complaint) in [
            (
                &[("o", "size=x")] as &[_],
                "cannot convert size x to integer: invalid size: 'x'",
            ),
            (&[("o", "size")], "cannot convert size  to integer"),
            (
                &[("o", "inodes=-1")],
                "strconv.ParseUint: parsing \"-1\": invalid syntax",
            ),
            (
                &[("o", "uid")],
                "uid option must provide a UID: invalid argument",
            ),
            (
                &[("o", "gid=x")],
                "cannot convert GID x to integer: strconv.Atoi",
            ),
            (&[("o", "timeout=5")], "non-local volume drivers"),
            (&[("o", "size=1,noquota")], "cannot be used without quota"),
            (
                &[("noquota", ""), ("size", "1")],
                "cannot be used without quota",
            ),
            (
                &[("type", "tmpfs"), ("o", "inodes=5")],
                "not supported on tmpfs",
            ),
            (
                &[("type", "bind"), ("device", "/"), ("o", "size=5")],
                "what is bound",
            ),
            (&[("fly", "1")], "invalid mount option fly"),
        ] {
            let error = format!("{:#}", settled(options).unwrap_err());
            assert!(error.contains(complaint), "{error}");
        }
    }
}
