//! `.kube`: a service of a Kubernetes YAML file. podman-kube.unit(5).

use anyhow::{Result, bail};

use super::conversion::Conversion;

pub fn convert(c: &mut Conversion<'_>) -> Result<()> {
    let given = c.list("Yaml");
    if given.is_empty() {
        bail!("no Yaml key specified");
    }
    let files = given
        .iter()
        .map(|file| c.absolute(file))
        .collect::<Result<Vec<_>>>()?;
    c.kill_mode()?;
    c.name_unit();
    match c.service.get("Service", "Type") {
        None | Some("notify") => {
            c.service.set("Service", "Type", "notify");
            c.service.set("Service", "NotifyAccess", "all");
        }
        Some("oneshot") => {}
        Some(other) => bail!("invalid service Type '{other}'"),
    }
    if !c.source.has("Service", "SyslogIdentifier") {
        c.service.set("Service", "SyslogIdentifier", "%N");
    }
    let mut play = c.command();
    play.extend(["kube", "play", "--replace", "--service-container=true"]);
    if let Some(policy) = c.filled("ExitCodePropagation") {
        play.add(format_args!("--service-exit-code-propagation={policy}"));
    }
    play.pairs("--log-driver", c.get("LogDriver"));
    play.pairs("--log-opt", c.list("LogOpt"));
    c.user_mappings(&mut play, false)?;
    c.networks(&mut play)?;
    for update in c.list("AutoUpdate") {
        // Of all its containers, or of one.
        match update.split_once('/') {
            Some((name, policy)) => play.add(format_args!(
                "--annotation=io.containers.autoupdate/{name}={policy}"
            )),
            None => play.add(format_args!(
                "--annotation=io.containers.autoupdate={update}"
            )),
        }
    }
    for file in c.list("ConfigMap") {
        play.pairs("--configmap", [c.absolute(&file)?]);
    }
    play.pairs("--publish", c.all("PublishPort"));
    play.extend(c.arguments("PodmanArgs"));
    play.extend(&files);
    c.service.add_command("Service", "ExecStart", &play.0);

    let mut down = c.command();
    down.extend(["kube", "down"]);
    if let Some(force) = c.source.boolean(c.group, "KubeDownForce") {
        down.switch("--force", force);
    }
    down.extend(&files);
    c.service.add_command("Service", "ExecStopPost", &down.0);
    c.working_directory().map(drop)
}
