//! The seccomp profile: containers' JSON form, narrowed to this machine and to the container's capabilities.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::engine::Context;
use crate::engine::container::record::Security;

const DEFAULT: [&str; 2] = [
    "/etc/containers/seccomp.json",
    "/usr/share/containers/seccomp.json",
];

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Profile {
    default_action: String,
    default_errno_ret: Option<u32>,
    #[serde(default)]
    architectures: Vec<String>,
    #[serde(default)]
    arch_map: Vec<Architecture>,
    #[serde(default)]
    flags: Vec<String>,
    listener_path: Option<String>,
    listener_metadata: Option<String>,
    #[serde(default)]
    syscalls: Vec<Rule>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Architecture {
    architecture: String,
    #[serde(default)]
    sub_architectures: Option<Vec<String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    names: Vec<String>,
    action: String,
    errno_ret: Option<u32>,
    #[serde(default)]
    args: Option<Vec<Value>>,
    #[serde(default)]
    includes: Filter,
    #[serde(default)]
    excludes: Filter,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Filter {
    caps: Vec<String>,
    arches: Vec<String>,
    min_kernel: Option<String>,
}

/// The `seccomp` object; nothing for an unconfined container.
pub(super) fn profile(
    ctx: &Context,
    security: &Security,
    capabilities: &[String],
) -> Result<Option<Value>> {
    if let Some(text) = &security.seccomp_of_image {
        return Ok(Some(narrow(of_image(text)?, capabilities)));
    }
    let path = match &security.seccomp {
        Some(asked) if asked == "unconfined" => return Ok(None),
        Some(asked) => PathBuf::from(asked),
        None => match file(ctx) {
            Some(path) => path,
            None => return Ok(None),
        },
    };
    Ok(Some(narrow(read(&path)?, capabilities)))
}

/// Fails for a profile that is none, before a container is made with it.
pub fn check(profile: &str) -> Result<()> {
    match profile {
        "unconfined" => Ok(()),
        path => read(Path::new(path)).map(drop),
    }
}

/// Fails for a profile of an image's that is none, before a container is made with it.
pub fn check_of_image(text: &str) -> Result<()> {
    of_image(text).map(drop)
}

fn of_image(text: &str) -> Result<Profile> {
    let profile = serde_json::from_str(text);
    profile.context("loading seccomp profile failed: decoding the image's seccomp profile failed")
}

fn read(path: &Path) -> Result<Profile> {
    let shown = path.display();
    let text =
        fs::read(path).with_context(|| format!("opening seccomp profile failed: open {shown}"))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("loading seccomp profile ({shown}) failed"))
}

/// The profile of containers that ask for none.
pub fn file(ctx: &Context) -> Option<PathBuf> {
    let conf = ctx
        .config
        .containers_conf
        .containers
        .seccomp_profile
        .clone()
        .filter(|path| !path.as_os_str().is_empty());
    conf.or_else(|| DEFAULT.iter().map(PathBuf::from).find(|path| path.exists()))
}

fn narrow(profile: Profile, capabilities: &[String]) -> Value {
    let (native, go_arch) = architecture();
    let mut architectures = profile.architectures;
    for entry in profile.arch_map {
        if entry.architecture == native {
            architectures.push(entry.architecture);
            architectures.extend(entry.sub_architectures.unwrap_or_default());
        }
    }
    let mut rules = Vec::new();
    for rule in profile.syscalls {
        if !rule.includes.holds(capabilities, go_arch)
            || rule.excludes.touches(capabilities, go_arch)
        {
            continue;
        }
        let names: Vec<String> = rule.name.into_iter().chain(rule.names).collect();
        let mut json = json!({ "names": names, "action": rule.action });
        if let Some(errno) = rule.errno_ret {
            json["errnoRet"] = json!(errno);
        }
        if let Some(args) = rule.args.filter(|args| !args.is_empty()) {
            json["args"] = json!(args);
        }
        rules.push(json);
    }
    let mut json = json!({ "defaultAction": profile.default_action, "architectures": architectures, "syscalls": rules });
    if let Some(errno) = profile.default_errno_ret {
        json["defaultErrnoRet"] = json!(errno);
    }
    if !profile.flags.is_empty() {
        json["flags"] = json!(profile.flags);
    }
    if let Some(path) = profile.listener_path {
        json["listenerPath"] = json!(path);
    }
    if let Some(metadata) = profile.listener_metadata {
        json["listenerMetadata"] = json!(metadata);
    }
    json
}

impl Filter {
    /// Everything that it names is so; an empty filter holds.
    fn holds(&self, capabilities: &[String], arch: &str) -> bool {
        self.caps.iter().all(|cap| capabilities.contains(cap))
            && (self.arches.is_empty() || self.arches.iter().any(|a| a == arch))
            && self.min_kernel.as_deref().is_none_or(kernel_is_at_least)
    }

    /// Anything that it names is so; an empty filter touches nothing.
    fn touches(&self, capabilities: &[String], arch: &str) -> bool {
        self.caps.iter().any(|cap| capabilities.contains(cap))
            || self.arches.iter().any(|a| a == arch)
            || self.min_kernel.as_deref().is_some_and(kernel_is_at_least)
    }
}

fn kernel_is_at_least(wanted: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> {
        text.split(['.', '-'])
            .map_while(|part| part.parse().ok())
            .take(2)
            .collect()
    };
    let running = nix::sys::utsname::uname()
        .map(|name| name.release().to_string_lossy().into_owned())
        .unwrap_or_default();
    numbers(&running) >= numbers(wanted)
}

/// This machine in seccomp's words and in Go's.
fn architecture() -> (&'static str, &'static str) {
    match std::env::consts::ARCH {
        "x86_64" => ("SCMP_ARCH_X86_64", "amd64"),
        "aarch64" => ("SCMP_ARCH_AARCH64", "arm64"),
        "arm" => ("SCMP_ARCH_ARM", "arm"),
        "riscv64" => ("SCMP_ARCH_RISCV64", "riscv64"),
        "s390x" => ("SCMP_ARCH_S390X", "s390x"),
        "powerpc64" => ("SCMP_ARCH_PPC64LE", "ppc64le"),
        other => ("", other),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn names(capabilities: &[&str]) -> Vec<String> {
        let profile = serde_json::from_value(json!({
            "defaultAction": "SCMP_ACT_ERRNO",
            "syscalls": [
                { "names": ["chroot"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_SYS_CHROOT"] } },
                { "names": ["setns"], "action": "SCMP_ACT_ERRNO", "excludes": { "caps": ["CAP_SYS_ADMIN"] } },
                { "names": ["never"], "action": "SCMP_ACT_ALLOW", "includes": { "arches": ["vax"] } },
                { "names": ["new"], "action": "SCMP_ACT_ALLOW", "includes": { "minKernel": "3.0" } },
            ]
        }))
        .unwrap();
        let capabilities: Vec<String> = capabilities.iter().map(|cap| (*cap).to_owned()).collect();
        let json = narrow(profile, &capabilities);
        json["syscalls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|rule| rule["names"][0].as_str().unwrap().to_owned())
            .collect()
    }

    #[test]
    fn rules_follow_the_capabilities() {
        assert_eq!(names(&["CAP_SYS_CHROOT"]), ["chroot", "setns", "new"]);
        assert_eq!(names(&["CAP_SYS_ADMIN"]), ["new"]);
    }
}
