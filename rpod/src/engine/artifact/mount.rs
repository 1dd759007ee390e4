//! An artifact's files in a container: podman-run(1), "--mount type=artifact".

use std::path::Path;

use anyhow::{Context as _, Result, bail};
use nix::errno::Errno;

use super::{File, find};
use crate::engine::Context;
use crate::engine::container::record::Mount;
use crate::engine::files::{Root, is_dir};
use crate::engine::layout::Layout;

/// The files that are mounted for one mount that was asked for, in a root file system that is there.
pub fn files(ctx: &Context, asked: &Mount, rootfs: &Path) -> Result<Vec<Mount>> {
    let artifact = find(ctx, &asked.source)?;
    let files = artifact.files(&asked.choice)?;
    if !is_file(rootfs, &asked.destination, files.len())? {
        let named = files.iter().enumerate().map(|(number, file)| {
            let name = name(asked, file, number, files.len());
            let destination = format!("{}/{name}", asked.destination.trim_end_matches('/'));
            bind(ctx, file, destination)
        });
        return named.collect();
    }
    match files.as_slice() {
        [only] => Ok(vec![bind(ctx, only, asked.destination.clone())?]),
        _ => bail!(
            "artifact {:?} contains more than one blob and container path {:?} is a file",
            asked.source,
            asked.destination
        ),
    }
}

/// Whether the destination is a file; one file alone makes it one if nothing is there.
fn is_file(rootfs: &Path, destination: &str, count: usize) -> Result<bool> {
    match Root::open(rootfs)?.stat(Path::new(destination)) {
        Ok(stat) => Ok(!is_dir(&stat)),
        Err(Errno::ENOENT) => Ok(count == 1),
        Err(error) => Err(error).with_context(|| format!("looking at {destination}")),
    }
}

fn name(asked: &Mount, file: &File, number: usize, count: usize) -> String {
    match (asked.name.as_str(), count) {
        ("", _) => file.name.clone(),
        (name, 1) => name.to_owned(),
        (name, _) => format!("{name}-{number}"),
    }
}

/// Never writable: a blob is what its digest says.
fn bind(ctx: &Context, file: &File, destination: String) -> Result<Mount> {
    let source = Layout::artifacts(&ctx.store).blob(&file.digest)?;
    let source = source
        .to_str()
        .with_context(|| format!("{} is not UTF-8", source.display()))?;
    Ok(Mount {
        kind: "bind".to_owned(),
        source: source.to_owned(),
        destination,
        options: vec!["bind".to_owned(), "ro".to_owned()],
        ..Mount::default()
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_there_tells_where_it_goes() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("dir")).unwrap();
        std::fs::write(dir.path().join("file"), "").unwrap();
        let is_file = |path: &str, count| is_file(dir.path(), path, count).unwrap();
        assert!(!is_file("/dir", 1) && is_file("/file", 2));
        assert!(is_file("/none/x", 1) && !is_file("/none/x", 2));
    }

    #[test]
    fn names_are_numbered_where_there_are_several() {
        let file = File {
            digest: String::new(),
            name: "own".to_owned(),
        };
        let asked = |name: &str| Mount {
            name: name.to_owned(),
            ..Mount::default()
        };
        assert_eq!(name(&asked(""), &file, 1, 2), "own");
        assert_eq!(name(&asked("x"), &file, 0, 1), "x");
        assert_eq!(name(&asked("x"), &file, 1, 2), "x-1");
    }
}
