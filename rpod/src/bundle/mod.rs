//! From what a container was asked to be to `config.json`, as podman writes it.
//!
//! The order is that of the file: process, root, mounts, linux. Every part reads the record and adds its own piece; nothing is read
//! twice. `config.json` is written anew at every start, because what it names (namespace files, network, passwd) may have changed.

pub mod accounts;
mod annotations;
mod capabilities;
mod devices;
pub mod files;
mod hooks;
pub mod hosts;
mod limits;
mod mounts;
mod namespaces;
mod process;
mod rootfs;
mod seccomp;
pub mod time_zone;

use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::engine::container::load;
use crate::engine::container::record::{Container, Namespace, Namespaces, Process};
use crate::engine::secret::attach;
use crate::engine::user_namespace::UserNamespace;
use crate::engine::{Context, cdi, rootless};
use crate::store::record::{self, Durability};

pub use annotations::{annotations, asked_annotations};
pub use capabilities::{
    names as capability_names, normalize as normalize_capability, of_label as capabilities_of_label,
};
pub use devices::{rule as parse_device_rule, split as split_device};
pub use limits::{HOST as HOST_ULIMITS, parse as parse_ulimit, pids as pids_limit};
pub use namespaces::Joined;
pub use process::arguments;
pub use rootfs::Rootfs;
pub use seccomp::{
    check as check_seccomp, check_of_image as check_seccomp_of_image, file as seccomp_file,
};

/// Where the parts of a bundle are while it is being written.
#[derive(Debug)]
pub struct Place<'a> {
    /// The container's directory: bundle, rootfs, upper.
    pub home: &'a Path,
    /// Where `/dev/shm` comes from, if not the runtime's own.
    pub shm: Option<&'a Path>,
    /// Files of the run directory that are bound to `/etc/…` and `/run/.containerenv`.
    pub files: &'a [files::Bound],
    /// The process of each container whose namespaces are joined.
    pub joined: &'a Joined,
}

/// Writes `config.json`.
pub fn write(ctx: &Context, container: &Container, place: &Place) -> Result<()> {
    let config = generate(ctx, container, place)?;
    let path = place.home.join("config.json");
    // A reader finds it whole; after a power loss the next start writes it anew. It shows what is secret in the environment, and
    // only the runtime has to read it.
    record::replace_private(&path, &serde_json::to_vec(&config)?, Durability::Process)
}

fn generate(ctx: &Context, container: &Container, place: &Place) -> Result<Value> {
    let rootfs = rootfs::Rootfs::open(&place.home.join("rootfs"))?;
    let replaced = accounts::Replaced::of(container, &container.run_dir(ctx));
    let mut user = rootfs.user(
        &container.process.user,
        &container.process.groups,
        &replaced,
    )?;
    if !container.process.user.is_empty() {
        user.join_own_group();
    }
    user.leave_unmapped(container);
    let capabilities = capabilities::of(ctx, &container.security)?;
    let mut asked = container.clone();
    let secrets = attach::variables(container, place.home)?;
    asked.process.env.extend(secrets);
    join_the_hosts(ctx, &mut asked)?;
    let container = &asked;
    let mut config = json!({
        "ociVersion": "1.0.2",
        "process": process::of(ctx, container, &user, &capabilities, Some(&hostname(container)))?,
        "root": { "path": place.home.join("rootfs"), "readonly": container.read_only },
        "mounts": mounts::of(container, place)?,
        "annotations": annotations(container),
        "linux": linux(ctx, container, place, &capabilities)?,
    });
    if container.namespaces.uts == Namespace::Private {
        config["hostname"] = json!(hostname(container));
    }
    cdi::inject(ctx, container, &mut config).context("setting up described devices")?;
    hooks::inject(ctx, container, &mut config).context("setting up OCI hooks")?;
    Ok(config)
}

/// A container whose ids are mapped may mount nothing anew of namespaces that are the host's, be it by way of another container.
fn join_the_hosts(ctx: &Context, container: &mut Container) -> Result<()> {
    if !rootless() && container.user_namespace == UserNamespace::Host {
        return Ok(());
    }
    type Pick = fn(&Namespaces) -> &Namespace;
    fn is_hosts(ctx: &Context, asked: &Namespaces, of: Pick) -> Result<bool> {
        match of(asked) {
            Namespace::Host => Ok(true),
            Namespace::Container(id) => is_hosts(ctx, &load(ctx, id)?.namespaces, of),
            Namespace::Private | Namespace::Path(_) => Ok(false),
        }
    }
    if is_hosts(ctx, &container.namespaces, |all| &all.ipc)? {
        container.namespaces.ipc = Namespace::Host;
    }
    if is_hosts(ctx, &container.namespaces, |all| &all.pid)? {
        container.namespaces.pid = Namespace::Host;
    }
    if is_hosts(ctx, &container.namespaces, |all| &all.net)? {
        container.namespaces.net = Namespace::Host;
    }
    Ok(())
}

/// `linux.resources`, for a container whose limits change while it runs.
pub fn resources(container: &Container) -> Result<Value> {
    limits::resources(container, devices::rules(container)?)
}

/// That what a container is given of the host is there.
pub fn check(container: &Container) -> Result<()> {
    devices::check(container)
}

/// Its rlimits, as the runtime is told them.
pub fn rlimits(ctx: &Context, container: &Container) -> Result<Vec<Value>> {
    let privileged = container.security.privileged;
    limits::rlimits(ctx, &container.resources.ulimits, privileged)
}

/// The name that the container knows itself by.
pub fn hostname(container: &Container) -> String {
    let namespaces = &container.namespaces;
    match &container.hostname {
        Some(name) => name.clone(),
        // Whoever is met at the host's addresses has the host's name.
        None if namespaces.uts == Namespace::Host
            || namespaces.uts == Namespace::Private && namespaces.net == Namespace::Host =>
        {
            nix::unistd::gethostname()
                .ok()
                .and_then(|name| name.into_string().ok())
                .unwrap_or_default()
        }
        // No host may have an underscore in its name, or more than 64 bytes.
        None if container.hostname_is_name => {
            let allowed = container.name.chars().filter(|c| *c != '_');
            allowed.take(64).collect()
        }
        None => crate::store::id::short(&container.id).to_owned(),
    }
}

/// The environment of a container that was never started: whose home it will have is in its files.
pub fn environment(container: &Container) -> Vec<String> {
    process::environment(&container.process, None, container.hostname.as_deref())
}

/// What the container's first process may do, by name.
pub fn capabilities(ctx: &Context, container: &Container) -> Result<Vec<String>> {
    capabilities::of(ctx, &container.security)
}

/// Those that count at its start, as far as the name of its user tells.
pub fn effective_capabilities(ctx: &Context, container: &Container) -> Result<Value> {
    let user = container.process.user.split(':').next().unwrap_or_default();
    let uid = u32::from(!matches!(user, "" | "0" | "root"));
    let all = capabilities(ctx, container)?;
    let mut sets = process::capability_sets(&all, uid, &container.security.cap_add);
    Ok(sets["effective"].take())
}

/// The process of an exec session: the container's own, but for what is asked otherwise.
pub fn exec_process(
    ctx: &Context,
    container: &Container,
    asked: &Process,
    privileged: bool,
    home: &Path,
) -> Result<Value> {
    let rootfs = rootfs::Rootfs::open(&home.join("rootfs"))?;
    let replaced = accounts::Replaced::of(container, &container.run_dir(ctx));
    let mut user = rootfs.user(&asked.user, &asked.groups, &replaced)?;
    user.join_own_group();
    user.leave_unmapped(container);
    let mut security = container.security.clone();
    if privileged {
        security.privileged = true;
        security.cap_drop.clear();
    }
    let capabilities = capabilities::of(ctx, &security)?;
    if asked.user != container.process.user {
        // What was added for the container's user is nobody else's.
        security.cap_add.clear();
    }
    let mut session = Container {
        process: asked.clone(),
        security,
        init: None,
        ..container.clone()
    };
    let secrets = attach::variables(container, home)?;
    session.process.env.extend(secrets);
    process::of(ctx, &session, &user, &capabilities, None)
}

/// Whose files are put into a container: its user and group, root where its files do not say.
pub fn owner(rootfs: &Path, user: &str) -> Result<(u32, u32)> {
    let user = rootfs::Rootfs::open(rootfs)?.user(user, &[], &accounts::Replaced::default())?;
    Ok((user.uid, user.gid))
}

fn linux(
    ctx: &Context,
    container: &Container,
    place: &Place,
    capabilities: &[String],
) -> Result<Value> {
    let security = &container.security;
    let mut linux = json!({
        "namespaces": namespaces::of(container, place.joined)?,
        "resources": limits::resources(container, devices::rules(container)?)?,
    });
    if !container.resources.no_cgroup {
        linux["cgroupsPath"] = json!(cgroup_path(ctx, container)?);
    }
    if let Some(label) = &security.mount_label {
        linux["mountLabel"] = json!(label);
    }
    if let Some(domain) = &container.process.personality {
        linux["personality"] = json!({ "domain": domain });
    }
    if let Some(class) = &container.resources.rdt_class {
        linux["intelRdt"] = json!({ "closID": class });
    }
    let devices = devices::of(container)?;
    if !devices.is_empty() {
        linux["devices"] = json!(devices);
    }
    if !security.sysctls.is_empty() || !security.privileged {
        linux["sysctl"] = json!(sysctls(ctx, container));
    }
    if !security.privileged {
        let mut masked = paths(MASKED, &security.mask, &security.unmask);
        if container.systemd && !crate::systemd::unified_cgroups() {
            // Writing it would let the kernel run a program of the container's on the host.
            masked.push("/sys/fs/cgroup/systemd/release_agent".to_owned());
        }
        linux["maskedPaths"] = json!(masked);
        linux["readonlyPaths"] = json!(paths(READ_ONLY, &[], &security.unmask));
        if let Some(profile) = seccomp::profile(ctx, security, capabilities)? {
            linux["seccomp"] = profile;
        }
    }
    Ok(linux)
}

/// Where the container's cgroup is: below the parent that was asked for, in the form of the manager in use.
fn cgroup_path(ctx: &Context, container: &Container) -> Result<String> {
    let parent = container.resources.cgroup_parent.as_deref();
    Ok(if container.resources.split_cgroup {
        let own = crate::engine::cgroup::split::own()?;
        format!(
            "{}/rpod-payload-{}",
            own.trim_end_matches('/'),
            container.id
        )
    } else if container.resources.systemd_cgroup() {
        format!("{}:rpod:{}", parent.unwrap_or(ctx.slice()), container.id)
    } else {
        format!(
            "{}/rpod-{}",
            parent.unwrap_or("/rpod_parent").trim_end_matches('/'),
            container.id
        )
    })
}

/// The defaults apply only in namespaces of the container's own, whose values they set.
fn sysctls(ctx: &Context, container: &Container) -> std::collections::BTreeMap<String, String> {
    let conf = &ctx.config.containers_conf.containers;
    let mut all = std::collections::BTreeMap::new();
    for default in conf.default_sysctls.iter().flatten() {
        if let Some((key, value)) = default.split_once('=') {
            let own = if key.starts_with("net.") {
                &container.namespaces.net
            } else {
                &container.namespaces.ipc
            };
            if *own == Namespace::Private {
                all.insert(key.to_owned(), value.to_owned());
            }
        }
    }
    all.extend(container.security.sysctls.clone());
    all
}

fn paths(defaults: &[&str], more: &[String], unmask: &[String]) -> Vec<String> {
    if unmask.iter().any(|path| path.eq_ignore_ascii_case("all")) {
        return more.to_vec();
    }
    let kept = defaults
        .iter()
        .filter(|path| !unmask.iter().any(|unmasked| unmasked == *path));
    kept.map(|path| (*path).to_owned())
        .chain(more.iter().cloned())
        .collect()
}

const MASKED: &[&str] = &[
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/interrupts",
    "/sys/firmware",
    "/sys/fs/selinux",
    "/sys/dev/block",
    "/sys/devices/virtual/powercap",
];

const READ_ONLY: &[&str] = &[
    "/proc/asound",
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
];
