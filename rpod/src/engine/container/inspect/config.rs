//! `Config`: what runs in the container.

use serde_json::{Map, Value, json};

use crate::bundle;
use crate::engine::container::health::Settings;
use crate::engine::container::record::Container;

pub(super) fn settings(container: &Container, config: &Value) -> Value {
    let process = &container.process;
    let env = match &config["process"]["env"] {
        Value::Null => json!(bundle::environment(container)),
        written => without_secrets(written, container),
    };
    let is_attached = |stream: &str| container.attached.iter().any(|name| name == stream);
    let mut settings = json!({
        "Hostname": bundle::hostname(container),
        "Domainname": "",
        "User": process.user,
        "AttachStdin": is_attached("stdin"),
        "AttachStdout": is_attached("stdout"),
        "AttachStderr": is_attached("stderr"),
        "Tty": process.tty,
        "OpenStdin": process.stdin,
        "StdinOnce": false,
        "Env": env,
        "Cmd": process.command,
        "Image": container.image.name,
        "Volumes": Value::Null,
        "WorkingDir": if process.workdir.is_empty() { "/" } else { &process.workdir },
        "Entrypoint": if process.entrypoint.is_empty() { Value::Null } else { json!(process.entrypoint) },
        "Labels": if container.labels.is_empty() { Value::Null } else { json!(container.labels) },
        "Annotations": super::annotations(container, config),
        "StopSignal": signal_name(container.stop_signal),
        "sdNotifyMode": container.sdnotify.as_str(),
        "CreateCommand": container.create_command,
        "Umask": format!("{:0>4}", process.umask.as_deref().unwrap_or("0022")),
        "Timeout": container.timeout,
        "StopTimeout": container.stop_timeout,
        "OnBuild": Value::Null,
    });
    let exposed = ports(container);
    if !exposed.is_empty() {
        settings["ExposedPorts"] = exposed.into();
    }
    if container.systemd {
        settings["SystemdMode"] = json!(true);
    }
    settings["Passwd"] = json!(container.accounts.added);
    if !container.time_zone.is_empty() {
        settings["Timezone"] = json!(container.time_zone);
    }
    if !container.chroot_dirs.is_empty() {
        settings["ChrootDirs"] = json!(container.chroot_dirs);
    }
    if !container.secrets.is_empty() {
        settings["Secrets"] = secrets(container);
    }
    if let Value::Object(all) = &mut settings {
        all.extend(health_settings(&container.health));
    }
    settings
}

/// Every port that the container listens at, as far as it was told.
fn ports(container: &Container) -> Map<String, Value> {
    let ports = container.network.exposed_and_published();
    ports.into_iter().map(|port| (port, json!({}))).collect()
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
    let of_real_time = || match number - libc::SIGRTMIN() {
        0 => "SIGRTMIN".to_owned(),
        above @ 1.. => format!("SIGRTMIN+{above}"),
        _ => number.to_string(),
    };
    nix::sys::signal::Signal::try_from(number)
        .map_or_else(|_| of_real_time(), |signal| signal.as_str().to_owned())
}
