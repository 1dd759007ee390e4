//! Units that a person puts in place: podman-quadlet-install(1).

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::directories;
use super::kind::Kind;
use crate::engine::rootless;
use crate::store::record::{Durability, replace};

/// A file to be put in place.
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
    let (pieces, list) = gather(paths)?;
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
    // The list first, so that what a killed install leaves can be removed.
    if let Some(list) = list {
        put(&directory.join(&list.name), &list.text)?;
    }
    let mut placed = Vec::new();
    for piece in pieces {
        let path = directory.join(&piece.name);
        put(&path, &piece.text)?;
        placed.push(path);
    }
    Ok(placed)
}

/// All that the paths hold, and the file that lists what belongs together, if anything does.
fn gather(paths: &[PathBuf]) -> Result<(Vec<Piece>, Option<Piece>)> {
    let (first, others) = paths.split_first().context("no path was given")?;
    let base = first
        .file_name()
        .context("the path names no file")?
        .to_string_lossy()
        .into_owned();
    let mut pieces = Vec::new();
    let list = if first.is_dir() {
        for name in
            directories::names(first).with_context(|| format!("listing {}", first.display()))?
        {
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
    let list = list.map(|name| {
        let is_listed = |piece: &&Piece| name.ends_with(".app") || piece.name != base;
        let listed = pieces.iter().filter(is_listed);
        let text: String = listed.map(|piece| format!("{}\n", piece.name)).collect();
        Piece {
            name,
            text: text.into(),
        }
    });
    Ok((pieces, list))
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
    replace(path, text, Durability::Disk)?;
    // The generator of the system and of other users may have to read it.
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o644);
    fs::set_permissions(path, mode).with_context(|| format!("making {} readable", path.display()))
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
