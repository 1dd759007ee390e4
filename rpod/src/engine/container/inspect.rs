//! What `inspect` tells of a container, in podman's shape.

use anyhow::Result;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::health::{self, Settings};
use super::record::{Container, Namespace};
use super::restart;
use super::status::Status;
use crate::bundle;
use crate::engine::Context;
use crate::engine::user_namespace::UserNamespace;
use crate::store::record;

/// The object that `rpod inspect` prints.
pub fn inspect(ctx: &Context, container: &Container) -> Result<Value> {
    let status = ctx.store.status(&container.id)?;
    let (home, run) = (container.home(ctx), container.run_dir(ctx));
    // Derived from the record at each start: one that a power loss damaged is as good as none.
    let config: Value = record::load(&home.join("config.json")).unwrap_or_default();
    let caps = |set: &str| config["process"]["capabilities"][set].clone();
    let args = container.process.args();
    let file = |name: &str| {
        let path = run.join(name);
        if path.exists() {
            json!(path)
        } else {
            json!("")
        }
    };
    let layers: Vec<_> = container
        .image
        .layers
        .iter()
        .rev()
        .map(|layer| {
            ctx.store
                .layers()
                .join(layer)
                .join("diff")
                .display()
                .to_string()
        })
        .collect();
    Ok(json!({
        "Id": container.id,
        "Created": container.created,
        "Path": args.first(),
        "Args": args.get(1..).unwrap_or_default(),
        "State": with_health(ctx, container, state(container, &status, &run))?,
        "Image": container.image.id,
        "ImageDigest": container.image.digest,
        "ImageName": container.image.name,
        "Rootfs": "",
        "Pod": container.pod.clone().unwrap_or_default(),
        "ResolvConfPath": file("resolv.conf"),
        "HostnamePath": file("hostname"),
        "HostsPath": file("hosts"),
        "StaticDir": home,
        "OCIConfigPath": home.join("config.json"),
        "OCIRuntime": container.runtime.clone().map_or_else(|| ctx.runtime(), Ok)?,
        "ConmonPidFile": run.join("conmon.pid"),
        "PidFile": run.join("pidfile"),
        "Name": container.name,
        "RestartCount": restart::count(ctx, container),
        "Driver": "overlay",
        "MountLabel": "",
        "ProcessLabel": "",
        "AppArmorProfile": container.security.apparmor.clone().unwrap_or_default(),
        "EffectiveCaps": caps("effective"),
        "BoundingCaps": caps("bounding"),
        "ExecIDs": exec_ids(&run),
        "GraphDriver": {
            "Name": "overlay",
            "Data": {
                "LowerDir": layers.join(":"),
                "MergedDir": home.join("rootfs"),
                "UpperDir": home.join("upper"),
                "WorkDir": home.join("work"),
            },
        },
        "Mounts": mounts(container),
        "Dependencies": container.namespaces.owners(),
        "NetworkSettings": crate::engine::network::inspect::settings(ctx, container)?,
        "Namespace": "",
        "IsInfra": container.infra,
        "IsService": false,
        "Config": settings(container, &config),
        "HostConfig": host_settings(ctx, container, &config),
    }))
}

const NEVER: &str = "0001-01-01T00:00:00Z";

fn state(container: &Container, status: &Status, run: &std::path::Path) -> Value {
    let (pid, code, oom, started, finished) = match status {
        Status::Created => (0, 0, false, None, None),
        Status::Initialized(waiting) => (waiting.pid, 0, false, None, None),
        Status::Running(started) | Status::Paused(started) => {
            (started.pid, 0, false, Some(started.at), None)
        }
        Status::Exited(end) => (0, end.code, end.oom, Some(end.started), end.finished),
    };
    let time = |at: Option<Timestamp>| at.map_or_else(|| NEVER.to_owned(), |at| at.to_string());
    json!({
        "OciVersion": "1.0.2",
        "Status": status.word(),
        "Running": status.is_running(),
        "Paused": matches!(status, Status::Paused(_)),
        "Restarting": false,
        "OOMKilled": oom,
        "Dead": false,
        "Pid": pid,
        "ConmonPid": if status.is_active() { super::status::monitor_pid(run) } else { None },
        "ExitCode": code,
        "Error": "",
        "StartedAt": time(started),
        "FinishedAt": time(finished),
        "CgroupPath": if status.is_active() && !container.resources.no_cgroup { cgroup(pid) } else { String::new() },
        "CheckpointedAt": NEVER,
        "RestoredAt": NEVER,
    })
}

/// The state with what the health checks said.
fn with_health(ctx: &Context, container: &Container, mut state: Value) -> Result<Value> {
    if health::status(ctx, container).is_some() {
        state["Health"] = json!(health::history(ctx, container)?);
    }
    Ok(state)
}

/// The last line of /proc/PID/cgroup, which is the same in every hierarchy that the runtime uses.
fn cgroup(pid: i32) -> String {
    let text = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).unwrap_or_default();
    text.lines()
        .last()
        .and_then(|line| line.splitn(3, ':').nth(2))
        .unwrap_or_default()
        .to_owned()
}

fn exec_ids(run: &std::path::Path) -> Vec<String> {
    let entries = std::fs::read_dir(run.join("exec"))
        .into_iter()
        .flatten()
        .flatten();
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}

pub fn mounts(container: &Container) -> Vec<Value> {
    let binds = container.mounts.iter().filter(|mount| mount.kind == "bind");
    binds
        .map(|mount| {
            let mut value = json!({
                "Type": if mount.volume.is_some() { "volume" } else { "bind" },
                "Name": mount.volume,
                "Source": mount.source,
                "Destination": mount.destination,
                "Driver": if mount.volume.is_some() { "local" } else { "" },
                "Mode": "",
                "Options": mount.options,
                "RW": !mount.options.iter().any(|option| option == "ro"),
                "Propagation": "rprivate",
            });
            if let (None, Some(fields)) = (&mount.volume, value.as_object_mut()) {
                fields.remove("Name");
            }
            value
        })
        .collect()
}

fn settings(container: &Container, config: &Value) -> Value {
    let process = &container.process;
    let env = match &config["process"]["env"] {
        Value::Null => json!(process.env),
        written => without_secrets(written, container),
    };
    let mut settings = json!({
        "Hostname": bundle::hostname(container),
        "Domainname": "",
        "User": process.user,
        "AttachStdin": false,
        "AttachStdout": false,
        "AttachStderr": false,
        "Tty": process.tty,
        "OpenStdin": process.stdin,
        "StdinOnce": false,
        "Env": env,
        "Cmd": process.command,
        "Image": container.image.name,
        "Volumes": Value::Null,
        "WorkingDir": if process.workdir.is_empty() { "/" } else { &process.workdir },
        "Entrypoint": if process.entrypoint.is_empty() { Value::Null } else { json!(process.entrypoint) },
        "Labels": container.labels,
        "Annotations": config["annotations"],
        "StopSignal": signal_name(container.stop_signal),
        "SystemdMode": container.systemd,
        "sdNotifyMode": container.sdnotify.as_str(),
        "CreateCommand": container.create_command,
        "Umask": process.umask.clone().unwrap_or_else(|| "0022".to_owned()),
        "Timeout": container.timeout,
        "StopTimeout": container.stop_timeout,
        "OnBuild": Value::Null,
    });
    if !container.secrets.is_empty() {
        settings["Secrets"] = secrets(container);
    }
    if let Value::Object(all) = &mut settings {
        all.extend(health_settings(&container.health));
    }
    settings
}

fn secrets(container: &Container) -> Value {
    let secrets = container.secrets.iter();
    secrets
        .map(|secret| json!({ "Name": secret.name, "ID": secret.id, "UID": secret.uid, "GID": secret.gid, "Mode": secret.mode }))
        .collect()
}

fn health_settings(health: &Settings) -> Map<String, Value> {
    let mut all = Map::new();
    let mut add = |key: &str, value: Value| all.insert(key.to_owned(), value);
    if let Some(startup) = &health.startup {
        add("StartupHealthCheck", startup.inspect());
    }
    if !health.test.is_empty() {
        add("Healthcheck", health.inspect());
    }
    add(
        "HealthcheckOnFailureAction",
        json!(health.on_failure.word()),
    );
    add("HealthLogDestination", json!(health.log_destination));
    add("HealthcheckMaxLogCount", json!(health.log_count));
    add("HealthcheckMaxLogSize", json!(health.log_size));
    all
}

/// Variables that are secrets are named and not shown.
fn without_secrets(env: &Value, container: &Container) -> Value {
    let is_secret = |name: &str| {
        let mut names = container
            .secrets
            .iter()
            .filter_map(|s| s.variable.as_deref());
        names.any(|secret| secret == name)
    };
    let shown = env.as_array().into_iter().flatten().map(|variable| {
        let name = variable.as_str().and_then(|text| text.split('=').next());
        match name {
            Some(name) if is_secret(name) => json!(format!("{name}=*******")),
            _ => variable.clone(),
        }
    });
    shown.collect()
}

fn signal_name(number: i32) -> String {
    nix::sys::signal::Signal::try_from(number)
        .map_or_else(|_| number.to_string(), |signal| signal.as_str().to_owned())
}

fn host_settings(ctx: &Context, container: &Container, config: &Value) -> Value {
    let (asked, security, network) = (
        &container.resources,
        &container.security,
        &container.network,
    );
    let binds = container.mounts.iter().filter(|mount| mount.kind == "bind");
    let tmpfs = container
        .mounts
        .iter()
        .filter(|mount| mount.kind == "tmpfs");
    let ulimits = config["process"]["rlimits"]
        .as_array()
        .into_iter()
        .flatten();
    let mut settings = json!({
        "Binds": binds.map(|m| format!("{}:{}:{}", m.volume.as_ref().unwrap_or(&m.source), m.destination, m.options.join(","))).collect::<Vec<_>>(),
        "CgroupManager": asked.cgroup_manager,
        "CgroupMode": mode(&container.namespaces.cgroup),
        "LogConfig": { "Type": container.log_driver, "Config": Value::Null, "Path": container.log_path(ctx), "Tag": "", "Size": "0B" },
        "NetworkMode": match &container.namespaces.net {
            Namespace::Private if network.user_mode.is_some() => network.user_mode.as_ref().map_or_else(String::new, |mode| mode.program.clone()),
            Namespace::Private if !network.bridged => "none".to_owned(),
            Namespace::Private => "bridge".to_owned(),
            other => mode(other),
        },
        "PortBindings": crate::engine::network::port::bindings(&network.publish),
        "AutoRemove": container.remove,
        "CapAdd": security.cap_add,
        "CapDrop": security.cap_drop,
        "Dns": network.dns,
        "DnsOptions": network.dns_options,
        "DnsSearch": network.dns_search,
        "ExtraHosts": network.add_hosts,
        "GroupAdd": container.process.groups,
        "IpcMode": if container.namespaces.ipc == Namespace::Private { "shareable".to_owned() } else { mode(&container.namespaces.ipc) },
        "Cgroups": if asked.no_cgroup { "disabled" } else { "default" },
        "OomScoreAdj": asked.oom_score_adj.unwrap_or(0),
        "PidMode": mode(&container.namespaces.pid),
        "Privileged": security.privileged,
        "ReadonlyRootfs": container.read_only,
        "SecurityOpt": security_options(container),
        "Tmpfs": tmpfs.map(|m| (m.destination.clone(), json!(m.options.join(",")))).collect::<serde_json::Map<_, _>>(),
        "UTSMode": mode(&container.namespaces.uts),
        "ShmSize": container.shm_size,
        "Runtime": "oci",
        "CpuShares": asked.cpu_shares.unwrap_or(0),
        "Memory": asked.memory.unwrap_or(0),
        "MemoryReservation": asked.memory_reservation.unwrap_or(0),
        "MemorySwap": asked.memory_swap.unwrap_or(0),
        "CpuPeriod": asked.cpu_period.unwrap_or(0),
        "CpuQuota": asked.cpu_quota.unwrap_or(0),
        "CpusetCpus": asked.cpuset_cpus.clone().unwrap_or_default(),
        "CpusetMems": asked.cpuset_mems.clone().unwrap_or_default(),
        "CgroupParent": asked.cgroup_parent.clone().unwrap_or_default(),
        "Devices": container.devices,
        "PidsLimit": config["linux"]["resources"]["pids"]["limit"].as_i64().unwrap_or(0),
        "Ulimits": ulimits.map(|limit| json!({ "Name": limit["type"], "Soft": limit["soft"], "Hard": limit["hard"] })).collect::<Vec<_>>(),
    });
    if let Value::Object(all) = &mut settings {
        all.extend(less_usual(container));
        all.extend(of_other_hosts());
    }
    settings
}

/// Thousand-millionths of a CPU.
fn nano_cpus(quota: Option<i64>, period: Option<u64>) -> i64 {
    match (quota, period) {
        (Some(quota), Some(period)) if quota > 0 && period > 0 => {
            quota.saturating_mul(1_000_000_000) / period.cast_signed()
        }
        _ => 0,
    }
}

/// What Docker has for other systems, or for options that are none here: podman prints it so that readers find the key.
fn of_other_hosts() -> Map<String, Value> {
    let numbers = [
        "CpuCount",
        "CpuPercent",
        "DiskQuota",
        "IOMaximumBandwidth",
        "IOMaximumIOps",
        "KernelMemory",
    ];
    let texts = ["Cgroup", "Isolation", "VolumeDriver"];
    let numbers = numbers.map(|key| (key, json!(0)));
    let texts = texts.map(|key| (key, json!("")));
    let others = [
        ("ConsoleSize", json!([0, 0])),
        ("Links", Value::Null),
        ("PublishAllPorts", json!(false)),
    ];
    let all = numbers.into_iter().chain(texts).chain(others);
    all.map(|(key, value)| (key.to_owned(), value)).collect()
}

/// Limits that few ask for.
fn less_usual(container: &Container) -> Map<String, Value> {
    let (asked, restart) = (&container.resources, &container.restart);
    let mut all = Map::new();
    let mut add = |key: &str, value: Value| all.insert(key.to_owned(), value);
    let policy = match restart.policy.as_str() {
        "" => "no",
        policy => policy,
    };
    add(
        "RestartPolicy",
        json!({ "Name": policy, "MaximumRetryCount": restart.retries }),
    );
    add(
        "NanoCpus",
        json!(nano_cpus(asked.cpu_quota, asked.cpu_period)),
    );
    let users = match container.user_namespace {
        UserNamespace::Host => "",
        _ => "private",
    };
    add("UsernsMode", json!(users));
    add(
        "MemorySwappiness",
        json!(asked.memory_swappiness.unwrap_or(0)),
    );
    add("CpuRealtimePeriod", json!(asked.cpu_rt_period.unwrap_or(0)));
    add(
        "CpuRealtimeRuntime",
        json!(asked.cpu_rt_runtime.unwrap_or(0)),
    );
    add("OomKillDisable", json!(asked.oom_kill_disable));
    add("BlkioWeight", json!(asked.block_io.weight.unwrap_or(0)));
    add(
        "BlkioWeightDevice",
        json!(devices(&asked.block_io.weight_device, "Weight")),
    );
    add(
        "BlkioDeviceReadBps",
        json!(devices(&asked.block_io.read_bps, "Rate")),
    );
    add(
        "BlkioDeviceWriteBps",
        json!(devices(&asked.block_io.write_bps, "Rate")),
    );
    add(
        "BlkioDeviceReadIOps",
        json!(devices(&asked.block_io.read_iops, "Rate")),
    );
    add(
        "BlkioDeviceWriteIOps",
        json!(devices(&asked.block_io.write_iops, "Rate")),
    );
    all
}

fn devices(values: &[(String, u64)], key: &str) -> Vec<Value> {
    let entries = values.iter();
    entries
        .map(|(path, value)| json!({ "Path": path, key: value }))
        .collect()
}

pub fn mode(namespace: &Namespace) -> String {
    match namespace {
        Namespace::Private => "private".to_owned(),
        Namespace::Host => "host".to_owned(),
        Namespace::Container(id) => format!("container:{id}"),
        Namespace::Path(path) => format!("ns:{}", path.display()),
    }
}

pub fn security_options(container: &Container) -> Vec<String> {
    let security = &container.security;
    let mut all = Vec::new();
    if security.no_new_privileges {
        all.push("no-new-privileges".to_owned());
    }
    all.extend(
        security
            .seccomp
            .iter()
            .map(|profile| format!("seccomp={profile}")),
    );
    all.extend(
        security
            .apparmor
            .iter()
            .map(|profile| format!("apparmor={profile}")),
    );
    all
}
