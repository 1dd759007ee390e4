//! The units that a person has: found and removed ([`install`](super::install) puts them there). podman-quadlet(1).
//!
//! What was installed together is an application: `.NAME.app` beside the units lists its files, one a line, and `.NAME.asset` lists
//! those that came with one unit.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::kind::Kind;
use super::log::Log;
use super::unit_file::UnitFile;
use super::{directories, units};
use crate::engine::rootless;
use crate::store::directory::remove_if_there;

/// A unit's file, and the service that it becomes.
#[derive(Debug)]
pub struct Installed {
    pub name: String,
    pub path: PathBuf,
    /// Empty for a file that cannot be read as a unit.
    pub service: String,
    /// The application that it belongs to.
    pub app: Option<String>,
    /// `Pod=` of a container.
    pub pod: String,
}

/// All units that the generator would read.
pub fn all() -> Result<Vec<Installed>> {
    let mut found: Vec<Installed> = Vec::new();
    for directory in directories::search(rootless(), &mut Log::quiet()) {
        let apps = lists(&directory, "app")?;
        for name in names_in(&directory)? {
            let Some(kind) = Kind::of_name(&name) else {
                continue;
            };
            if found.iter().any(|other| other.name == name) {
                continue;
            }
            let path = directory.join(&name);
            let file = UnitFile::read(&path).unwrap_or_default();
            let app = apps.iter().find(|(_, files)| files.contains(&name));
            found.push(Installed {
                service: match file.name.is_empty() {
                    true => String::new(),
                    false => format!("{}.service", units::service_name(&file, kind)),
                },
                app: app.map(|(app, _)| app.clone()),
                pod: file.get("Container", "Pod").unwrap_or_default().to_owned(),
                name,
                path,
            });
        }
    }
    Ok(found)
}

/// A unit by its file's name.
pub fn find(name: &str) -> Result<Installed> {
    if Kind::of_name(name).is_none() {
        bail!(
            "{name:?} is no quadlet's name, which ends with .artifact, .build, .container, .image, .kube, .network, .pod or .volume"
        );
    }
    let found = all()?.into_iter().find(|unit| unit.name == name);
    found.with_context(|| {
        format!("no quadlet {name:?} in any of its directories: rpod quadlet list shows those that there are")
    })
}

/// The lists of one kind in a directory: name, and the files of each.
fn lists(directory: &Path, kind: &str) -> Result<Vec<(String, Vec<String>)>> {
    let mut all = Vec::new();
    for name in names_in(directory)? {
        let list = name
            .strip_suffix(kind)
            .and_then(|name| name.strip_prefix('.'));
        if let Some(app) = list.and_then(|name| name.strip_suffix('.')) {
            let path = directory.join(&name);
            let text =
                fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
            all.push((
                format!(".{app}.{kind}"),
                text.lines().map(str::to_owned).collect(),
            ));
        }
    }
    Ok(all)
}

fn names_in(directory: &Path) -> Result<Vec<String>> {
    directories::names(directory).with_context(|| format!("listing {}", directory.display()))
}

/// Removes what was installed under a name: a unit with its files, or the whole application that it belongs to. The answer is the
/// units that are gone. `refuse` is asked about each before anything is removed.
pub fn remove(name: &str, refuse: impl Fn(&Installed) -> Result<()>) -> Result<Vec<String>> {
    let units = all()?;
    let app = units
        .iter()
        .find(|unit| unit.name == name)
        .and_then(|unit| unit.app.clone());
    let wanted = app.or_else(|| {
        let mut apps = units.iter().filter_map(|unit| unit.app.clone());
        apps.find(|app| app == name || *app == format!(".{name}.app"))
    });
    let of_wanted: Vec<&Installed> = match &wanted {
        Some(app) => units
            .iter()
            .filter(|unit| unit.app.as_ref() == Some(app))
            .collect(),
        None => units.iter().filter(|unit| unit.name == name).collect(),
    };
    if of_wanted.is_empty() {
        bail!(
            "no quadlet {name:?} in any of its directories: rpod quadlet list shows those that there are"
        );
    }
    for unit in &of_wanted {
        refuse(unit)?;
    }
    let directory = of_wanted[0]
        .path
        .parent()
        .unwrap_or(Path::new("/"))
        .to_owned();
    for unit in &of_wanted {
        remove_if_there(&unit.path)?;
        clear_list(&directory, &format!(".{}.asset", unit.name))?;
    }
    if let Some(app) = &wanted {
        clear_list(&directory, app)?;
    }
    Ok(of_wanted.iter().map(|unit| unit.name.clone()).collect())
}

/// Removes the files of a list, and the list.
fn clear_list(directory: &Path, list: &str) -> Result<()> {
    let path = directory.join(list);
    let text = match fs::read_to_string(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        other => other.with_context(|| format!("reading {}", path.display()))?,
    };
    // Names only: a list that was tampered with reaches nothing outside.
    for name in text
        .lines()
        .filter(|name| !name.is_empty() && !name.contains('/') && *name != "..")
    {
        remove_if_there(&directory.join(name))?;
    }
    remove_if_there(&path)
}
