//! containers.conf(5): the keys that rpod reads.
//!
//! Files, later ones win key by key, and add to lists that have `{append=true}` in them: `/usr/share/containers/containers.conf`, `/etc/containers/containers.conf`,
//! `/etc/containers/containers.conf.d/*.conf`, and for an ordinary user the same under `$XDG_CONFIG_HOME/containers`. When
//! `CONTAINERS_CONF` is set, that file alone; then those of `--module`, from `containers.conf.modules` in the user's own directory,
//! `/etc/containers` or `/usr/share/containers`; `CONTAINERS_CONF_OVERRIDE` is read last.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde::Deserialize;

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ContainersConf {
    pub containers: Containers,
    pub engine: Engine,
    pub network: Network,
    pub secrets: Secrets,
}

/// `[secrets]`: where new secrets are kept.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Secrets {
    pub driver: Option<String>,
    pub opts: BTreeMap<String, String>,
}

/// `[containers]`: defaults of new containers.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Containers {
    pub annotations: Option<Vec<String>>,
    pub apparmor_profile: Option<String>,
    pub base_hosts_file: Option<String>,
    pub cgroup_conf: Option<Vec<String>>,
    pub cgroupns: Option<String>,
    pub cgroups: Option<String>,
    pub container_name_as_hostname: bool,
    pub default_capabilities: Option<Vec<String>>,
    pub default_sysctls: Option<Vec<String>>,
    pub default_ulimits: Option<Vec<String>>,
    pub devices: Option<Vec<String>>,
    pub dns_options: Option<Vec<String>>,
    pub dns_searches: Option<Vec<String>>,
    pub dns_servers: Option<Vec<String>>,
    pub env: Option<Vec<String>>,
    pub env_host: bool,
    /// An address, or `none` for no such line in `/etc/hosts`.
    pub host_containers_internal_ip: Option<String>,
    pub http_proxy: Option<bool>,
    pub init: bool,
    pub init_path: Option<PathBuf>,
    pub ipcns: Option<String>,
    pub log_driver: Option<String>,
    /// Bytes; -1 for no limit.
    /// A directory, or one file for all.
    pub log_path: Option<PathBuf>,
    pub log_size_max: Option<i64>,
    pub log_tag: Option<String>,
    pub mounts: Option<Vec<String>>,
    pub netns: Option<String>,
    pub no_hosts: bool,
    pub oom_score_adj: Option<i32>,
    pub pidns: Option<String>,
    pub pids_limit: Option<i64>,
    pub privileged: bool,
    pub read_only: bool,
    pub seccomp_profile: Option<PathBuf>,
    pub shm_size: Option<String>,
    pub tz: Option<String>,
    pub umask: Option<String>,
    pub userns: Option<String>,
    pub utsns: Option<String>,
    pub volumes: Option<Vec<String>>,
}

/// `[engine]`: which programs do the work, and how.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Engine {
    /// Directories of device descriptions.
    pub cdi_spec_dirs: Option<Vec<PathBuf>>,
    pub cgroup_manager: Option<String>,
    pub compression_format: Option<String>,
    pub compression_level: Option<u32>,
    pub conmon_path: Option<Vec<PathBuf>>,
    pub detach_keys: Option<String>,
    /// Nobody else gets a published port of root's while the container runs; true if not given.
    pub enable_port_reservation: Option<bool>,
    pub events_container_create_inspect_data: bool,
    pub events_logfile_max_size: Option<Size>,
    pub events_logfile_path: Option<PathBuf>,
    pub events_logger: Option<String>,
    /// Options of slirp4netns.
    pub network_cmd_options: Option<Vec<String>>,
    pub helper_binaries_dir: Option<Vec<PathBuf>>,
    /// Directories of hook descriptions.
    pub hooks_dir: Option<Vec<PathBuf>>,
    pub image_default_format: Option<String>,
    pub image_volume_mode: Option<String>,
    pub infra_command: Option<String>,
    pub infra_image: Option<String>,
    pub multi_image_archive: bool,
    pub pod_exit_policy: Option<String>,
    pub pull_policy: Option<String>,
    pub retry: Option<u32>,
    pub retry_delay: Option<String>,
    pub runtime: Option<String>,
    pub runtimes: BTreeMap<String, Vec<PathBuf>>,
    pub runtimes_flags: BTreeMap<String, Vec<String>>,
    pub stop_timeout: Option<u64>,
    pub volume_path: Option<PathBuf>,
}

/// Bytes, or a text such as `1m`.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Size {
    Bytes(u64),
    Text(String),
}

/// `[network]`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Network {
    /// Where ports are published that are not given an address.
    pub default_host_ips: Option<Vec<String>>,
    pub default_network: Option<String>,
    pub default_subnet: Option<String>,
    /// `pasta` or `slirp4netns`.
    pub default_rootless_network_cmd: Option<String>,
    pub pasta_options: Option<Vec<String>>,
    pub network_config_dir: Option<PathBuf>,
}

impl ContainersConf {
    pub fn load(modules: &[PathBuf]) -> Result<ContainersConf> {
        let mut merged = toml::Table::new();
        for path in files(modules)? {
            let text = match fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    return Err(error).with_context(|| format!("reading {}", path.display()));
                }
            };
            let table = without_comments(&text).parse();
            let table = table.with_context(|| format!("parsing {}", path.display()))?;
            merge(&mut merged, table);
        }
        let mut merged = toml::Value::Table(merged);
        drop_marks(&mut merged);
        merged.try_into().context("containers.conf")
    }
}

/// The text with empty lines in the place of comments. They are nearly all of the file as it is distributed, and to have them parsed
/// would be most of what any command does before its own work. In a text of several lines one may look like a comment.
fn without_comments(text: &str) -> Cow<'_, str> {
    if text.contains("\"\"\"") || text.contains("'''") {
        return text.into();
    }
    let is_comment = |line: &str| line.trim_start().starts_with('#');
    let lines = text.split('\n');
    let lines = lines.map(|line| if is_comment(line) { "" } else { line });
    lines.collect::<Vec<_>>().join("\n").into()
}

fn files(modules: &[PathBuf]) -> Result<Vec<PathBuf>> {
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

pub(super) fn user_config() -> Option<PathBuf> {
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

fn merge(into: &mut toml::Table, from: toml::Table) {
    for (key, value) in from {
        match (into.get_mut(&key), value) {
            (Some(toml::Value::Table(old)), toml::Value::Table(new)) => merge(old, new),
            (Some(toml::Value::Array(old)), toml::Value::Array(new)) => add(old, new),
            (_, value) => {
                into.insert(key, value);
            }
        }
    }
}

/// A list takes the place of an earlier one, but for one with `{append=true}` in it, and those after that until `{append=false}`.
fn add(old: &mut toml::value::Array, mut new: toml::value::Array) {
    let mark = new.iter().chain(old.iter()).find_map(append);
    old.retain(|item| mark == Some(true) && append(item).is_none());
    new.retain(|item| append(item).is_none());
    old.append(&mut new);
    if let Some(append) = mark {
        let mark = toml::Table::from_iter([("append".to_owned(), append.into())]);
        old.push(mark.into());
    }
}

fn append(item: &toml::Value) -> Option<bool> {
    item.as_table()?.get("append")?.as_bool()
}

/// Only strings and the like are left in lists.
fn drop_marks(value: &mut toml::Value) {
    match value {
        toml::Value::Array(items) => items.retain(|item| append(item).is_none()),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, value)| drop_marks(value)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

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

    #[test]
    fn lists_are_appended_from_the_first_that_says_so() {
        let of = |texts: &[&str]| {
            let mut merged = toml::Table::new();
            for text in texts {
                merge(&mut merged, text.parse().unwrap());
            }
            let mut merged = toml::Value::Table(merged);
            drop_marks(&mut merged);
            let conf: ContainersConf = merged.try_into().unwrap();
            conf.containers.env.unwrap()
        };
        let lists = [
            "[containers]\nenv=['A']",
            "[containers]\nenv=['B',{append=true}]",
            "[containers]\nenv=['C']",
            "[containers]\nenv=[{append=false},'D']",
            "[containers]\nenv=['E']",
        ];
        assert_eq!(of(&lists[..2]), ["A", "B"]);
        assert_eq!(of(&lists[1..3]), ["B", "C"]);
        assert_eq!(of(&lists[..4]), ["D"]);
        assert_eq!(of(&lists), ["E"]);
    }

    #[test]
    fn lines_of_comments_are_not_parsed() {
        let text = "# a\n  # b\r\n[engine] # c\nruntime = 'x'\n#d";
        let left = without_comments(text);
        assert_eq!(left, "\n\n[engine] # c\nruntime = 'x'\n");
        for quotes in ["'''", "\"\"\""] {
            let text = format!("[engine]\nruntime = {quotes}\n#x\n{quotes}\n");
            assert_eq!(without_comments(&text), text);
        }
    }

    #[test]
    fn later_files_win_key_by_key() {
        let mut merged: toml::Table = "[engine]\nruntime='a'\ncgroup_manager='systemd'"
            .parse()
            .unwrap();
        merge(&mut merged, "[engine]\nruntime='b'".parse().unwrap());
        let conf: ContainersConf = toml::Value::Table(merged).try_into().unwrap();
        assert_eq!(conf.engine.runtime.as_deref(), Some("b"));
        assert_eq!(conf.engine.cgroup_manager.as_deref(), Some("systemd"));
    }
}
