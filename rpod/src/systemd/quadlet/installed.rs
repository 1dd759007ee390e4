//! The units that a person has: found, installed, removed. podman-quadlet(1).
//!
//! What was installed together is an application: `.NAME.app` beside the units lists its files, one a line, and `.NAME.asset` lists
//! those that came with one unit.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::generator::Log;
use super::kind::Kind;
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
        for name in names(&directory)? {
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

fn names(directory: &Path) -> Result<Vec<String>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.with_context(|| format!("listing {}", directory.display()))?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.with_context(|| format!("listing {}", directory.display()))?;
        names.push(entry.file_name().to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// The lists of one kind in a directory: name, and the files of each.
fn lists(directory: &Path, kind: &str) -> Result<Vec<(String, Vec<String>)>> {
    let mut all = Vec::new();
    for name in names(directory)? {
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

/// What is put in place, and into which list.
struct Piece {
    name: String,
    text: Vec<u8>,
}

/// Installs a unit with files that it needs, a directory of them, or a `.quadlets` file; the answer is where they are.
pub fn install(paths: &[PathBuf], replace: bool) -> Result<Vec<PathBuf>> {
    let directory =
        directories::own(rootless()).context("neither XDG_CONFIG_HOME nor HOME is set: set one")?;
    fs::create_dir_all(&directory).with_context(|| {
        format!(
            "unable to create Quadlet install path {}",
            directory.display()
        )
    })?;
    let (first, others) = paths.split_first().context("no path was given")?;
    let base = first
        .file_name()
        .context("the path names no file")?
        .to_string_lossy()
        .into_owned();
    let mut pieces = Vec::new();
    let list = if first.is_dir() {
        for name in names(first)? {
            let path = first.join(&name);
            if path.is_file() {
                pieces.extend(unpacked(&path)?);
            }
        }
        Some(format!(".{base}.app"))
    } else if let Some(stem) = base.strip_suffix(".quadlets") {
        pieces.extend(unpacked(first)?);
        Some(format!(".{stem}.app"))
    } else {
        if Kind::of_name(&base).is_none() {
            let extension = first.extension().unwrap_or_default().to_string_lossy();
            bail!(
                "{:?} is not a supported Quadlet file type",
                format!(".{extension}")
            );
        }
        pieces.push(read(first)?);
        (!others.is_empty()).then(|| format!(".{base}.asset"))
    };
    for path in others {
        pieces.push(read(path)?);
    }
    if !replace
        && let Some(there) = pieces
            .iter()
            .find(|piece| directory.join(&piece.name).exists())
    {
        bail!(
            "a Quadlet with name {} already exists, refusing to overwrite: use --replace",
            there.name
        );
    }
    if let Some(list) = list {
        // First, so that what a killed install leaves can be removed.
        let own_unit = |piece: &&Piece| list.ends_with(".app") || piece.name != base;
        let lines: Vec<_> = pieces
            .iter()
            .filter(own_unit)
            .map(|piece| format!("{}\n", piece.name))
            .collect();
        put(&directory.join(&list), lines.concat().as_bytes())?;
    }
    let mut placed = Vec::new();
    for piece in pieces {
        let path = directory.join(&piece.name);
        put(&path, &piece.text)?;
        placed.push(path);
    }
    Ok(placed)
}

/// A file, or what a `.quadlets` file holds.
fn unpacked(path: &Path) -> Result<Vec<Piece>> {
    let file = read(path)?;
    if !file.name.ends_with(".quadlets") {
        return Ok(vec![file]);
    }
    let text = String::from_utf8(file.text);
    let text = text.with_context(|| format!("{} is not text", path.display()))?;
    sections(&text).with_context(|| path.display().to_string())
}

fn read(path: &Path) -> Result<Piece> {
    let shown = path.display();
    let text = path.to_string_lossy();
    if text.starts_with("http://") || text.starts_with("https://") {
        bail!("{shown}: rpod fetches nothing but images: download it first (curl -O {shown})");
    }
    let text = fs::read(path)
        .with_context(|| format!("quadlet to install {shown} does not exist or cannot be read"))?;
    let name = path
        .file_name()
        .with_context(|| format!("{shown} names no file"))?;
    Ok(Piece {
        name: name.to_string_lossy().into_owned(),
        text,
    })
}

/// The units of a `.quadlets` file, parted by `---`; each names itself by `# FileName=`.
fn sections(text: &str) -> Result<Vec<Piece>> {
    let mut pieces = Vec::new();
    let parts: Vec<Vec<&str>> = text
        .lines()
        .collect::<Vec<_>>()
        .split(|line| line.trim() == "---")
        .map(<[_]>::to_vec)
        .collect();
    for (number, lines) in parts.iter().enumerate() {
        let text = lines.join("\n").trim().to_owned();
        if text.is_empty() {
            continue;
        }
        let number = number + 1;
        let name = lines.iter().find_map(|line| {
            line.trim()
                .strip_prefix('#')?
                .trim()
                .strip_prefix("FileName=")
        });
        let name = name.map(str::trim).with_context(|| {
            format!("section {number}: missing required '# FileName=<name>' comment at the beginning of quadlet section")
        })?;
        if name.is_empty() {
            bail!("section {number}: FileName comment found but no filename specified");
        }
        if name.contains('/') || name.contains("..") {
            bail!("section {number}: FileName '{name}' cannot contain path separators");
        }
        let groups = lines
            .iter()
            .filter_map(|line| line.trim().strip_prefix('[')?.split(']').next());
        let extension = groups
            .map(str::to_ascii_lowercase)
            .find(|group| Kind::of(group).is_some())
            .with_context(|| format!("section {number}: no recognized quadlet section found (expected [Container], [Volume], [Network], [Kube], [Image], [Build], [Artifact] or [Pod])"))?;
        pieces.push(Piece {
            name: format!("{name}.{extension}"),
            text: (text + "\n").into_bytes(),
        });
    }
    if pieces.is_empty() {
        bail!("no valid quadlet sections found");
    }
    Ok(pieces)
}

/// Whole or not at all.
fn put(path: &Path, text: &[u8]) -> Result<()> {
    crate::store::record::replace(path, text, crate::store::record::Durability::Disk)?;
    // The generator of the system and of other users may have to read it.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(path, mode).with_context(|| format!("making {} readable", path.display()))
}

/// Removes what was installed under a name: a unit with its files, or the whole application that it belongs to. The answer is the
/// units that are gone. `running` is asked for each before anything is removed.
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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn several_units_in_one_file() {
        let text = "# FileName=web\n[Container]\nImage=x\n---\n# FileName=data\n[Volume]\n";
        let names: Vec<_> = sections(text)
            .unwrap()
            .into_iter()
            .map(|piece| piece.name)
            .collect();
        assert_eq!(names, ["web.container", "data.volume"]);
        for wrong in [
            "[Container]\n",
            "# FileName=\n[Pod]",
            "# FileName=a/b\n[Pod]",
            "# FileName=a\n[Unit]",
            "---",
        ] {
            assert!(sections(wrong).is_err(), "{wrong}");
        }
    }
}
