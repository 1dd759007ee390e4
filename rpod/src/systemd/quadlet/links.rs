//! [Install]: what `systemctl enable` does for other units is done when the service is generated.

use std::fs;
use std::io::ErrorKind;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result};

use super::conversion::clean;
use super::unit_file::UnitFile;

const INSTALL: &str = "Install";

/// Makes the links that make systemd start the service; the answer is what they are.
pub fn make(output: &Path, service: &UnitFile) -> Vec<Result<PathBuf>> {
    wanted(service)
        .into_iter()
        .map(|link| {
            let place = output.join(&link);
            let target = relative(&link, &service.name);
            replace(&place, &target)
                .with_context(|| format!("failed creating symlink {}", place.display()))?;
            Ok(place)
        })
        .collect()
}

fn replace(place: &Path, target: &Path) -> Result<()> {
    if let Some(directory) = place.parent() {
        fs::create_dir_all(directory)?;
    }
    match fs::remove_file(place) {
        Err(error) if error.kind() != ErrorKind::NotFound => return Err(error.into()),
        _ => {}
    }
    Ok(std::os::unix::fs::symlink(target, place)?)
}

/// Paths below the output directory.
fn wanted(service: &UnitFile) -> Vec<PathBuf> {
    let aliases = service.list(INSTALL, "Alias");
    let mut links: Vec<_> = aliases
        .iter()
        .map(|alias| clean(Path::new(alias)))
        .collect();
    let (name, instance) = service.template();
    let unit = match instance {
        // A template is installed by an instance of it.
        Some("") => {
            let instance = service.get(INSTALL, "DefaultInstance");
            instance.map(|instance| format!("{name}@{instance}.service"))
        }
        _ => Some(service.name.clone()),
    };
    let Some(unit) = unit else {
        return links;
    };
    for (key, directory) in [
        ("WantedBy", "wants"),
        ("RequiredBy", "requires"),
        ("UpheldBy", "upholds"),
    ] {
        let targets = service.list(INSTALL, key).into_iter();
        // Names only: nothing is linked outside of the output directory.
        let names = targets.filter(|target| !target.contains('/'));
        links.extend(names.map(|target| Path::new(&format!("{target}.{directory}")).join(&unit)));
    }
    links.retain(|link| {
        link.components()
            .all(|part| matches!(part, Component::Normal(_)))
    });
    links
}

/// From a link's directory up to the service.
fn relative(link: &Path, service: &str) -> PathBuf {
    let depth = link.components().count().saturating_sub(1);
    let up = std::iter::repeat_n("..", depth);
    up.chain([service]).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn links_of_a_service() {
        let mut unit = UnitFile::parse("[Install]\nAlias=a.service d/b.service ../out.service\nWantedBy=x.target y/z.target\nRequiredBy=r.service\n").unwrap();
        unit.name = "s.service".into();
        let links = wanted(&unit);
        let expected = [
            "a.service",
            "d/b.service",
            "x.target.wants/s.service",
            "r.service.requires/s.service",
        ];
        assert_eq!(links, expected.map(PathBuf::from));
        assert_eq!(relative(&links[2], "s.service"), Path::new("../s.service"));
    }

    #[test]
    fn a_template_needs_an_instance() {
        let of = |text: &str| {
            let mut unit = UnitFile::parse(text).unwrap();
            unit.name = "s@.service".into();
            wanted(&unit)
        };
        assert!(of("[Install]\nWantedBy=x.target\n").is_empty());
        let links = of("[Install]\nWantedBy=x.target\nDefaultInstance=one\n");
        assert_eq!(links, [Path::new("x.target.wants/s@one.service")]);
    }
}
