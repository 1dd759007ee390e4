//! Containers whose unit is restarted when their image has changed: podman-auto-update(1).
//!
//! ```text
//! what runs and asks for it ▸ is there another image? (registry: the digest; local: the id) ▸ pull ▸ restart each unit once
//!                                                                       it fails ▸ the old image has its name again ▸ restart
//! ```

use std::collections::BTreeMap;

use anyhow::{Context as _, Result, bail};

use super::service;
use crate::engine::container::record::Container;
use crate::engine::image::{self, Access, Image, Platform};
use crate::engine::{Context, container};

pub const LABEL: &str = "io.containers.autoupdate";
/// The unit that runs a container, as rpod was told by it.
pub const UNIT: &str = "PODMAN_SYSTEMD_UNIT";

#[derive(Clone, Debug, Default)]
pub struct Request {
    pub access: Access,
    pub dry_run: bool,
    /// What does not start with the new image is started with the old.
    pub roll_back: bool,
}

/// One container, and what became of it.
#[derive(Clone, Debug)]
pub struct Report {
    pub unit: String,
    pub container: String,
    pub container_id: String,
    pub image: String,
    pub policy: String,
    /// `true`, `false`, `pending`, `failed` or `rolled back`.
    pub updated: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Policy {
    Registry,
    Local,
}

impl Policy {
    /// Nothing for a container that is left as it is.
    fn of(text: &str) -> Result<Option<Policy>> {
        Ok(match text {
            "" | "disabled" => None,
            "registry" | "image" => Some(Policy::Registry),
            "local" => Some(Policy::Local),
            _ => bail!(
                "invalid auto-update policy {text:?}: valid policies are registry, local and disabled"
            ),
        })
    }
}

/// Updates what can be, and tells what could not.
pub fn run(ctx: &Context, request: &Request) -> Result<(Vec<Report>, Vec<anyhow::Error>)> {
    let (mut reports, mut errors) = (Vec::new(), Vec::new());
    // By unit, because a unit is restarted once for all its containers.
    let mut tasks: BTreeMap<String, Vec<(Container, Policy)>> = BTreeMap::new();
    for container in container::all(ctx)? {
        match task(ctx, &container) {
            Ok(Some((unit, policy))) => tasks.entry(unit).or_default().push((container, policy)),
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    // An image that several containers have is asked for once.
    let mut asked = BTreeMap::new();
    for (unit, containers) in tasks {
        let mut old = Vec::new();
        let first = reports.len();
        for (container, policy) in &containers {
            let key = (container.image.raw_name.clone(), container.image.id.clone());
            let news = match asked.get(&key) {
                Some(known) => Ok(*known),
                None => is_changed(ctx, container, *policy, &request.access),
            };
            let changed = match news {
                Ok(changed) => changed,
                Err(error) => {
                    errors.push(error.context(format!(
                        "checking image updates for container {}",
                        container.id
                    )));
                    reports.push(report(&unit, container, "failed"));
                    continue;
                }
            };
            asked.insert(key, changed);
            let state =
                match (changed, request.dry_run) {
                    (false, _) => "false",
                    (true, true) => "pending",
                    (true, false) => match fetch(ctx, container, *policy, &request.access) {
                        Ok(()) => {
                            old.push(container.clone());
                            "true"
                        }
                        Err(error) => {
                            errors.push(error.context(format!(
                                "pulling the image of container {}",
                                container.id
                            )));
                            "failed"
                        }
                    },
                };
            reports.push(report(&unit, container, state));
        }
        if old.is_empty() {
            continue;
        }
        let state = match restart(ctx, &unit, &old, request.roll_back) {
            Ok(true) => continue,
            Ok(false) => "rolled back",
            Err(error) => {
                errors.push(error);
                "failed"
            }
        };
        for report in reports[first..]
            .iter_mut()
            .filter(|report| report.updated == "true")
        {
            report.updated = state;
        }
    }
    Ok((reports, errors))
}

/// The unit and policy of a container that runs and asks to be updated.
fn task(ctx: &Context, container: &Container) -> Result<Option<(String, Policy)>> {
    let Some(label) = container.labels.get(LABEL) else {
        return Ok(None);
    };
    let policy = Policy::of(label).with_context(|| format!("container {}", container.name))?;
    let Some(policy) = policy else {
        return Ok(None);
    };
    if !ctx.store.status(&container.id)?.is_running() {
        return Ok(None);
    }
    let unit = container.labels.get(UNIT).with_context(|| {
        format!(
            "auto-updating container {}: no {UNIT} label found: start it by a systemd unit with Environment={UNIT}=%n",
            container.name
        )
    })?;
    if policy == Policy::Registry && image::Name::parse(&container.image.raw_name)?.is_short() {
        bail!(
            "auto-updating container {}: image {:?} is no full name: with the policy registry the name has to begin with a registry's",
            container.name,
            container.image.raw_name
        );
    }
    Ok(Some((unit.clone(), policy)))
}

fn is_changed(
    ctx: &Context,
    container: &Container,
    policy: Policy,
    access: &Access,
) -> Result<bool> {
    let name = &container.image.raw_name;
    match policy {
        Policy::Local => Ok(image::find(ctx, name)?.id != container.image.id),
        Policy::Registry => {
            let local = image::find(ctx, &container.image.id)?;
            let remote = image::remote_digest(name, access)?;
            Ok(remote != local.digest && Some(&remote) != local.index_digest.as_ref())
        }
    }
}

fn fetch(ctx: &Context, container: &Container, policy: Policy, access: &Access) -> Result<()> {
    if policy == Policy::Registry {
        image::pull(ctx, &container.image.raw_name, access, &Platform::default())?;
    }
    Ok(())
}

/// True if the unit runs with what is new, false if with what was.
fn restart(ctx: &Context, unit: &str, old: &[Container], roll_back: bool) -> Result<bool> {
    let Err(failed) = service::restart(unit) else {
        return Ok(true);
    };
    if !roll_back {
        return Err(failed);
    }
    for container in old {
        let before: Image = image::find(ctx, &container.image.id).with_context(|| {
            format!("unit {unit} failed ({failed:#}), and the image it had is gone: it cannot be rolled back")
        })?;
        image::tag(ctx, &before, &container.image.raw_name)?;
    }
    service::restart(unit).with_context(|| {
        format!("unit {unit} failed ({failed:#}), and failed again with its old image")
    })?;
    Ok(false)
}

fn report(unit: &str, container: &Container, updated: &'static str) -> Report {
    Report {
        unit: unit.to_owned(),
        container: container.name.clone(),
        container_id: container.id.clone(),
        image: container.image.raw_name.clone(),
        policy: container.labels.get(LABEL).cloned().unwrap_or_default(),
        updated,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn policies() {
        assert_eq!(Policy::of("image").unwrap(), Some(Policy::Registry));
        assert_eq!(Policy::of("local").unwrap(), Some(Policy::Local));
        assert_eq!(Policy::of("disabled").unwrap(), None);
        assert!(Policy::of("always").is_err());
    }
}
