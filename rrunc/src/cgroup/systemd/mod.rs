//! A container's groups as a scope of systemd's (`--systemd-cgroup`): systemd makes them and knows of the limits, so that it does
//! not undo them; it delegates them (systemd's CGROUP_DELEGATION), so that everything else is done as without it.
//!
//! A scope cannot be without a process. A holder, which only waits to be killed, is the first one: the container's process is born
//! into the group as it is without systemd, and then the holder is let go. It dies with rrunc, and an empty scope goes by itself,
//! so that nothing is left behind by a `kill -9`.

mod bus;
mod holder;
mod message;
mod properties;
mod step_out;
mod variant;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};
use serde::{Deserialize, Serialize};

use crate::annotations::Annotations;
use crate::cgroup::InUse;
use crate::kernel::process::is_host_root;
use crate::spec::{Resources, Spec};
use bus::{Bus, Owner, Refusal};
use message::Value;

pub(crate) use holder::Holder;
pub(super) use step_out::step_out;

/// The unit of one container; recorded in its state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Scope {
    /// `prefix-name.scope`.
    unit: String,
    /// `machine.slice`.
    slice: String,
    /// Where in the scope the container is, if not in the scope's own group (`run.oci.systemd.subgroup` of crun(1)).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subgroup: Option<String>,
}

impl Scope {
    /// From `linux.cgroupsPath`, which has to be `slice:prefix:name`; without it the container is `rrunc-ID.scope` in
    /// system.slice, or in user.slice for an ordinary user.
    ///
    /// # Errors
    /// It has another form.
    pub(super) fn new(
        cgroups_path: Option<&str>,
        id: &str,
        annotations: &Annotations,
    ) -> Result<Scope> {
        ensure!(
            !annotations.contains_key("run.oci.delegate-cgroup"),
            "annotations.run.oci.delegate-cgroup is not supported: name one group with run.oci.systemd.subgroup"
        );
        let (slice, prefix, name) = match cgroups_path.filter(|path| !path.is_empty()) {
            None => ("", "rrunc", id),
            Some(path) => match path.split(':').collect::<Vec<_>>().as_slice() {
                [slice, prefix, name] => (*slice, *prefix, *name),
                _ => bail!(
                    "expected cgroupsPath to be of format \"slice:prefix:name\" for systemd cgroups, got {path:?} instead"
                ),
            },
        };
        let slice = match (slice, owner()) {
            ("", Owner::System) => "system.slice",
            ("", Owner::User) => "user.slice",
            (slice, _) => slice,
        };
        let valid = |text: &str| !text.contains('/') && !text.starts_with('.');
        ensure!(
            !name.is_empty() && valid(name) && valid(prefix),
            "linux.cgroupsPath: {prefix:?} and {name:?} make no name of a unit"
        );
        ensure!(
            !name.ends_with(".slice"),
            "linux.cgroupsPath: {name:?} is a slice: a container's processes need a scope"
        );
        let unit = match prefix {
            "" => format!("{name}.scope"),
            prefix => format!("{prefix}-{name}.scope"),
        };
        let subgroup = annotations
            .get("run.oci.systemd.subgroup")
            .filter(|group| !group.is_empty())
            .cloned();
        if let Some(group) = &subgroup {
            ensure!(
                valid(group),
                "annotations.run.oci.systemd.subgroup: {group:?} is no name of a group"
            );
        }
        Ok(Scope {
            unit,
            slice: slice.to_owned(),
            subgroup,
        })
    }

    /// The group's path below the root of each hierarchy.
    pub(super) fn path(&self) -> Result<PathBuf> {
        let mut path = match owner() {
            Owner::System => PathBuf::new(),
            // A user's manager is in a group itself.
            Owner::User => Bus::connect(Owner::User)?
                .property("ControlGroup")?
                .trim_start_matches('/')
                .into(),
        };
        path.extend(expand(&self.slice)?);
        path.push(&self.unit);
        path.extend(&self.subgroup);
        Ok(path)
    }

    /// Starts the scope with a holder in it.
    ///
    /// # Errors
    /// systemd refuses a property, or the scope.
    pub(super) fn start(&self, id: &str, spec: &Spec, unified: bool) -> Result<Holder> {
        let mut wanted = properties::of_scope(id, &self.slice, unified);
        if let Some(resources) = &spec.linux.resources {
            wanted.extend(properties::of_devices(&resources.devices)?);
            wanted.extend(properties::of_resources(resources, unified)?);
        }
        for property in properties::of_annotations(&spec.annotations)? {
            wanted.retain(|(name, _)| *name != property.0);
            wanted.push(property);
        }
        let mut bus = Bus::connect(owner())?;
        let holder = Holder::fork()?;
        wanted.push((
            "PIDs".to_owned(),
            Value::Numbers(vec![holder.pid().as_raw().cast_unsigned()]),
        ));
        let arguments = [
            Value::text(&self.unit),
            Value::text("replace"),
            Value::Properties(wanted),
            Value::NoUnits,
        ];
        let started = bus.job("StartTransientUnit", &arguments).or_else(|error| {
            if !is_refusal(&error, "UnitExists") {
                return Err(error);
            }
            // One that failed stays on until it is forgotten.
            forget(&mut bus, &self.unit)?;
            bus.job("StartTransientUnit", &arguments)
        });
        match started {
            Err(error) if is_refusal(&error, "UnitExists") => {
                Err(InUse::Scope(self.unit.clone()).into())
            }
            other => other
                .map(|()| holder)
                .with_context(|| format!("start {} in {}", self.unit, self.slice)),
        }
    }

    /// Takes the holder into the subgroup, if there is one: a group of cgroup v2 with processes has no controllers for the
    /// groups below.
    ///
    /// # Errors
    /// The subgroup cannot be made.
    pub(super) fn move_holder(&self, holder: &Holder, group: &Path) -> Result<()> {
        if self.subgroup.is_none() {
            return Ok(());
        }
        let made = fs::create_dir_all(group)
            .and_then(|()| fs::write(group.join("cgroup.procs"), holder.pid().to_string()));
        made.with_context(|| format!("make {}", group.display()))
    }

    /// Tells systemd of other limits.
    ///
    /// # Errors
    /// It refuses one.
    pub(super) fn update(&self, resources: &Resources, unified: bool) -> Result<()> {
        let wanted = properties::of_resources(resources, unified)?;
        if wanted.is_empty() {
            return Ok(());
        }
        // Until the machine's next boot, as everything about a scope.
        let arguments = [
            Value::text(&self.unit),
            Value::Bool(true),
            Value::Properties(wanted),
        ];
        Bus::connect(owner())?
            .manager("SetUnitProperties", &arguments)
            .map(drop)
            .with_context(|| format!("set the properties of {}", self.unit))
    }

    /// Stops the scope, its processes with it; it is no error when it is gone, or all of systemd.
    ///
    /// # Errors
    /// It does not stop.
    pub(super) fn stop(&self) -> Result<()> {
        if !bus::is_there(owner()) {
            return Ok(());
        }
        let mut bus = Bus::connect(owner())?;
        match bus.job(
            "StopUnit",
            &[Value::text(&self.unit), Value::text("replace")],
        ) {
            Err(error) if is_refusal(&error, "NoSuchUnit") => Ok(()),
            Err(error) => Err(error).with_context(|| format!("stop {}", self.unit)),
            Ok(()) => forget(&mut bus, &self.unit),
        }
    }
}

/// A unit that has failed is kept for people to look at: not a container's.
fn forget(bus: &mut Bus, unit: &str) -> Result<()> {
    match bus.manager("ResetFailedUnit", &[Value::text(unit)]) {
        Err(error) if is_refusal(&error, "NoSuchUnit") => Ok(()),
        other => other.map(drop),
    }
}

fn is_refusal(error: &anyhow::Error, kind: &str) -> bool {
    error
        .downcast_ref::<Refusal>()
        .is_some_and(|refusal| refusal.is(kind))
}

/// Root of the host has the system's manager, everyone else, root of a user namespace too, their own.
fn owner() -> Owner {
    match is_host_root() {
        true => Owner::System,
        false => Owner::User,
    }
}

/// The directories of a slice: `a-b.slice` is in `a.slice` (systemd.slice(5)).
fn expand(slice: &str) -> Result<Vec<String>> {
    let name = slice
        .strip_suffix(".slice")
        .filter(|name| !name.is_empty() && !name.contains('/'));
    let Some(name) = name else {
        bail!("linux.cgroupsPath: invalid slice name: {slice}");
    };
    if name == "-" {
        return Ok(Vec::new());
    }
    let mut path = Vec::new();
    let mut whole = String::new();
    for part in name.split('-') {
        ensure!(
            !part.is_empty(),
            "linux.cgroupsPath: invalid slice name: {slice}"
        );
        if !whole.is_empty() {
            whole.push('-');
        }
        whole.push_str(part);
        path.push(format!("{whole}.slice"));
    }
    Ok(path)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn slices_are_nested_by_their_names() {
        assert_eq!(expand("machine.slice").unwrap(), ["machine.slice"]);
        assert_eq!(
            expand("a-b-c.slice").unwrap(),
            ["a.slice", "a-b.slice", "a-b-c.slice"]
        );
        assert!(expand("-.slice").unwrap().is_empty());
        for wrong in [
            "machine",
            ".slice",
            "a--b.slice",
            "-a.slice",
            "a-.slice",
            "a/b.slice",
        ] {
            assert!(expand(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_scope_is_named_by_prefix_and_name() {
        let unit = |path: &str| {
            Scope::new(Some(path), "c", &Annotations::new())
                .map(|scope| (scope.slice, scope.unit))
                .ok()
        };
        let some = |slice: &str, unit: &str| Some((slice.to_owned(), unit.to_owned()));
        assert_eq!(
            unit("machine.slice:libpod:abc"),
            some("machine.slice", "libpod-abc.scope")
        );
        assert_eq!(
            unit("machine.slice::abc"),
            some("machine.slice", "abc.scope")
        );
        assert_eq!(
            Scope::new(None, "c", &Annotations::new()).unwrap().unit,
            "rrunc-c.scope"
        );
        for wrong in [
            "/a/b",
            "a:b",
            "a.slice:b:",
            "a.slice:b:c:d",
            "a.slice:b:c/d",
            "a.slice:b:c.slice",
        ] {
            assert_eq!(unit(wrong), None, "{wrong}");
        }
    }
}
