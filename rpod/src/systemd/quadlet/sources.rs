//! The units' files: found in all directories, each with its drop-ins.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::directories::names;
use super::kind::Kind;
use super::log::Log;
use super::unit_file::UnitFile;

/// The units of all directories. Of one name the first counts.
pub(super) fn load(directories: &[PathBuf], log: &mut Log) -> Vec<UnitFile> {
    let mut files: Vec<UnitFile> = Vec::new();
    for directory in directories {
        for name in listed(directory, log) {
            let is_unit = Kind::of_name(&name).is_some();
            if is_unit && !files.iter().any(|file| file.name == name) {
                files.extend(read(&directory.join(&name), "unit", log));
            }
        }
    }
    files
}

/// `*.conf` in the directories of drop-ins, in the order of their names; of one name the most specific counts.
pub(super) fn add_drop_ins(file: &mut UnitFile, directories: &[PathBuf], log: &mut Log) {
    let mut chosen: BTreeMap<String, PathBuf> = BTreeMap::new();
    for drop_in in drop_in_directories(file) {
        for directory in directories {
            let directory = directory.join(&drop_in);
            for name in listed(&directory, log) {
                if Path::new(&name).extension() == Some(OsStr::new("conf")) {
                    let path = directory.join(&name);
                    chosen.entry(name).or_insert(path);
                }
            }
        }
    }
    for path in chosen.into_values() {
        if let Some(drop_in) = read(&path, "drop-in", log) {
            file.merge(&drop_in);
        }
    }
}

/// What lies in a directory. One that cannot be read is told of, and passed over.
fn listed(directory: &Path, log: &mut Log) -> Vec<String> {
    names(directory).unwrap_or_else(|error| {
        log.error(&format!(
            "error reading directory {:?}, {error}",
            directory.display().to_string()
        ));
        Vec::new()
    })
}

/// A file, if it can be read.
fn read(path: &Path, what: &str, log: &mut Log) -> Option<UnitFile> {
    log.debug(&format!("Loading source {what} file {}", path.display()));
    let file = UnitFile::read(path);
    file.map_err(|error| {
        log.error(&format!(
            "error loading {:?}, {error:#}",
            path.display().to_string()
        ));
    })
    .ok()
}

/// The most specific first: the unit's own, the template's, those of what its name begins with, those of its kind.
fn drop_in_directories(file: &UnitFile) -> Vec<String> {
    let (name, instance) = file.template();
    let extension = file.extension();
    let mut all = vec![format!("{}.d", file.name)];
    if instance.is_some_and(|instance| !instance.is_empty()) {
        all.push(format!("{name}@.{extension}.d"));
    }
    let dashes: Vec<_> = name.match_indices('-').map(|(at, _)| at + 1).collect();
    for end in dashes.into_iter().rev() {
        let beginning = &name[..end];
        if instance.is_some() {
            all.push(format!("{beginning}@.{extension}.d"));
        }
        all.push(format!("{beginning}.{extension}.d"));
    }
    all.push(format!("{extension}.d"));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drop_ins_from_special_to_general() {
        let of = |name: &str| {
            let mut file = UnitFile::default();
            name.clone_into(&mut file.name);
            drop_in_directories(&file)
        };
        assert_eq!(of("a.container"), ["a.container.d", "container.d"]);
        assert_eq!(
            of("a-b@c.pod"),
            [
                "a-b@c.pod.d",
                "a-b@.pod.d",
                "a-@.pod.d",
                "a-.pod.d",
                "pod.d"
            ]
        );
    }
}
