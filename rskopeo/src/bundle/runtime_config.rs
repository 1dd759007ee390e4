//! `config.json` from an image's configuration (image-spec conversion.md), on the defaults of `runc spec`.

use std::os::fd::BorrowedFd;

use anyhow::{Context, Result, bail};
use serde_json::{Map, Value, json};

use super::users;
use crate::layer::IdMap;
use crate::manifest::ImageConfig;

const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const CAPABILITIES: [&str; 3] = ["CAP_AUDIT_WRITE", "CAP_KILL", "CAP_NET_BIND_SERVICE"];

/// How the container is to be kept apart.
#[derive(Clone, Debug, Default)]
pub struct Isolation {
    /// A user namespace with these maps, if there are any.
    pub uids: Vec<IdMap>,
    pub gids: Vec<IdMap>,
    /// The runtime is started by an ordinary user: no network namespace, no new sysfs, no cgroup limits.
    pub rootless: bool,
}

/// The configuration of a container that runs what the image says, in `rootfs`.
pub fn runtime_config(
    image: &ImageConfig,
    rootfs: BorrowedFd<'_>,
    isolation: &Isolation,
) -> Result<Value> {
    if image.os != "linux" {
        bail!(
            "cannot run an image for operating system {:?} on linux",
            image.os
        );
    }
    Ok(json!({
        "ociVersion": "1.0.2",
        "process": process(image, rootfs, isolation)?,
        "root": { "path": "rootfs", "readonly": false },
        "hostname": "rskopeo",
        "mounts": mounts(image, isolation),
        "annotations": annotations(image),
        "linux": linux(isolation),
    }))
}

fn process(image: &ImageConfig, rootfs: BorrowedFd<'_>, isolation: &Isolation) -> Result<Value> {
    let user = users::resolve(&image.config.user, rootfs)?;
    let mut user_json = json!({ "uid": user.uid, "gid": user.gid });
    // An ordinary user's namespace has one group only.
    if !user.additional_gids.is_empty() && !isolation.rootless {
        user_json["additionalGids"] = json!(user.additional_gids);
    }
    let mut args = image.config.entrypoint.clone();
    args.extend(image.config.cmd.iter().cloned());
    if args.is_empty() {
        args.push("sh".to_owned());
    }
    let cwd = match image.config.working_dir.as_str() {
        "" => "/".to_owned(),
        absolute if absolute.starts_with('/') => absolute.to_owned(),
        relative => format!("/{relative}"),
    };
    Ok(json!({
        "terminal": true,
        "user": user_json,
        "args": args,
        "env": environment(&image.config.env, &user.home)?,
        "cwd": cwd,
        "capabilities": {
            "bounding": CAPABILITIES,
            "effective": CAPABILITIES,
            "permitted": CAPABILITIES,
            "ambient": CAPABILITIES,
        },
        "rlimits": [{ "type": "RLIMIT_NOFILE", "hard": 1024, "soft": 1024 }],
        "noNewPrivileges": true,
    }))
}

/// The image's variables over the defaults; of a repeated one the last counts.
fn environment(image: &[String], home: &str) -> Result<Vec<String>> {
    let mut environment = vec![PATH.to_owned(), "TERM=xterm".to_owned()];
    if !home.is_empty() {
        environment.push(format!("HOME={home}"));
    }
    for variable in image {
        let (name, _) = variable
            .split_once('=')
            .filter(|(name, _)| !name.is_empty())
            .with_context(|| {
                format!("the image's environment has {variable:?}, which is not NAME=VALUE")
            })?;
        let same = |known: &&mut String| {
            known
                .split_once('=')
                .is_some_and(|(known, _)| known == name)
        };
        match environment.iter_mut().find(same) {
            Some(known) => known.clone_from(variable),
            None => environment.push(variable.clone()),
        }
    }
    Ok(environment)
}

fn mounts(image: &ImageConfig, isolation: &Isolation) -> Vec<Value> {
    let mount = |destination: &str, kind: &str, source: &str, options: &[&str]| json!({ "destination": destination, "type": kind, "source": source, "options": options });
    // gid 5 (tty) is not mapped for an ordinary user.
    let mut devpts = vec![
        "nosuid",
        "noexec",
        "newinstance",
        "ptmxmode=0666",
        "mode=0620",
    ];
    if !isolation.rootless {
        devpts.push("gid=5");
    }
    let mut mounts = vec![
        json!({ "destination": "/proc", "type": "proc", "source": "proc" }),
        mount(
            "/dev",
            "tmpfs",
            "tmpfs",
            &["nosuid", "strictatime", "mode=755", "size=65536k"],
        ),
        mount("/dev/pts", "devpts", "devpts", &devpts),
        mount(
            "/dev/shm",
            "tmpfs",
            "shm",
            &["nosuid", "noexec", "nodev", "mode=1777", "size=65536k"],
        ),
        mount(
            "/dev/mqueue",
            "mqueue",
            "mqueue",
            &["nosuid", "noexec", "nodev"],
        ),
    ];
    if isolation.rootless {
        mounts.push(mount(
            "/sys",
            "none",
            "/sys",
            &["rbind", "nosuid", "noexec", "nodev", "ro"],
        ));
        let resolver = ["rbind", "nosuid", "noexec", "nodev", "ro"];
        mounts.push(mount(
            "/etc/resolv.conf",
            "none",
            "/etc/resolv.conf",
            &resolver,
        ));
    } else {
        mounts.push(mount(
            "/sys",
            "sysfs",
            "sysfs",
            &["nosuid", "noexec", "nodev", "ro"],
        ));
        mounts.push(mount(
            "/sys/fs/cgroup",
            "cgroup",
            "cgroup",
            &["nosuid", "noexec", "nodev", "relatime", "ro"],
        ));
    }
    let volume = |path| {
        mount(
            path,
            "tmpfs",
            "none",
            &["rw", "nosuid", "nodev", "noexec", "relatime"],
        )
    };
    mounts.extend(image.config.volumes.keys().map(|path| volume(path)));
    mounts
}

/// What has no field of its own in a runtime configuration. Labels of the same name win.
fn annotations(image: &ImageConfig) -> Map<String, Value> {
    let ports: Vec<&str> = image
        .config
        .exposed_ports
        .keys()
        .map(String::as_str)
        .collect();
    let ports = ports.join(",");
    let implied = [
        ("os", image.os.as_str()),
        ("architecture", image.architecture.as_str()),
        ("variant", image.variant.as_deref().unwrap_or_default()),
        (
            "os.version",
            image.os_version.as_deref().unwrap_or_default(),
        ),
        ("author", image.author.as_deref().unwrap_or_default()),
        ("created", image.created.as_deref().unwrap_or_default()),
        ("stopSignal", image.config.stop_signal.as_str()),
        ("exposedPorts", ports.as_str()),
    ];
    implied
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(key, value)| (format!("org.opencontainers.image.{key}"), value.into()))
        .chain(
            image
                .config
                .labels
                .iter()
                .map(|(key, value)| (key.clone(), value.as_str().into())),
        )
        .collect()
}

fn linux(isolation: &Isolation) -> Value {
    let mut namespaces = vec!["pid", "ipc", "uts", "mount"];
    if !isolation.rootless {
        namespaces.push("network");
    }
    let mapped = !isolation.uids.is_empty() || !isolation.gids.is_empty();
    if mapped {
        namespaces.push("user");
    }
    let namespaces: Vec<Value> = namespaces
        .iter()
        .map(|kind| json!({ "type": kind }))
        .collect();
    let mut linux = json!({
        "namespaces": namespaces,
        "maskedPaths": [
            "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
            "/proc/timer_stats", "/proc/sched_debug", "/sys/firmware", "/proc/scsi",
        ],
        "readonlyPaths": ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"],
    });
    if !isolation.rootless {
        linux["resources"] = json!({ "devices": [{ "allow": false, "access": "rwm" }] });
    }
    if mapped {
        linux["uidMappings"] = isolation.uids.iter().map(mapping).collect();
        linux["gidMappings"] = isolation.gids.iter().map(mapping).collect();
    }
    linux
}

fn mapping(map: &IdMap) -> Value {
    json!({ "containerID": map.container, "hostID": map.host, "size": map.size })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::os::fd::AsFd;

    use super::*;

    #[test]
    fn an_image_becomes_a_container() {
        let image = ImageConfig::parse(
            br#"{"os":"linux","architecture":"amd64","author":"x","config":{"User":"7:8","Entrypoint":["/a"],"Cmd":["b"],
                "Env":["HOME=/h","A=1","A=2"],"WorkingDir":"w","Labels":{"org.opencontainers.image.author":"y"},
                "ExposedPorts":{"80/tcp":{},"90/udp":{}},"Volumes":{"/data":{}}},"rootfs":{"type":"layers","diff_ids":[]}}"#,
        )
        .unwrap();
        let root = tempfile::tempdir().unwrap();
        let rootfs = std::fs::File::open(root.path()).unwrap();
        let config = runtime_config(&image, rootfs.as_fd(), &Isolation::default()).unwrap();
        assert_eq!(config["process"]["args"], json!(["/a", "b"]));
        assert_eq!(
            config["process"]["env"],
            json!([PATH, "TERM=xterm", "HOME=/h", "A=2"])
        );
        assert_eq!(config["process"]["cwd"], "/w");
        assert_eq!(config["process"]["user"], json!({"uid": 7, "gid": 8}));
        assert_eq!(
            config["annotations"]["org.opencontainers.image.author"],
            "y"
        );
        assert_eq!(
            config["annotations"]["org.opencontainers.image.exposedPorts"],
            "80/tcp,90/udp"
        );
        assert_eq!(
            config["mounts"].as_array().unwrap().last().unwrap()["destination"],
            "/data"
        );
    }
}
