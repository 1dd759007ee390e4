//! All units of one run of the generator, as far as they know of each other: which service each becomes, and what that makes.

use std::collections::BTreeMap;

use anyhow::{Context as _, Result};

use super::kind::Kind;
use super::unit_file::UnitFile;

#[derive(Debug, Default)]
pub struct Units(BTreeMap<String, Unit>);

#[derive(Clone, Debug, Default)]
pub struct Unit {
    /// Without `.service`.
    pub service: String,
    /// The name of what the service makes; empty while it is not known.
    pub resource: String,
    /// Of a pod: the services of its containers that start with it.
    pub containers: Vec<String>,
}

impl Unit {
    pub fn service_file(&self) -> String {
        format!("{}.service", self.service)
    }
}

impl Units {
    /// What names others can use is known before the first is converted.
    pub fn of(files: &[UnitFile]) -> Units {
        let units = files.iter().filter_map(|file| {
            let kind = Kind::of_name(&file.name)?;
            let resource = match kind {
                Kind::Container => resolved_container_name(file),
                Kind::Build => file
                    .all("Build", "ImageTag")
                    .first()
                    .map(|tag| (*tag).to_owned()),
                Kind::Pod => Some(pod_name(file)),
                _ => None,
            };
            let unit = Unit {
                service: service_name(file, kind),
                resource: resource.unwrap_or_default(),
                containers: Vec::new(),
            };
            Some((file.name.clone(), unit))
        });
        Units(units.collect())
    }

    pub fn get(&self, name: &str) -> Option<&Unit> {
        self.0.get(name)
    }

    pub fn own(&mut self, file: &UnitFile) -> Result<&mut Unit> {
        let unit = self.0.get_mut(&file.name);
        unit.with_context(|| format!("{} is no unit of this run", file.name))
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut Unit> {
        self.0.get_mut(name)
    }
}

pub fn service_name(file: &UnitFile, kind: Kind) -> String {
    if let Some(name) = file.get(kind.group(), "ServiceName") {
        return name.to_owned();
    }
    let stem = stem(file);
    match stem.strip_suffix('@') {
        Some(stem) => format!("{stem}{}@", kind.suffix()),
        None => format!("{stem}{}", kind.suffix()),
    }
}

fn stem(file: &UnitFile) -> &str {
    match file.name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => &file.name,
    }
}

/// As systemd is to be told it: with specifiers.
pub fn container_name(file: &UnitFile) -> &str {
    let default = if file.name.contains('@') {
        "systemd-%p_%i"
    } else {
        "systemd-%N"
    };
    file.get_filled("Container", "ContainerName")
        .unwrap_or(default)
}

/// Without specifiers; nothing where only systemd could resolve them.
fn resolved_container_name(file: &UnitFile) -> Option<String> {
    let name = container_name(file).replace("%N", &service_name(file, Kind::Container));
    (!name.contains('%')).then_some(name)
}

pub fn pod_name(file: &UnitFile) -> String {
    let given = file.get_filled("Pod", "PodName");
    given.map_or_else(|| format!("systemd-{}", stem(file)), str::to_owned)
}

/// The name of a network or a volume.
pub fn resource_name(file: &UnitFile, group: &str, key: &str) -> String {
    if let Some(name) = file.get_filled(group, key) {
        return name.to_owned();
    }
    let stem = stem(file);
    if !file.name.contains('@') {
        return format!("systemd-{stem}");
    }
    let mut name = stem.to_owned();
    // The last character of a template's stem is its @.
    name.pop();
    format!("systemd-{name}-%i")
}
