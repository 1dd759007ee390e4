//! What a short name may stand for: containers-registries.conf(5), "SHORT-NAME RESOLUTION".

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde::Deserialize;

use super::Name;
use crate::engine::rootless;
use crate::store::directory::entries;

/// The keys of registries.conf that are about short names.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct RegistriesConf {
    unqualified_search_registries: Option<Vec<String>>,
    short_name_mode: Option<String>,
    aliases: BTreeMap<String, String>,
    registries: FirstVersion,
}

/// What the first version of the file has, `[registries.search]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct FirstVersion {
    search: SearchList,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct SearchList {
    registries: Option<Vec<String>>,
}

/// Where images without a registry in their name are looked for.
pub fn search_registries() -> Result<Vec<String>> {
    Ok(load()?.0.unqualified_search_registries.unwrap_or_default())
}

/// Where a name may be pulled from, the likeliest first.
pub(super) fn pull_candidates(name: &Name) -> Result<Vec<Name>> {
    if !name.is_short() {
        return Ok(vec![name.normalized()]);
    }
    let (conf, source) = load()?;
    if let Some(target) = alias(&conf, name)? {
        return Ok(vec![target]);
    }
    let registries = conf.unqualified_search_registries.unwrap_or_default();
    if registries.is_empty() {
        bail!(
            "short-name \"{name}\" did not resolve to an alias and no unqualified-search registries are defined in {source:?}"
        );
    }
    let strict = !matches!(
        conf.short_name_mode.as_deref(),
        Some("permissive" | "disabled")
    );
    if strict && registries.len() > 1 {
        bail!(
            "short-name \"{name}\" may mean any of {}: short-name resolution is enforced, so give the name in full",
            registries
                .iter()
                .map(|registry| name.at(registry).to_string())
                .collect::<Vec<_>>()
                .join(", ")
        );
    }
    Ok(registries
        .iter()
        .map(|registry| name.at(registry).normalized())
        .collect())
}

/// The stored names that a name may mean: for a short one `localhost` first, then its alias, then the
/// registries that are searched.
pub(super) fn local_candidates(name: &Name) -> Result<Vec<Name>> {
    if !name.is_short() {
        return Ok(vec![name.normalized()]);
    }
    let (conf, _) = load()?;
    let mut candidates = vec![name.at("localhost").normalized()];
    candidates.extend(alias(&conf, name)?);
    let registries = conf.unqualified_search_registries.unwrap_or_default();
    candidates.extend(
        registries
            .iter()
            .map(|registry| name.at(registry).normalized()),
    );
    Ok(candidates)
}

/// The target of an alias, with the tag or digest that was asked for.
fn alias(conf: &RegistriesConf, name: &Name) -> Result<Option<Name>> {
    let Some(target) = conf
        .aliases
        .get(&name.repository)
        .filter(|target| !target.is_empty())
    else {
        return Ok(None);
    };
    let target = Name::parse(target).with_context(|| format!("alias of {}", name.repository))?;
    Ok(Some(
        Name {
            repository: target.repository,
            ..name.clone()
        }
        .normalized(),
    ))
}

/// All the files merged, and the name of the main one, for errors.
fn load() -> Result<(RegistriesConf, String)> {
    let mut merged = RegistriesConf::default();
    let files = files()?;
    for path in &files {
        let text = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
        };
        let conf: RegistriesConf =
            toml::from_str(&text).with_context(|| format!("parsing {}", path.display()))?;
        merged.unqualified_search_registries = conf
            .unqualified_search_registries
            .or(conf.registries.search.registries)
            .or(merged.unqualified_search_registries);
        merged.short_name_mode = conf.short_name_mode.or(merged.short_name_mode);
        merged.aliases.extend(conf.aliases);
    }
    let main = files
        .first()
        .map(|path| path.display().to_string())
        .unwrap_or_default();
    Ok((merged, main))
}

/// The main file, its drop-ins in order, and the aliases that were recorded after a prompt.
fn files() -> Result<Vec<PathBuf>> {
    let user = rootless().then(user_directory).flatten();
    let main = match env::var_os("CONTAINERS_REGISTRIES_CONF") {
        Some(path) => path.into(),
        None => user
            .iter()
            .map(|directory| directory.join("registries.conf"))
            .find(|path| path.exists())
            .unwrap_or_else(|| "/etc/containers/registries.conf".into()),
    };
    let mut files = vec![main];
    let system = PathBuf::from("/etc/containers");
    for directory in [Some(system), user].into_iter().flatten() {
        files.extend(drop_ins(&directory.join("registries.conf.d"))?);
    }
    files.push(recorded_aliases());
    Ok(files)
}

fn drop_ins(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut paths = entries(directory)?;
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "conf")
    });
    paths.sort();
    Ok(paths)
}

fn user_directory() -> Option<PathBuf> {
    let config = env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let config =
        config.or_else(|| env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")));
    config.map(|config| config.join("containers"))
}

fn recorded_aliases() -> PathBuf {
    const FILE: &str = "containers/short-name-aliases.conf";
    match env::var_os("HOME") {
        Some(home) if rootless() => env::var_os("XDG_CACHE_HOME")
            .map_or_else(|| PathBuf::from(home).join(".cache"), PathBuf::from)
            .join(FILE),
        _ => PathBuf::from("/var/cache").join(FILE),
    }
}
