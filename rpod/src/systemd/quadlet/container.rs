//! `.container`: a service that runs a container. podman-container.unit(5).

use anyhow::{Result, bail};

use super::conversion::Takes::{Each, Last, Switch};
use super::conversion::{Command, Conversion};
use super::units;

pub fn convert(c: &mut Conversion<'_>) -> Result<()> {
    let image = match (c.filled("Image"), c.filled("Rootfs")) {
        (None, None) => bail!("no Image or Rootfs key specified"),
        (Some(_), Some(_)) => {
            bail!("the Image And Rootfs keys conflict can not be specified together")
        }
        (Some(image), None) => vec![c.image(image)?],
        (None, Some(rootfs)) => vec!["--rootfs".to_owned(), rootfs.to_owned()],
    };
    let name = units::container_name(c.source).to_owned();
    c.name_unit();
    c.kill_mode()?;
    stop(c, &name);
    reload(c, &name)?;

    let mut run = c.command();
    run.extend(["run", "--name", &name, "--replace", "--rm"]);
    run.pairs("--log-driver", c.get("LogDriver"));
    run.pairs("--log-opt", c.list("LogOpt"));
    c.service.add("Service", "Delegate", "yes");
    match c.filled("CgroupsMode") {
        Some(mode) => run.extend(["--cgroups", mode]),
        None => run.add("--cgroups=split"),
    }
    if let Some(entrypoint) = c.get("Entrypoint") {
        // One that is empty clears the image's.
        run.add(format_args!("--entrypoint={entrypoint}"));
    }
    c.options(&mut run, OPTIONS);
    c.networks(&mut run)?;
    readiness(c, &mut run)?;
    if !c.source.has("Service", "SyslogIdentifier") {
        c.service.set("Service", "SyslogIdentifier", "%N");
    }
    security(c, &mut run);
    c.options(&mut run, &[("ReadOnly", "--read-only", Switch)]);
    if c.is("VolatileTmp") && !c.is("ReadOnly") {
        run.extend(["--tmpfs", "/tmp:rw,size=512M,mode=1777"]);
    }
    user(c, &mut run)?;
    c.user_mappings(&mut run, true)?;
    c.volumes(&mut run)?;
    if let Some(policy) = c.filled("AutoUpdate") {
        run.extend(["--label", &format!("io.containers.autoupdate={policy}")]);
    }
    ports(c, &mut run)?;
    c.assignments(
        &mut run,
        &[
            ("Environment", "--env"),
            ("Label", "--label"),
            ("Annotation", "--annotation"),
        ],
    );
    for (key, option) in [("Mask", "mask"), ("Unmask", "unmask")] {
        let paths = c.arguments(key).into_iter();
        run.pairs(
            "--security-opt",
            paths.map(|path| format!("{option}={path}")),
        );
    }
    for file in c.arguments("EnvironmentFile") {
        run.pairs("--env-file", [c.absolute(&file)?]);
    }
    run.pairs("--secret", c.arguments("Secret"));
    for mount in c.arguments("Mount") {
        run.pairs("--mount", [super::mount::resolve(c, &mount)?]);
    }
    for (key, option) in HEALTH {
        run.pairs(option, c.filled(key));
    }
    pod(c, &mut run)?;
    run.extend(c.arguments("PodmanArgs"));
    run.extend(image);
    match c.source.command(c.group, "Exec") {
        Ok(command) => run.extend(command.unwrap_or_default()),
        Err(error) => c.warnings.push(format!("{error:#}")),
    }
    c.service.add_command("Service", "ExecStart", &run.0);
    Ok(())
}

#[rustfmt::skip]
const OPTIONS: &[(&str, &str, super::conversion::Takes)] = &[
    ("Timezone", "--tz", Last), ("PidsLimit", "--pids-limit", Last), ("ShmSize", "--shm-size", Last),
    ("WorkingDir", "--workdir", Last), ("IP", "--ip", Last), ("IP6", "--ip6", Last), ("HostName", "--hostname", Last),
    ("StopSignal", "--stop-signal", Last), ("StopTimeout", "--stop-timeout", Last), ("Pull", "--pull", Last),
    ("Memory", "--memory", Last), ("Retry", "--retry", Last), ("RetryDelay", "--retry-delay", Last),
    ("NetworkAlias", "--network-alias", Each), ("Ulimit", "--ulimit", Each), ("DNS", "--dns", Each),
    ("DNSOption", "--dns-option", Each), ("DNSSearch", "--dns-search", Each), ("GroupAdd", "--group-add", Each),
    ("AddHost", "--add-host", Each), ("Tmpfs", "--tmpfs", Each),
    ("RunInit", "--init", Switch), ("EnvironmentHost", "--env-host", Switch), ("HttpProxy", "--http-proxy", Switch),
    ("ReadOnlyTmpfs", "--read-only-tmpfs", Switch),
];

const HEALTH: &[(&str, &str)] = &[
    ("HealthCmd", "--health-cmd"),
    ("HealthInterval", "--health-interval"),
    ("HealthOnFailure", "--health-on-failure"),
    ("HealthLogDestination", "--health-log-destination"),
    ("HealthMaxLogCount", "--health-max-log-count"),
    ("HealthMaxLogSize", "--health-max-log-size"),
    ("HealthRetries", "--health-retries"),
    ("HealthStartPeriod", "--health-start-period"),
    ("HealthTimeout", "--health-timeout"),
    ("HealthStartupCmd", "--health-startup-cmd"),
    ("HealthStartupInterval", "--health-startup-interval"),
    ("HealthStartupRetries", "--health-startup-retries"),
    ("HealthStartupSuccess", "--health-startup-success"),
    ("HealthStartupTimeout", "--health-startup-timeout"),
];

/// The container goes when the service is stopped, and also when its monitor was killed, of which ExecStop hears nothing.
fn stop(c: &mut Conversion<'_>, name: &str) {
    let mut stop = c.command();
    stop.extend(["rm", "-v", "-f", "-i", name]);
    c.service.add_command("Service", "ExecStop", &stop.0);
    stop.0[0].insert(0, '-');
    c.service.add_command("Service", "ExecStopPost", &stop.0);
}

fn reload(c: &mut Conversion<'_>, name: &str) -> Result<()> {
    let signal = c.filled("ReloadSignal");
    let command = match c.source.command(c.group, "ReloadCmd") {
        Ok(command) => command.filter(|command| !command.is_empty()),
        Err(error) => {
            c.warnings.push(format!("{error:#}"));
            None
        }
    };
    let mut reload = c.command();
    match (command, signal) {
        (None, None) => return Ok(()),
        (Some(_), Some(_)) => {
            bail!("ReloadCmd and ReloadSignal are mutually exclusive but both are set")
        }
        (Some(command), None) => {
            reload.extend(["exec", name]);
            reload.extend(command);
        }
        (None, Some(signal)) => reload.extend(["kill", "--signal", signal, name]),
    }
    c.service.add_command("Service", "ExecReload", &reload.0);
    Ok(())
}

/// Unless it is to run once, the service is ready when the monitor says so, or the container, or its health check.
fn readiness(c: &mut Conversion<'_>, run: &mut Command) -> Result<()> {
    match c.service.get("Service", "Type") {
        None | Some("notify") => {}
        Some("oneshot") => return Ok(()),
        Some(other) => bail!("invalid service Type '{other}'"),
    }
    let healthy = c
        .get("Notify")
        .is_some_and(|value| value.eq_ignore_ascii_case("healthy"));
    run.add(match (healthy, c.is("Notify")) {
        (true, _) => "--sdnotify=healthy",
        (false, true) => "--sdnotify=container",
        (false, false) => "--sdnotify=conmon",
    });
    c.service.set("Service", "Type", "notify");
    c.service.set("Service", "NotifyAccess", "all");
    run.add("-d");
    Ok(())
}

fn security(c: &mut Conversion<'_>, run: &mut Command) {
    if c.is("NoNewPrivileges") {
        run.add("--security-opt=no-new-privileges");
    }
    for (key, option) in [
        ("SecurityLabelDisable", "label=disable"),
        ("SecurityLabelNested", "label=nested"),
    ] {
        run.pairs("--security-opt", c.is(key).then_some(option));
    }
    for (key, option) in [
        ("SecurityLabelType", "label=type:"),
        ("SecurityLabelFileType", "label=filetype:"),
        ("SecurityLabelLevel", "label=level:"),
        ("AppArmor", "apparmor="),
    ] {
        run.pairs(
            "--security-opt",
            c.filled(key).map(|value| format!("{option}{value}")),
        );
    }
    for device in c.list("AddDevice") {
        match device.strip_prefix('-') {
            // One that need not be there.
            Some(device)
                if std::path::Path::new(device.split(':').next().unwrap_or_default()).exists() =>
            {
                run.pairs("--device", [device]);
            }
            Some(_) => {}
            None => run.pairs("--device", [device]),
        }
    }
    run.pairs(
        "--security-opt",
        c.get("SeccompProfile")
            .map(|profile| format!("seccomp={profile}")),
    );
    for (key, option) in [
        ("DropCapability", "--cap-drop"),
        ("AddCapability", "--cap-add"),
    ] {
        let names = c.list(key).into_iter();
        run.pairs(option, names.map(|name| name.to_lowercase()));
    }
    run.pairs("--sysctl", c.list("Sysctl"));
}

fn user(c: &Conversion<'_>, run: &mut Command) -> Result<()> {
    match (c.filled("User"), c.filled("Group")) {
        (None, Some(_)) => bail!("invalid Group set without User"),
        (None, None) => {}
        (Some(user), None) => run.pairs("--user", [user]),
        (Some(user), Some(group)) => run.pairs("--user", [format!("{user}:{group}")]),
    }
    Ok(())
}

fn ports(c: &Conversion<'_>, run: &mut Command) -> Result<()> {
    for port in c.all("ExposeHostPort") {
        let port = port.trim();
        let numbers = port
            .strip_suffix("/udp")
            .or(port.strip_suffix("/tcp"))
            .unwrap_or(port);
        if !numbers.ends_with(|c: char| c.is_ascii_digit()) {
            bail!("invalid port format '{port}'");
        }
        run.pairs("--expose", [port]);
    }
    run.pairs("--publish", c.all("PublishPort"));
    Ok(())
}

/// A container of a pod ends with it, and starts with it unless it says otherwise.
fn pod(c: &mut Conversion<'_>, run: &mut Command) -> Result<()> {
    let Some(pod) = c.filled("Pod") else {
        return Ok(());
    };
    if !pod.ends_with(".pod") {
        bail!("pod {pod} is not Quadlet based");
    }
    let container = c.service.name.clone();
    let is_template = c.source.template().1 == Some("");
    let starts_with_pod = c.source.boolean(c.group, "StartWithPod").unwrap_or(true) && !is_template;
    let Some(unit) = c.units.get_mut(pod) else {
        bail!("quadlet pod unit {pod} does not exist");
    };
    if starts_with_pod {
        unit.containers.push(container);
    }
    let service = unit.service_file();
    run.extend(["--pod", &unit.resource]);
    c.service.add("Unit", "BindsTo", service.clone());
    c.service.add("Unit", "After", service);
    Ok(())
}
