//! What `run` and `create` have in common: podman-create(1), "OPTIONS".

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::bundle;
use crate::engine::Context;
use crate::engine::container::record::{Container, Mount, Namespace};
use crate::engine::container::{self, create, stop};
use crate::engine::image::{self, Access, Image, Platform};

#[derive(Args, Debug)]
pub struct ContainerOptions {
    /// Add a custom host-to-IP mapping (host:ip)
    #[arg(long, value_name = "HOST:IP")]
    add_host: Vec<String>,
    /// Add annotations to container (key=value)
    #[arg(long, value_name = "KEY=VALUE")]
    annotation: Vec<String>,
    /// Add capabilities to the container
    #[arg(long, value_name = "CAP", value_delimiter = ',')]
    cap_add: Vec<String>,
    /// Drop capabilities from the container
    #[arg(long, value_name = "CAP", value_delimiter = ',')]
    cap_drop: Vec<String>,
    /// Cgroup namespace to use
    #[arg(long, value_name = "MODE")]
    cgroupns: Option<String>,
    /// Control container cgroup configuration (enabled, disabled)
    #[arg(long, value_name = "MODE", value_parser = ["enabled", "disabled"], default_value = "enabled")]
    cgroups: String,
    /// Optional parent cgroup for the container
    #[arg(long, value_name = "CGROUP")]
    cgroup_parent: Option<String>,
    /// Write the container ID to the file
    #[arg(long, value_name = "FILE")]
    cidfile: Option<std::path::PathBuf>,
    /// CPU shares (relative weight)
    #[arg(short, long, value_name = "SHARES")]
    cpu_shares: Option<u64>,
    /// Limit CPU CFS period, in microseconds
    #[arg(long, value_name = "USEC")]
    cpu_period: Option<u64>,
    /// Limit CPU CFS quota, in microseconds
    #[arg(long, value_name = "USEC")]
    cpu_quota: Option<i64>,
    /// Number of CPUs
    #[arg(long, value_name = "N")]
    cpus: Option<f64>,
    /// CPUs in which to allow execution (0-3, 0,1)
    #[arg(long, value_name = "CPUS")]
    cpuset_cpus: Option<String>,
    /// Memory nodes in which to allow execution (0-3, 0,1)
    #[arg(long, value_name = "NODES")]
    cpuset_mems: Option<String>,
    /// Add a host device to the container
    #[arg(long, value_name = "HOST[:CONTAINER][:rwm]")]
    device: Vec<String>,
    /// Set custom DNS servers
    #[arg(long, value_name = "IP", value_delimiter = ',')]
    dns: Vec<String>,
    /// Set custom DNS options
    #[arg(long, value_name = "OPTION", value_delimiter = ',')]
    dns_option: Vec<String>,
    /// Set custom DNS search domains
    #[arg(long, value_name = "DOMAIN", value_delimiter = ',')]
    dns_search: Vec<String>,
    /// Overwrite the default ENTRYPOINT of the image
    #[arg(long, value_name = "COMMAND")]
    entrypoint: Option<String>,
    /// Set environment variables in container
    #[arg(short, long, value_name = "NAME[=VALUE]")]
    env: Vec<String>,
    /// Read in a file of environment variables
    #[arg(long, value_name = "FILE")]
    env_file: Vec<std::path::PathBuf>,
    /// Add additional groups to the primary container process
    #[arg(long, value_name = "GROUP")]
    group_add: Vec<String>,
    /// Set container hostname
    #[arg(long, value_name = "NAME")]
    hostname: Option<String>,
    /// Run an init binary inside the container that forwards signals and reaps processes
    #[arg(long)]
    init: bool,
    /// Path to the container-init binary
    #[arg(long, value_name = "PATH")]
    init_path: Option<std::path::PathBuf>,
    /// Make STDIN available to the contained process
    #[arg(short, long)]
    interactive: bool,
    /// IPC namespace to use
    #[arg(long, value_name = "MODE")]
    ipc: Option<String>,
    /// Set metadata on container
    #[arg(short, long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// Logging driver for the container (k8s-file, none)
    #[arg(long, value_name = "DRIVER", value_parser = ["k8s-file", "json-file", "journald", "none"])]
    log_driver: Option<String>,
    /// Logging driver options (max-size=SIZE)
    #[arg(long, value_name = "NAME=VALUE")]
    log_opt: Vec<String>,
    /// Memory limit
    #[arg(short, long, value_name = "SIZE")]
    memory: Option<String>,
    /// Memory soft limit
    #[arg(long, value_name = "SIZE")]
    memory_reservation: Option<String>,
    /// Swap limit equal to memory plus swap: -1 for unlimited
    #[arg(long, value_name = "SIZE")]
    memory_swap: Option<String>,
    /// Assign a name to the container
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Connect a container to a network
    #[arg(
        long,
        visible_alias = "net",
        value_name = "MODE",
        value_delimiter = ','
    )]
    network: Vec<String>,
    /// Do not create /etc/hosts within the container, instead use the version from the image
    #[arg(long)]
    no_hosts: bool,
    /// Tune the host's OOM preferences (-1000 to 1000)
    #[arg(long, value_name = "SCORE", allow_hyphen_values = true)]
    oom_score_adj: Option<i32>,
    /// PID namespace to use
    #[arg(long, value_name = "MODE")]
    pid: Option<String>,
    /// Tune container pids limit: -1 for unlimited
    #[arg(long, value_name = "N", allow_hyphen_values = true)]
    pids_limit: Option<i64>,
    /// Give extended privileges to container
    #[arg(long)]
    privileged: bool,
    /// Publish a container's port, or a range of ports, to the host
    #[arg(short, long, value_name = "[[IP:]HOST:]CONTAINER[/PROTOCOL]")]
    publish: Vec<String>,
    /// Pull image policy (always, missing, never, newer)
    #[arg(long, value_name = "POLICY", value_parser = ["always", "missing", "never", "newer"], default_value = "missing", num_args = 0..=1, require_equals = true, default_missing_value = "always")]
    pull: String,
    /// Suppress output information when pulling images
    #[arg(short, long)]
    quiet: bool,
    /// Make containers root filesystem read-only
    #[arg(long)]
    read_only: bool,
    /// If a container with the same name exists, replace it
    #[arg(long)]
    replace: bool,
    /// Remove container and any anonymous unnamed volume associated with the container after exit
    #[arg(long)]
    rm: bool,
    /// Security Options (no-new-privileges, seccomp=, apparmor=, mask=, unmask=)
    #[arg(long, value_name = "OPTION")]
    security_opt: Vec<String>,
    /// Size of /dev/shm
    #[arg(long, value_name = "SIZE", default_value = "64m")]
    shm_size: String,
    /// Signal to stop a container
    #[arg(long, value_name = "SIGNAL")]
    stop_signal: Option<String>,
    /// Timeout (in seconds) that containers stopped by user command have to exit
    #[arg(long, value_name = "SECONDS")]
    stop_timeout: Option<u64>,
    /// Sysctl options
    #[arg(long, value_name = "NAME=VALUE")]
    sysctl: Vec<String>,
    /// Maximum time in seconds a container is allowed to run
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    timeout: u64,
    /// Mount a temporary filesystem (tmpfs) into a container
    #[arg(long, value_name = "PATH[:OPTIONS]")]
    tmpfs: Vec<String>,
    /// Allocate a pseudo-TTY for container
    #[arg(short, long)]
    tty: bool,
    /// Ulimit options
    #[arg(long, value_name = "NAME=SOFT[:HARD]")]
    ulimit: Vec<String>,
    /// Set umask in container
    #[arg(long, value_name = "UMASK")]
    umask: Option<String>,
    /// Username or UID (format: <name|uid>[:<group|gid>])
    #[arg(short, long, value_name = "USER")]
    user: Option<String>,
    /// UTS namespace to use
    #[arg(long, value_name = "MODE")]
    uts: Option<String>,
    /// Bind mount a volume into the container
    #[arg(short, long, value_name = "[SOURCE:]DEST[:OPTIONS]")]
    volume: Vec<String>,
    /// Working directory inside the container
    #[arg(short, long, value_name = "DIR")]
    workdir: Option<String>,
    /// IMAGE [COMMAND [ARG...]]
    #[arg(
        required = true,
        trailing_var_arg = true,
        value_name = "IMAGE [COMMAND [ARG...]]"
    )]
    words: Vec<String>,
}

impl ContainerOptions {
    /// Makes the container.
    pub fn create(&self, ctx: &Context) -> Result<Container> {
        let image_name = &self.words[0];
        let mut container = self.resolve(ctx)?;
        let _images = create::lock_images(ctx)?;
        let image = self.image(ctx, image_name)?;
        let entrypoint = self.entrypoint.as_deref().map(entrypoint).transpose()?;
        create::apply_image(&mut container, image_name, &image, entrypoint);
        if self.replace
            && let Some(name) = &self.name
            && let Ok(old) = container::find(ctx, name)
        {
            container::remove::remove(ctx, &old, true, None)?;
        }
        let container = create::create(ctx, container)?;
        if let Some(path) = &self.cidfile {
            std::fs::write(path, &container.id)
                .with_context(|| format!("writing {}", path.display()))?;
        }
        Ok(container)
    }

    /// The image by the pull policy: podman-create(1), "--pull".
    fn image(&self, ctx: &Context, name: &str) -> Result<Image> {
        let local = match self.pull.as_str() {
            "always" => None,
            _ => create::local_image(ctx, name)?,
        };
        match (self.pull.as_str(), local) {
            ("missing" | "never", Some(local)) => Ok(local),
            ("never", None) => bail!("{name}: image not known"),
            (_, local) => {
                let access = Access {
                    quiet: self.quiet,
                    ..Access::default()
                };
                let pulled = image::pull(ctx, name, &access, &Platform::default());
                // A registry out of reach has nothing newer.
                match (pulled, local) {
                    (Err(_), Some(local)) => Ok(local),
                    (pulled, _) => pulled,
                }
            }
        }
    }

    fn resolve(&self, ctx: &Context) -> Result<Container> {
        let conf = &ctx.config.containers_conf;
        let mut c = Container {
            name: self.name.clone().unwrap_or_default(),
            hostname: self.hostname.clone(),
            read_only: self.read_only,
            devices: self.device.clone(),
            remove: self.rm,
            stop_signal: self
                .stop_signal
                .as_deref()
                .map_or(Ok(0), stop::signal_number)?,
            stop_timeout: self.stop_timeout.or(conf.engine.stop_timeout).unwrap_or(10),
            timeout: self.timeout,
            shm_size: u64::try_from(bytes(&self.shm_size)?)?,
            log_driver: self.log_driver.clone().unwrap_or_else(|| "k8s-file".into()),
            create_command: std::env::args().collect(),
            ..Container::default()
        };
        if self.init {
            c.init = Some(self.init_path.clone().map_or_else(|| ctx.pause(), Ok)?);
        }
        for option in &self.log_opt {
            match option.split_once('=') {
                Some(("max-size", size)) => c.log_size_max = Some(bytes(size)?),
                _ => bail!("unknown option {option:?} for --log-opt: max-size=SIZE is known"),
            }
        }
        self.process(&mut c)?;
        self.namespaces(ctx, &mut c)?;
        self.security(&mut c)?;
        self.resources(&mut c)?;
        for text in &self.volume {
            c.mounts.push(volume(text)?);
        }
        for text in &self.tmpfs {
            c.mounts.push(tmpfs(text));
        }
        c.labels.extend(pairs(&self.label));
        c.annotations.extend(pairs(&self.annotation));
        Ok(c)
    }

    fn process(&self, c: &mut Container) -> Result<()> {
        let process = &mut c.process;
        process.command = self.words[1..].to_vec();
        process.env.extend(environment(&self.env_file, &self.env)?);
        process.workdir = self.workdir.clone().unwrap_or_default();
        process.workdir_asked = self.workdir.is_some();
        if self
            .workdir
            .as_deref()
            .is_some_and(|dir| !dir.starts_with('/'))
        {
            bail!(
                "the working directory {:?} is invalid, it needs to be an absolute path",
                process.workdir
            );
        }
        process.user = self.user.clone().unwrap_or_default();
        process.groups = self.group_add.clone();
        process.umask = self.umask.clone();
        process.tty = self.tty;
        process.stdin = self.interactive;
        Ok(())
    }

    fn namespaces(&self, ctx: &Context, c: &mut Container) -> Result<()> {
        let mode = |text: &Option<String>, flag: &str| {
            text.as_deref()
                .map_or(Ok(Namespace::Private), |text| namespace(ctx, text, flag))
        };
        c.namespaces.pid = mode(&self.pid, "pid")?;
        c.namespaces.ipc = mode(&self.ipc, "ipc")?;
        c.namespaces.uts = mode(&self.uts, "uts")?;
        // podman's default: a cgroup namespace where cgroups are v2.
        c.namespaces.cgroup = match &self.cgroupns {
            Some(text) => namespace(ctx, text, "cgroupns")?,
            None if std::path::Path::new("/sys/fs/cgroup/cgroup.controllers").exists() => {
                Namespace::Private
            }
            None => Namespace::Host,
        };
        if c.namespaces.uts == Namespace::Host && self.hostname.is_some() {
            bail!(
                "cannot set hostname when running in the host UTS namespace: invalid configuration"
            );
        }
        self.network(ctx, c)
    }

    fn network(&self, ctx: &Context, c: &mut Container) -> Result<()> {
        let network = &mut c.network;
        (network.dns, network.dns_search, network.dns_options) = (
            self.dns.clone(),
            self.dns_search.clone(),
            self.dns_option.clone(),
        );
        (network.add_hosts, network.no_hosts) = (self.add_host.clone(), self.no_hosts);
        if !self.publish.is_empty() {
            bail!("--publish: a container without a bridge network has no ports to publish");
        }
        match self.network.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] | ["none" | "private"] => {}
            [one] if one == "host" || one.starts_with("container:") || one.starts_with("ns:") => {
                c.namespaces.net = namespace(ctx, one, "network")?;
            }
            _ => bail!(
                "--network {}: rpod knows none, host, container:NAME and ns:PATH",
                self.network.join(",")
            ),
        }
        Ok(())
    }

    fn security(&self, c: &mut Container) -> Result<()> {
        let security = &mut c.security;
        security.privileged = self.privileged;
        let normal = |names: &[String]| {
            names
                .iter()
                .map(|name| bundle::normalize_capability(name))
                .collect::<Result<Vec<_>>>()
        };
        (security.cap_add, security.cap_drop) = (normal(&self.cap_add)?, normal(&self.cap_drop)?);
        security.sysctls.extend(pairs(&self.sysctl));
        for option in &self.security_opt {
            let list = |value: &str| value.split(':').map(str::to_owned).collect::<Vec<_>>();
            match option
                .split_once('=')
                .or_else(|| option.split_once(':'))
                .unwrap_or((option, "true"))
            {
                ("no-new-privileges", value) => security.no_new_privileges = value != "false",
                ("seccomp", value) => security.seccomp = Some(value.to_owned()),
                ("apparmor", value) => security.apparmor = Some(value.to_owned()),
                ("mask", value) => security.mask = list(value),
                ("unmask", value) => security.unmask = list(value),
                _ => bail!("invalid --security-opt 2: {option:?}"),
            }
        }
        Ok(())
    }

    fn resources(&self, c: &mut Container) -> Result<()> {
        let resources = &mut c.resources;
        let size = |text: &Option<String>| text.as_deref().map(bytes).transpose();
        resources.memory = size(&self.memory)?;
        resources.memory_swap = size(&self.memory_swap)?;
        resources.memory_reservation = size(&self.memory_reservation)?;
        if self.cpus.is_some() && (self.cpu_period.is_some() || self.cpu_quota.is_some()) {
            bail!("--cpu-period and --cpu-quota cannot be set together with --cpus");
        }
        (resources.cpu_period, resources.cpu_quota) = match self.cpus {
            Some(cpus) => (Some(100_000), Some((cpus * 100_000.0) as i64)),
            None => (self.cpu_period, self.cpu_quota),
        };
        resources.cpu_shares = self.cpu_shares;
        (resources.cpuset_cpus, resources.cpuset_mems) =
            (self.cpuset_cpus.clone(), self.cpuset_mems.clone());
        resources.pids = self.pids_limit;
        resources.oom_score_adj = self.oom_score_adj;
        resources.ulimits = self
            .ulimit
            .iter()
            .map(|text| bundle::parse_ulimit(text))
            .collect::<Result<_>>()?;
        resources.cgroup_parent = self.cgroup_parent.clone();
        resources.no_cgroup = self.cgroups == "disabled";
        Ok(())
    }
}

/// A JSON list or one word; empty clears the image's.
fn entrypoint(text: &str) -> Result<Vec<String>> {
    if text.starts_with('[') {
        return serde_json::from_str(text)
            .with_context(|| format!("entrypoint {text:?} is no JSON list of strings"));
    }
    Ok(if text.is_empty() {
        Vec::new()
    } else {
        vec![text.to_owned()]
    })
}

fn namespace(ctx: &Context, text: &str, flag: &str) -> Result<Namespace> {
    Ok(match text.split_once(':').unwrap_or((text, "")) {
        ("private" | "shareable" | "", "") => Namespace::Private,
        ("host", "") => Namespace::Host,
        ("container", name) if !name.is_empty() => {
            Namespace::Container(container::find(ctx, name)?.id)
        }
        ("ns", path) if !path.is_empty() => Namespace::Path(path.into()),
        _ => bail!("invalid --{flag} {text:?}: host, private, container:NAME or ns:PATH"),
    })
}

/// Variables of the files, then of the options.
pub(super) fn environment(files: &[std::path::PathBuf], options: &[String]) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for path in files {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#') && !line.trim().is_empty());
        all.extend(lines.filter_map(variable));
    }
    all.extend(options.iter().filter_map(|text| variable(text)));
    Ok(all)
}

/// `NAME=VALUE`; `NAME` alone takes the caller's value, if there is one.
fn variable(text: &str) -> Option<String> {
    if text.contains('=') {
        return Some(text.to_owned());
    }
    std::env::var(text)
        .ok()
        .map(|value| format!("{text}={value}"))
}

fn pairs(list: &[String]) -> impl Iterator<Item = (String, String)> + '_ {
    list.iter().map(|text| {
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        (key.to_owned(), value.to_owned())
    })
}

/// `SOURCE:DEST[:OPTIONS]` with a directory of the host.
fn volume(text: &str) -> Result<Mount> {
    let parts: Vec<&str> = text.split(':').collect();
    let (source, destination, options) = match parts[..] {
        [source, destination] => (source, destination, ""),
        [source, destination, options] => (source, destination, options),
        _ => bail!("incorrect volume format {text:?}, should be host-dir:ctr-dir[:option]"),
    };
    if !destination.starts_with('/') {
        bail!("invalid container path {destination:?}, must be an absolute path");
    }
    if !source.starts_with(['/', '.']) {
        bail!("volume {source:?}: named volumes are not supported, give a directory of the host");
    }
    let path = std::fs::canonicalize(source).with_context(|| format!("statfs {source}"))?;
    let mut kept = Vec::new();
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" | "rw" | "bind" | "rbind" | "exec" | "noexec" | "suid" | "nosuid" | "dev"
            | "nodev" | "shared" | "rshared" | "slave" | "rslave" | "private" | "rprivate" => {
                kept.push(option.to_owned())
            }
            // SELinux labels: nothing to set where there is no SELinux.
            "z" | "Z" if !std::path::Path::new("/sys/fs/selinux/enforce").exists() => {}
            _ => bail!("invalid option {option:?} for volume {text:?}"),
        }
    }
    Ok(Mount {
        kind: "bind".into(),
        source: path.to_string_lossy().into_owned(),
        destination: destination.to_owned(),
        options: kept,
    })
}

fn tmpfs(text: &str) -> Mount {
    let (destination, options) = text.split_once(':').unwrap_or((text, ""));
    let mut all: Vec<String> = options
        .split(',')
        .filter(|option| !option.is_empty())
        .map(str::to_owned)
        .collect();
    for (default, opposite) in [("nosuid", "suid"), ("nodev", "dev"), ("rprivate", "shared")] {
        if !all
            .iter()
            .any(|option| option == opposite || option == default)
        {
            all.push(default.to_owned());
        }
    }
    if !all
        .iter()
        .any(|option| option == "notmpcopyup" || option == "tmpcopyup")
    {
        all.push("tmpcopyup".into());
    }
    all.retain(|option| option != "notmpcopyup");
    Mount {
        kind: "tmpfs".into(),
        source: "tmpfs".into(),
        destination: destination.to_owned(),
        options: all,
    }
}

/// `64m`, `1g`, `512`, `-1`: bytes.
fn bytes(text: &str) -> Result<i64> {
    let lower = text.trim().to_ascii_lowercase();
    let number = lower.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match &lower[number.len()..] {
        "" | "b" => 1.0,
        "k" | "kb" | "kib" => 1024.0,
        "m" | "mb" | "mib" => 1024.0 * 1024.0,
        "g" | "gb" | "gib" => 1024.0 * 1024.0 * 1024.0,
        "t" | "tb" | "tib" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => bail!("invalid size: {text:?}"),
    };
    let number: f64 = number
        .trim()
        .parse()
        .with_context(|| format!("invalid size: {text:?}"))?;
    Ok((number * unit) as i64)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sizes() {
        assert_eq!(bytes("64m").unwrap(), 64 << 20);
        assert_eq!(bytes("1.5g").unwrap(), 3 << 29);
        assert_eq!(bytes("-1").unwrap(), -1);
        assert!(bytes("1q").is_err() && bytes("").is_err());
    }

    #[test]
    fn volumes() {
        let mount = volume("/:/host:ro").unwrap();
        assert_eq!(
            (mount.source.as_str(), mount.destination.as_str()),
            ("/", "/host")
        );
        assert!(volume("/:host").is_err() && volume("/:/x:fly").is_err());
    }
}
