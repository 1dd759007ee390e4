//! AppArmor, where the kernel has it: a profile that was asked for, or the default one, which rpod writes and loads itself.
//!
//! The kernel forgets at a boot what was loaded, and anybody may unload it: that is looked at before each start. Loading replaces, so
//! two starts at once do no harm. As podman's, it is root's alone: an ordinary user can load nothing.

mod profile;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use super::container::record::Security;
use super::rootless;
use crate::config::{Containers, find_part};

/// Profiles of such a name are made where they are missing, whoever's version they are of.
const PREFIX: &str = "containers-default-";
const DEFAULT: &str = concat!("containers-default-rpod-", env!("CARGO_PKG_VERSION"));

/// Of those who are not confined, as the kernel names it.
pub const UNCONFINED: &str = "unconfined";

/// A container can be confined here.
pub fn is_supported() -> bool {
    !rootless() && is_enabled() && parser().is_ok()
}

fn is_enabled() -> bool {
    fs::read("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text.starts_with(b"Y"))
        && Path::new("/sys/kernel/security/apparmor").exists()
}

/// What a new container is confined by, when nothing was asked for.
pub fn settle(conf: &Containers, security: &mut Security) -> Result<()> {
    security.apparmor_default = None;
    let asked = security.apparmor.as_deref().filter(|name| !name.is_empty());
    match (asked, is_supported()) {
        (Some(profile), false) if profile != UNCONFINED => bail!(
            "apparmor profile {profile:?} specified, but Apparmor is not enabled on this system"
        ),
        (None, true) if !security.privileged => {
            let default = conf.apparmor_profile.as_deref().unwrap_or(DEFAULT);
            security.apparmor_default = Some(default.to_owned()).filter(|name| !name.is_empty());
        }
        _ => {}
    }
    Ok(())
}

/// Before a start: the profile is there, or is made if it is a default one.
pub fn make_ready(security: &Security) -> Result<()> {
    let Some(profile) = security
        .apparmor_profile()
        .filter(|name| *name != UNCONFINED)
    else {
        return Ok(());
    };
    if rootless() {
        bail!(
            "cannot load AppArmor profile {profile:?}: AppArmor is not supported in rootless mode"
        );
    }
    if !is_enabled() {
        bail!("profile {profile:?} specified but AppArmor is disabled on the host");
    }
    if is_loaded(profile)? {
        return Ok(());
    }
    if !profile.starts_with(PREFIX) {
        bail!("AppArmor profile {profile:?} specified but not loaded");
    }
    load(profile).with_context(|| format!("install profile {profile}"))
}

fn is_loaded(profile: &str) -> Result<bool> {
    let path = "/sys/kernel/security/apparmor/profiles";
    let all = fs::read_to_string(path).with_context(|| format!("reading {path}"))?;
    Ok(lists(&all, profile))
}

/// Each line is a name and its mode in parentheses; a name may have spaces.
fn lists(all: &str, profile: &str) -> bool {
    all.lines()
        .filter_map(|line| line.rsplit_once(" ("))
        .any(|(name, _)| name == profile)
}

fn load(name: &str) -> Result<()> {
    let text = profile::text(name)?;
    let parser = parser()?;
    // Nothing is cached: what is read on the standard input has no file whose time could tell that it changed.
    let mut child = Command::new(&parser)
        .args(["--skip-cache", "--replace"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("starting {}", parser.display()))?;
    let written = child
        .stdin
        .take()
        .map(|mut pipe| pipe.write_all(text.as_bytes()));
    let output = child
        .wait_with_output()
        .with_context(|| format!("waiting for {}", parser.display()))?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        bail!("{}: {}: {}", parser.display(), output.status, said.trim());
    }
    written
        .transpose()
        .with_context(|| format!("writing to {}", parser.display()))?;
    Ok(())
}

fn parser() -> Result<PathBuf> {
    find_part(&["/sbin/apparmor_parser".into()], &["apparmor_parser"])
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_profile_is_found_by_its_whole_name() {
        let all =
            "/usr/bin/man (enforce)\nwith spaces (complain)\ncontainers-default-0.50.1 (enforce)\n";
        for name in ["/usr/bin/man", "with spaces", "containers-default-0.50.1"] {
            assert!(lists(all, name), "{name}");
        }
        for name in [
            "",
            "man",
            "with",
            "containers-default-0.50",
            "containers-default-0.50.1 (enforce)",
        ] {
            assert!(!lists(all, name), "{name}");
        }
    }

    #[test]
    fn without_apparmor_nothing_confines_and_nothing_can_be_asked_for() {
        if is_supported() {
            return;
        }
        let conf = |profile: Option<&str>| Containers {
            apparmor_profile: profile.map(str::to_owned),
            ..Containers::default()
        };
        let asking = |profile: &str| Security {
            apparmor: Some(profile.to_owned()),
            ..Security::default()
        };
        for configured in [None, Some("for other hosts")] {
            let mut security = Security::default();
            settle(&conf(configured), &mut security).unwrap();
            assert_eq!(security.apparmor_profile(), None);
            make_ready(&security).unwrap();
        }
        for nothing in [UNCONFINED, ""] {
            settle(&conf(None), &mut asking(nothing)).unwrap();
            assert_eq!(asking(nothing).apparmor_profile(), None);
        }
        let refused = settle(&conf(None), &mut asking("own")).unwrap_err();
        assert!(
            refused
                .to_string()
                .starts_with("apparmor profile \"own\" specified, but")
        );
        // A record from another host, or from before a boot.
        assert!(
            make_ready(&asking("own"))
                .unwrap_err()
                .to_string()
                .contains("\"own\"")
        );
    }

    #[test]
    fn a_privileged_container_is_not_confined_by_default() {
        let mut security = Security {
            privileged: true,
            ..Security::default()
        };
        settle(&Containers::default(), &mut security).unwrap();
        assert_eq!(security.apparmor_profile(), None);
    }
}
