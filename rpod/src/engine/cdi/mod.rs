//! Devices that are described by their makers: the Container Device Interface's specification.
//!
//! A file of `/etc/cdi` or `/var/run/cdi` names a kind (`vendor.com/class`), its devices, and what a container that is given one of
//! them has to have besides: nodes, mounts, variables, hooks. The later directory wins over the earlier one.

mod edits;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;
use serde_json::Value;

use edits::Edits;

use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::store::directory::entries;

/// Whose devices `--gpus` means, the first that is described.
const GPU_VENDORS: [&str; 2] = ["nvidia.com", "amd.com"];

/// One file.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Description {
    kind: String,
    #[serde(default)]
    devices: Vec<Device>,
    /// What every device of it needs.
    #[serde(default)]
    container_edits: Edits,
    #[serde(skip)]
    path: PathBuf,
    /// Of its directory: the higher wins.
    #[serde(skip)]
    priority: usize,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Device {
    name: String,
    #[serde(default)]
    container_edits: Edits,
}

/// `vendor.com/class=name`: no path begins so.
pub fn is_name(text: &str) -> bool {
    !text.starts_with('/') && matches!(text.split_once('='), Some((kind, _)) if kind.contains('/'))
}

/// Adds what the container's described devices need to its config.json.
pub fn inject(ctx: &Context, container: &Container, config: &mut Value) -> Result<()> {
    let named: Vec<&String> = container
        .devices
        .iter()
        .filter(|text| is_name(text))
        .collect();
    if named.is_empty() && container.gpus.is_empty() {
        return Ok(());
    }
    let all = load(ctx)?;
    let mut names: Vec<String> = named.into_iter().cloned().collect();
    names.extend(gpus(&all, &container.gpus)?);
    let mut used = BTreeSet::new();
    for name in &names {
        let (place, device) = find(&all, name)?;
        let failed = || format!("device {name} of {}", all[place].path.display());
        if used.insert(place) {
            all[place]
                .container_edits
                .apply(container, config)
                .with_context(failed)?;
        }
        device
            .container_edits
            .apply(container, config)
            .with_context(failed)?;
    }
    Ok(())
}

fn gpus(all: &[Description], asked: &[String]) -> Result<Vec<String>> {
    if asked.is_empty() {
        return Ok(Vec::new());
    }
    let is_described = |vendor: &&&str| {
        let kinds = all.iter().filter_map(|one| one.kind.split_once('/'));
        kinds.map(|(other, _)| other).any(|other| other == **vendor)
    };
    let Some(vendor) = GPU_VENDORS.iter().find(is_described) else {
        bail!(
            "--gpus: no known GPU vendor found in CDI specs: install {}'s description in /etc/cdi",
            GPU_VENDORS.join("'s or ")
        );
    };
    Ok(asked
        .iter()
        .map(|gpu| format!("{vendor}/gpu={gpu}"))
        .collect())
}

fn find<'a>(all: &'a [Description], name: &str) -> Result<(usize, &'a Device)> {
    let (kind, device) = name.split_once('=').unwrap_or((name, ""));
    let mut found: Vec<(usize, &Device)> = Vec::new();
    for (place, description) in all.iter().enumerate() {
        if description.kind == kind {
            let devices = description.devices.iter().filter(|one| one.name == device);
            found.extend(devices.map(|one| (place, one)));
        }
    }
    let Some(highest) = found.iter().map(|(place, _)| all[*place].priority).max() else {
        bail!("unresolvable CDI devices {name}: nothing in /etc/cdi or /var/run/cdi describes it");
    };
    found.retain(|(place, _)| all[*place].priority == highest);
    match found[..] {
        [one] => Ok(one),
        [(one, _), (other, _), ..] => bail!(
            "{name} is described twice, by {} and by {}: remove one of them",
            all[one].path.display(),
            all[other].path.display()
        ),
        [] => unreachable!("the highest is one of them"),
    }
}

fn load(ctx: &Context) -> Result<Vec<Description>> {
    let given = Some(&ctx.globals.cdi_spec_dir).filter(|given| !given.is_empty());
    let configured = ctx.config.containers_conf.engine.cdi_spec_dirs.as_ref();
    let directories = match given.or(configured) {
        Some(directories) => directories.clone(),
        None => vec!["/etc/cdi".into(), "/var/run/cdi".into()],
    };
    let mut all = Vec::new();
    for (priority, directory) in directories.iter().enumerate() {
        for path in files(directory)? {
            let description = read(&path).with_context(|| format!("parsing {}", path.display()))?;
            all.push(Description {
                path,
                priority,
                ..description
            });
        }
    }
    Ok(all)
}

fn files(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = entries(directory)?;
    paths.retain(|path| {
        let extension = path.extension().and_then(|extension| extension.to_str());
        matches!(extension, Some("json" | "yaml"))
    });
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Description> {
    let text = fs::read_to_string(path)?;
    let is_json = path
        .extension()
        .is_some_and(|extension| extension == "json");
    Ok(match is_json {
        true => serde_json::from_str(&text)?,
        false => serde_saphyr::from_str(&text)?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_and_vendors() {
        assert!(is_name("nvidia.com/gpu=0") && !is_name("/dev/a=b") && !is_name("/dev/fuse"));
        let text = "cdiVersion: '0.6.0'\nkind: amd.com/gpu\ndevices:\n- name: all\n  containerEdits:\n    env: [A=1]\n";
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("amd.yaml");
        fs::write(&path, text).unwrap();
        let all = [read(&path).unwrap()];
        assert_eq!(
            gpus(&all, &["all".to_owned()]).unwrap(),
            ["amd.com/gpu=all"]
        );
        assert!(find(&all, "amd.com/gpu=all").is_ok());
        assert!(find(&all, "amd.com/gpu=7").is_err());
        assert!(gpus(&[], &["all".to_owned()]).is_err());
    }
}
