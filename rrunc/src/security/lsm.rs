//! AppArmor profile and SELinux label of the process.

use anyhow::{Context, Result, anyhow, bail};
use nix::errno::Errno;
use std::fs;
use std::path::Path;

use crate::kernel::procfs;

/// What the process becomes at execve(2).
#[derive(Debug, Clone)]
pub(crate) struct Label {
    /// Files below /proc/thread-self/attr, in order of preference, and what is written.
    writes: Vec<(&'static [&'static str], String)>,
}

impl Label {
    /// Checks that the kernel has the security module asked for.
    ///
    /// # Errors
    /// A label is asked for and its module is absent: to start the process without the confinement
    /// it should have is worse than not to start it.
    pub(crate) fn prepare(apparmor: Option<&str>, selinux: Option<&str>) -> Result<Label> {
        let mut writes: Vec<(&'static [&'static str], String)> = Vec::new();
        if let Some(profile) = apparmor.filter(|profile| !profile.is_empty()) {
            let enabled = fs::read("/sys/module/apparmor/parameters/enabled")
                .is_ok_and(|text| text.starts_with(b"Y"));
            match (enabled, profile) {
                (true, _) => writes.push((&["apparmor/exec", "exec"], format!("exec {profile}"))),
                // Without AppArmor every process is unconfined already.
                (false, "unconfined") => {}
                (false, _) => bail!(
                    "process.apparmorProfile is {profile:?}, but this kernel runs without AppArmor: remove the profile or enable AppArmor"
                ),
            }
        }
        if let Some(label) = selinux.filter(|label| !label.is_empty()) {
            if !Path::new("/sys/fs/selinux/enforce").exists() {
                bail!(
                    "process.selinuxLabel is {label:?}, but this kernel runs without SELinux: remove the label or enable SELinux"
                );
            }
            writes.push((&["exec"], label.to_owned()));
        }
        Ok(Label { writes })
    }

    /// Writes the label for the next execve(2).
    pub(crate) fn apply(&self) -> Result<()> {
        for (files, text) in &self.writes {
            write_attribute(files, text)
                .with_context(|| format!("set the label {text:?} for the process"))?;
        }
        Ok(())
    }
}

/// Writes to the first of the files that exists. /proc is the container's by now.
fn write_attribute(files: &[&str], text: &str) -> Result<()> {
    for file in files {
        match procfs::write(&format!("thread-self/attr/{file}"), text) {
            Err(error) if error.downcast_ref() == Some(&Errno::ENOENT) => {}
            written => return written,
        }
    }
    Err(anyhow!(
        "/proc/thread-self/attr has none of {}",
        files.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_label_without_its_module_is_refused_by_name() {
        if !Path::new("/sys/module/apparmor").exists() {
            let error = Label::prepare(Some("docker-default"), None)
                .unwrap_err()
                .to_string();
            assert!(
                error.contains("docker-default") && error.contains("AppArmor"),
                "{error}"
            );
        }
        if !Path::new("/sys/fs/selinux").exists() {
            assert!(Label::prepare(None, Some("system_u:system_r:container_t:s0")).is_err());
        }
    }

    #[test]
    fn nothing_asked_for_needs_nothing() {
        Label::prepare(Some("unconfined"), Some(""))
            .unwrap()
            .apply()
            .unwrap();
    }
}
