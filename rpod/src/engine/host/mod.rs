//! What `info` and `version` tell: this host, this store and the programs that rpod starts, as they are.

mod yaml;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::container::{self, record::Container};
use super::{Context, image, network, rootless};
use crate::bundle;
use crate::engine::container::status::Status;
use crate::rootless::own_map;

pub use yaml::yaml;

/// Of rpod itself. What a Go program would tell of its compiler does not exist.
pub fn version() -> Value {
    let (os, arch) = (std::env::consts::OS, go_arch());
    json!({
        "APIVersion": env!("CARGO_PKG_VERSION"),
        "Version": env!("CARGO_PKG_VERSION"),
        "OsArch": format!("{os}/{arch}"),
        "Os": os,
    })
}

pub fn info(ctx: &Context) -> Result<Value> {
    Ok(json!({
        "host": host(ctx)?,
        "store": store(ctx)?,
        "registries": registries()?,
        "plugins": {
            "volume": ["local"],
            "network": if network::is_installed(ctx) { json!(["bridge", "macvlan"]) } else { json!([]) },
            "log": ["k8s-file", "none", "journald"],
            "authorization": Value::Null,
        },
        "version": version(),
    }))
}

/// Go's names for machines.
fn go_arch() -> &'static str {
    match std::env::consts::ARCH {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        "x86" => "386",
        "powerpc64" => "ppc64le",
        other => other,
    }
}

fn host(ctx: &Context) -> Result<Value> {
    let uname = nix::sys::utsname::uname().context("asking for the kernel's name")?;
    let memory = nix::sys::sysinfo::sysinfo().context("asking for the memory's size")?;
    let v2 = Path::new("/sys/fs/cgroup/cgroup.controllers").exists();
    let conf = &ctx.config.containers_conf.containers;
    let seccomp = conf.seccomp_profile.as_ref();
    let runtime = ctx.runtime()?;
    Ok(json!({
        "arch": go_arch(),
        "cgroupManager": if ctx.systemd_cgroups() { "systemd" } else { "cgroupfs" },
        "cgroupVersion": if v2 { "v2" } else { "v1" },
        "cgroupControllers": controllers(v2),
        "conmon": program(&ctx.conmon()?),
        "cpus": std::thread::available_parallelism().map_or(1, usize::from),
        "distribution": distribution(),
        "eventLogger": ctx.event_driver()?.as_str(),
        "hostname": uname.nodename().to_string_lossy(),
        "idMappings": { "gidmap": id_map("gid_map")?, "uidmap": id_map("uid_map")? },
        "kernel": uname.release().to_string_lossy(),
        "logDriver": ctx.log_driver(),
        "memFree": available_memory().unwrap_or_else(|| memory.ram_unused()),
        "memTotal": memory.ram_total(),
        "networkBackend": if network::is_installed(ctx) { "netavark" } else { "" },
        "ociRuntime": named(&runtime),
        "os": std::env::consts::OS,
        "security": {
            "apparmorEnabled": fs::read_to_string("/sys/module/apparmor/parameters/enabled").is_ok_and(|text| text.starts_with('Y')),
            "capabilities": bundle::capabilities(ctx, &Container::default())?.join(","),
            "rootless": rootless(),
            "seccompEnabled": Path::new("/proc/sys/kernel/seccomp").exists(),
            "seccompProfilePath": seccomp.map_or("default".into(), |path| path.display().to_string()),
            "selinuxEnabled": Path::new("/sys/fs/selinux/enforce").exists(),
        },
        "serviceIsRemote": false,
        "swapFree": memory.swap_free(),
        "swapTotal": memory.swap_total(),
        "uptime": uptime(memory.uptime()),
        "linkmode": "dynamic",
    }))
}

/// Of the user namespace that an ordinary user's containers live in.
fn id_map(kind: &str) -> Result<Value> {
    if !rootless() {
        return Ok(Value::Null);
    }
    let maps = own_map(kind)?;
    let shown = maps
        .iter()
        .map(|map| json!({ "container_id": map.inside, "host_id": map.outside, "size": map.size }));
    Ok(shown.collect())
}

/// MemAvailable is what people mean by free.
fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text
        .lines()
        .find(|line| line.starts_with("MemAvailable:"))?;
    Some(line.split_ascii_whitespace().nth(1)?.parse::<u64>().ok()? << 10)
}

fn uptime(uptime: std::time::Duration) -> String {
    let seconds = uptime.as_secs();
    format!(
        "{}h {}m {}.00s",
        seconds / 3600,
        seconds / 60 % 60,
        seconds % 60
    )
}

fn controllers(v2: bool) -> Vec<String> {
    if v2 {
        let text = fs::read_to_string("/sys/fs/cgroup/cgroup.controllers").unwrap_or_default();
        return text.split_ascii_whitespace().map(str::to_owned).collect();
    }
    let text = fs::read_to_string("/proc/cgroups").unwrap_or_default();
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let enabled = lines.filter(|line| line.ends_with('1'));
    enabled
        .filter_map(|line| line.split_ascii_whitespace().next())
        .map(str::to_owned)
        .collect()
}

fn distribution() -> Value {
    let text = fs::read_to_string("/etc/os-release")
        .or_else(|_| fs::read_to_string("/usr/lib/os-release"))
        .unwrap_or_default();
    let field = |name: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        let value = lines.find(|(key, _)| *key == name)?.1;
        Some(value.trim_matches('"').to_owned())
    };
    let mut all = Map::new();
    for (key, name) in [
        ("distribution", "ID"),
        ("variant", "VARIANT_ID"),
        ("version", "VERSION_ID"),
        ("codename", "VERSION_CODENAME"),
    ] {
        if let Some(value) = field(name) {
            all.insert(key.to_owned(), value.into());
        }
    }
    all.into()
}

fn program(path: &Path) -> Value {
    json!({ "package": package(path), "path": path, "version": told(path) })
}

fn named(path: &Path) -> Value {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    json!({ "name": name, "package": package(path), "path": path, "version": told(path) })
}

fn told(path: &Path) -> String {
    let output = Command::new(path)
        .arg("--version")
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

/// Which package of the distribution the file is from; podman's word where that is not known.
fn package(path: &Path) -> String {
    let output = Command::new("dpkg-query")
        .arg("--search")
        .arg(path)
        .stderr(Stdio::null())
        .output();
    let name = output
        .ok()
        .filter(|output| output.status.success())
        .and_then(|output| {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            Some(text.split_once(':')?.0.to_owned())
        });
    let format = "${Package}_${Version}_${Architecture}";
    let known = name.and_then(|name| {
        let output = Command::new("dpkg-query")
            .args(["--show", "--showformat", format, &name])
            .output()
            .ok()?;
        output
            .status
            .success()
            .then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    });
    known.unwrap_or_else(|| "Unknown".to_owned())
}

fn store(ctx: &Context) -> Result<Value> {
    let (mut running, mut paused, mut stopped) = (0, 0, 0);
    let containers = container::all(ctx)?;
    for container in &containers {
        match ctx.store.status(&container.id)? {
            Status::Paused(_) => paused += 1,
            Status::Running(_) => running += 1,
            _ => stopped += 1,
        }
    }
    let root = &ctx.store.root;
    fs::create_dir_all(root).with_context(|| format!("making {}", root.display()))?;
    let disk =
        nix::sys::statvfs::statvfs(root).with_context(|| format!("statfs {}", root.display()))?;
    let fragment = disk.fragment_size();
    Ok(json!({
        "containerStore": { "number": containers.len(), "paused": paused, "running": running, "stopped": stopped },
        "graphDriverName": "overlay",
        "graphOptions": {},
        "graphRoot": root,
        "graphRootAllocated": disk.blocks() * fragment,
        "graphRootUsed": (disk.blocks() - disk.blocks_free()) * fragment,
        "imageCopyTmpDir": std::env::var("TMPDIR").unwrap_or_else(|_| "/var/tmp".to_owned()),
        "imageStore": { "number": image::all(ctx)?.len() },
        "runRoot": ctx.store.runroot,
        "volumePath": root.join("volumes"),
    }))
}

fn registries() -> Result<Value> {
    let search = image::search_registries()?;
    Ok(if search.is_empty() {
        json!({})
    } else {
        json!({ "search": search })
    })
}
