//! Several docker-archives become one: what they share is kept once, their lists are joined.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, Write};
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Map, Value};

/// Members that list what else is in the archive.
const LISTS: [&str; 2] = ["manifest.json", "repositories"];

pub(super) fn docker_archives(parts: Vec<File>, path: &Path) -> Result<()> {
    let is_replaced = fs::symlink_metadata(path).map_or(true, |meta| meta.is_file());
    if !is_replaced {
        let out = File::options()
            .write(true)
            .open(path)
            .with_context(|| format!("open {}", path.display()))?;
        return join(parts, out).with_context(|| format!("writing {}", path.display()));
    }
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".tmp-{}", std::process::id()));
    let written = File::create_new(&temporary)
        .map_err(anyhow::Error::from)
        .and_then(|out| join(parts, out))
        .and_then(|()| fs::rename(&temporary, path).map_err(anyhow::Error::from))
        .with_context(|| format!("writing {}", path.display()));
    if written.is_err() {
        // It may never have been made; the error that counts is told already.
        let _ = fs::remove_file(&temporary);
    }
    written
}

fn join(parts: Vec<File>, out: File) -> Result<()> {
    let mut archive = tar::Builder::new(out);
    let mut members = HashSet::new();
    let (mut images, mut repositories) = (Vec::new(), Map::new());
    for mut part in parts {
        part.rewind()?;
        let mut reader = tar::Archive::new(part);
        for entry in reader.entries()? {
            let mut entry = entry?;
            let name = entry.path()?.into_owned();
            let Some(list) = LISTS.iter().find(|list| name == Path::new(list)) else {
                if members.insert(name) {
                    archive.append(&entry.header().clone(), entry)?;
                }
                continue;
            };
            let mut text = Vec::new();
            entry.read_to_end(&mut text)?;
            if *list == LISTS[0] {
                images.extend(serde_json::from_slice::<Vec<Value>>(&text)?);
            } else {
                for (repository, tags) in serde_json::from_slice::<Map<String, Value>>(&text)? {
                    let known = repositories
                        .entry(repository)
                        .or_insert_with(|| Map::new().into());
                    if let (Value::Object(known), Value::Object(tags)) = (known, tags) {
                        known.extend(tags);
                    }
                }
            }
        }
    }
    append(&mut archive, LISTS[0], &serde_json::to_vec(&images)?)?;
    append(&mut archive, LISTS[1], &serde_json::to_vec(&repositories)?)?;
    archive.into_inner()?.flush()?;
    Ok(())
}

fn append(archive: &mut tar::Builder<File>, name: &str, bytes: &[u8]) -> Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_mode(0o444);
    header.set_size(bytes.len() as u64);
    Ok(archive.append_data(&mut header, name, bytes)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn part(image: &str, tag: &str) -> File {
        let mut archive = tar::Builder::new(tempfile::tempfile().unwrap());
        append(&mut archive, "layer.tar", b"shared").unwrap();
        append(&mut archive, &format!("{image}.json"), b"{}").unwrap();
        let list = format!(
            r#"[{{"Config":"{image}.json","RepoTags":["a:{tag}"],"Layers":["layer.tar"]}}]"#
        );
        append(&mut archive, "manifest.json", list.as_bytes()).unwrap();
        append(
            &mut archive,
            "repositories",
            format!(r#"{{"a":{{"{tag}":"x"}}}}"#).as_bytes(),
        )
        .unwrap();
        archive.into_inner().unwrap()
    }

    #[test]
    fn what_is_shared_is_kept_once() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("all.tar");
        docker_archives(vec![part("one", "1"), part("two", "2")], &path).unwrap();
        let mut archive = tar::Archive::new(File::open(&path).unwrap());
        let mut names = Vec::new();
        for entry in archive.entries().unwrap() {
            let mut entry = entry.unwrap();
            let name = entry.path().unwrap().display().to_string();
            let mut text = String::new();
            entry.read_to_string(&mut text).unwrap();
            match name.as_str() {
                "manifest.json" => assert_eq!(text.matches("Config").count(), 2),
                "repositories" => assert_eq!(text, r#"{"a":{"1":"x","2":"x"}}"#),
                _ => {}
            }
            names.push(name);
        }
        assert_eq!(
            names,
            [
                "layer.tar",
                "one.json",
                "two.json",
                "manifest.json",
                "repositories"
            ]
        );
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
