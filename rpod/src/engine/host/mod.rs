//! What `info` and `version` tell: this host, this store and the programs that rpod starts, as they are.

mod processors;
mod program;
mod store;
mod yaml;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Map, Value, json};

use super::container::record::Container;
use super::{Context, apparmor, image, network, rootless, selinux};
use crate::bundle;
use crate::rootless::{own_map, runtime_dir};

use program::Programs;
pub(super) use store::file_system;
pub use yaml::yaml;

/// What makes and serves networks.
const HELPERS: [&str; 4] = ["netavark", "aardvark-dns", "pasta", "slirp4netns"];

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
        "store": store::store(ctx)?,
        "registries": registries()?,
        "plugins": {
            "volume": ["local"],
            "network": if network::is_installed(ctx) { json!(["bridge", "macvlan", "ipvlan"]) } else { json!([]) },
            "log": ["k8s-file", "none", "passthrough", "journald"],
            "authorization": Value::Null,
        },
        "version": version(),
    }))
}

/// As Go names this machine's processor.
pub fn go_arch() -> &'static str {
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
    let seccomp = bundle::seccomp_file(ctx);
    let (runtime, conmon) = (ctx.runtime()?, ctx.conmon()?);
    let mut paths: Vec<PathBuf> = HELPERS
        .iter()
        .filter_map(|name| network::helper(ctx, name).ok())
        .collect();
    paths.extend([runtime.clone(), conmon.clone()]);
    let programs = Programs::of(&paths);
    let mut host = json!({
        "arch": go_arch(),
        "cgroupManager": if ctx.systemd_cgroups() { "systemd" } else { "cgroupfs" },
        "cgroupVersion": if v2 { "v2" } else { "v1" },
        "cgroupControllers": controllers(v2),
        "conmon": programs.program_in_a_line(&conmon),
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
        "ociRuntime": programs.named(&runtime),
        "os": std::env::consts::OS,
        "security": {
            "apparmorEnabled": apparmor::is_supported(),
            "capabilities": bundle::capabilities(ctx, &Container::default())?.join(","),
            "rootless": rootless(),
            "seccompEnabled": Path::new("/proc/sys/kernel/seccomp").exists(),
            "seccompProfilePath": seccomp.map_or("default".into(), |path| path.display().to_string()),
            "selinuxEnabled": selinux::is_enabled(),
        },
        "serviceIsRemote": false,
        "swapFree": memory.swap_free(),
        "swapTotal": memory.swap_total(),
        "uptime": uptime(memory.uptime()),
        "linkmode": "dynamic",
    });
    if let Value::Object(all) = &mut host {
        all.extend(helpers(ctx, &programs));
    }
    Ok(host)
}

/// What rpod has beside it, and what it keeps its records in.
fn helpers(ctx: &Context, programs: &Programs) -> Map<String, Value> {
    let socket = match runtime_dir() {
        Ok(dir) if rootless() => dir.join("podman/podman.sock"),
        _ => Path::new("/run/podman/podman.sock").to_owned(),
    };
    let executable = |name: &str| match network::helper(ctx, name) {
        Ok(path) => programs.executable(&path),
        Err(_) => json!({ "executable": "", "package": "", "version": "" }),
    };
    let mut all = Map::new();
    let mut add = |key: &str, value: Value| all.insert(key.to_owned(), value);
    add("cpuUtilization", processors::utilization());
    // Records are files, and their locks are the kernel's, which do not run out.
    add("databaseBackend", json!("files"));
    add("freeLocks", Value::Null);
    add("networkBackendInfo", network_backend(ctx, programs));
    add("pasta", executable("pasta"));
    add("slirp4netns", executable("slirp4netns"));
    add(
        "rootlessNetworkCmd",
        json!(network::user_mode::default_mode(ctx).map_or_else(String::new, |mode| mode.program)),
    );
    add(
        "remoteSocket",
        json!({ "path": socket, "exists": socket.exists() }),
    );
    all
}

fn network_backend(ctx: &Context, programs: &Programs) -> Value {
    let of = |name| match network::helper(ctx, name) {
        Ok(path) => programs.program(&path),
        Err(_) => json!({}),
    };
    let mut info = of("netavark");
    info["defaultNetwork"] = json!(network::default_name(ctx));
    info["backend"] = json!(if network::is_installed(ctx) {
        "netavark"
    } else {
        ""
    });
    info["dns"] = of("aardvark-dns");
    info
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
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let mut text = format!("{hours}h {minutes}m {}.00s", seconds % 60);
    if hours > 0 {
        let days = hours as f64 / 24.0;
        text.push_str(&format!(" (Approximately {days:.2} days)"));
    }
    text
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

fn registries() -> Result<Value> {
    let search = image::search_registries()?;
    Ok(if search.is_empty() {
        json!({})
    } else {
        json!({ "search": search })
    })
}
