//! Which files are read, the most general first.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

/// `modules`: as `--module` names them.
pub(super) fn in_order(modules: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    if let Some(path) = std::env::var_os("CONTAINERS_CONF") {
        files.push(path.into());
    } else {
        files.push("/usr/share/containers/containers.conf".into());
        add_tree(&mut files, Path::new("/etc/containers"))?;
        if crate::engine::rootless()
            && let Some(home) = user_config()
        {
            add_tree(&mut files, &home.join("containers"))?;
        }
    }
    for module in modules {
        files.push(find_module(module, &module_directories())?);
    }
    files.extend(std::env::var_os("CONTAINERS_CONF_OVERRIDE").map(PathBuf::from));
    Ok(files)
}

fn module_directories() -> Vec<PathBuf> {
    let own = crate::engine::rootless().then(user_config).flatten();
    let all = own.into_iter().chain(["/etc".into(), "/usr/share".into()]);
    all.map(|directory: PathBuf| directory.join("containers/containers.conf.modules"))
        .collect()
}

/// The first of its name; an absolute path is itself.
fn find_module(module: &Path, directories: &[PathBuf]) -> Result<PathBuf> {
    let mut places = directories.iter().map(|directory| directory.join(module));
    let found = places.find(|path| path.is_file());
    found.with_context(|| {
        format!(
            "no module {} of containers.conf: neither a path nor a file in {}",
            module.display(),
            directories
                .iter()
                .map(|dir| dir.display().to_string())
                .collect::<Vec<_>>()
                .join(", ")
        )
    })
}

pub fn user_config() -> Option<PathBuf> {
    let xdg = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    xdg.or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")))
}

fn add_tree(files: &mut Vec<PathBuf>, dir: &Path) -> Result<()> {
    files.push(dir.join("containers.conf"));
    let drop_ins = dir.join("containers.conf.d");
    let entries = match fs::read_dir(&drop_ins) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("listing {}", drop_ins.display())),
    };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry
            .with_context(|| format!("listing {}", drop_ins.display()))?
            .path();
        if path.extension().is_some_and(|ext| ext == "conf") {
            found.push(path);
        }
    }
    found.sort();
    files.extend(found);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::config::ContainersConf;

    #[test]
    fn a_module_is_found_by_name_or_path() {
        let dir = tempfile::tempdir().unwrap();
        let directories = [dir.path().join("none"), dir.path().to_owned()];
        let file = dir.path().join("fast.conf");
        fs::write(&file, "[engine]\nruntime='x'\n").unwrap();
        assert_eq!(
            find_module(Path::new("fast.conf"), &directories).unwrap(),
            file
        );
        assert_eq!(
            find_module(&file, &[dir.path().join("none")]).unwrap(),
            file
        );
        let error = find_module(Path::new("slow.conf"), &directories).unwrap_err();
        assert!(
            error.to_string().starts_with("no module slow.conf"),
            "{error}"
        );
        let conf = ContainersConf::load(&[file]).unwrap();
        assert_eq!(conf.engine.runtime.as_deref(), Some("x"));
    }
}
