//! A container's unit.

use anyhow::{Context as _, Result, bail};

use super::Request;
use super::command_line::CommandLine;
use super::escape::escape;
use super::pod::PodUnit;
use super::unit::Unit;
use crate::engine::Context;
use crate::engine::container::record::Container;
use crate::monitor;

/// Where the unit of a new container keeps its id.
const ID_FILE: &str = "--cidfile=%t/%n.ctr-id";

/// The unit's name and text. `of_pod`: it goes with its pod's unit.
pub(super) fn unit(
    ctx: &Context,
    container: &Container,
    request: &Request,
    of_pod: Option<&PodUnit>,
) -> Result<(String, String)> {
    if container.init_ctr.is_some() {
        bail!(
            "unsupported container {}: cannot generate systemd units for init containers: the pod's unit starts them",
            container.id
        );
    }
    let line = (request.take_apart)(&container.create_command);
    let mut unit = Unit {
        name: request.container_service(container),
        relations: of_pod
            .map(|pod| pod.binds(container, request))
            .unwrap_or_default(),
        stop_timeout: request.stop_timeout.unwrap_or(container.stop_timeout),
        start_timeout: request.start_timeout.unwrap_or(0),
        ..Unit::default()
    };
    if request.new {
        let line =
            line.with_context(|| format!("cannot use --new on container {:?}", container.name))?;
        made_anew(&mut unit, container, line, request, of_pod)?;
    } else {
        warn_of_restarts(container);
        let globals = line.map(|line| line.globals).unwrap_or_default();
        start_what_is_there(ctx, &mut unit, container, request, &globals)?;
    }
    let file = match request.template {
        true => format!("{}@", unit.name),
        false => unit.name.clone(),
    };
    Ok((file, unit.text(request)))
}

/// The unit starts and stops a container, or by its infra container a pod, and waits for the monitor.
pub(super) fn start_what_is_there(
    ctx: &Context,
    unit: &mut Unit,
    container: &Container,
    request: &Request,
    globals: &[String],
) -> Result<()> {
    let (called, timeout) = (request.called(container), unit.stop_timeout.to_string());
    let stop = words(globals, &["stop", "-t", &timeout, called])?;
    unit.mounts = ctx.store.runroot.display().to_string();
    unit.commands = vec![
        ("ExecStart", words(globals, &["start", called])?),
        ("ExecStop", stop.clone()),
        ("ExecStopPost", stop),
    ];
    let default = || monitor::pidfile(&container.run_dir(ctx));
    let pidfile = container.conmon_pidfile.clone().unwrap_or_else(default);
    unit.kind = vec![
        ("PIDFile", pidfile.display().to_string()),
        ("Type", "forking".to_owned()),
    ];
    Ok(())
}

fn made_anew(
    unit: &mut Unit,
    container: &Container,
    mut line: CommandLine,
    request: &Request,
    of_pod: Option<&PodUnit>,
) -> Result<()> {
    if !matches!(line.verb.as_str(), "run" | "create") {
        bail!(
            "cannot use --new on container {:?}: it was made by `rpod {}`, and only what run and create have made can be made anew",
            container.name,
            line.verb
        );
    }
    unit.mounts = "%t/rpod".to_owned();
    unit.env = taken_from_environment(&line, container);
    (unit.restart, unit.restart_limit) = restarts(&line);
    let globals = line.globals.clone();
    let mut start = words(&globals, &["run"])?;
    start.extend([ID_FILE, "--cgroups=no-conmon", "--rm"].map(str::to_owned));
    if let Some(pod) = of_pod {
        start.extend(["--pod-id-file".to_owned(), pod.id_file()]);
        line.remove(&["pod", "pod-id-file"]);
    }
    // Hardly any program tells that it is ready, and a unit that is not told at all fails.
    if matches!(line.value("sdnotify"), None | Some("ignore")) {
        line.remove(&["sdnotify"]);
        start.push("--sdnotify=conmon".to_owned());
    }
    if !line.is_on("detach") {
        line.remove(&["detach"]);
        start.push("-d".to_owned());
    }
    // A machine that lost its power has the last one still.
    if line.has("name") && !line.is_on("replace") {
        line.remove(&["replace"]);
        start.push("--replace".to_owned());
    }
    line.remove(&["rm", "cgroups", "cidfile", "restart"]);
    if request.template {
        name_instances(&mut line, &unit.name, &mut start);
    } else {
        start.extend(line.rest().map(escape));
    }
    let timeout = unit.stop_timeout.to_string();
    let mut stop = words(&globals, &["stop", "--ignore", "-t", &timeout])?;
    stop.push(ID_FILE.to_owned());
    let mut remove = words(&globals, &["rm", "-f", "--ignore", "-t", &timeout])?;
    remove.push(ID_FILE.to_owned());
    unit.commands = vec![
        ("ExecStart", start),
        ("ExecStop", stop),
        ("ExecStopPost", remove),
    ];
    unit.kind = vec![
        ("Type", "notify".to_owned()),
        ("NotifyAccess", "all".to_owned()),
    ];
    Ok(())
}

/// Each instance's container has a name of its own.
fn name_instances(line: &mut CommandLine, service: &str, start: &mut Vec<String>) {
    let own = line
        .value("name")
        .map_or_else(|| service.to_owned(), str::to_owned);
    line.remove(&["name"]);
    start.push(format!("--name={}-%i", escape(&own)));
    start.extend(line.rest().map(escape));
}

/// `--env NAME` takes the value that the environment has; the unit's has it then.
fn taken_from_environment(line: &CommandLine, container: &Container) -> Vec<String> {
    let options = line.options.iter().filter(|given| given.name == "env");
    let names = options.filter_map(|given| given.value.as_deref());
    let bare: Vec<&str> = names.filter(|name| !name.contains('=')).collect();
    let asked = |variable: &str| {
        let name = variable.split('=').next().unwrap_or_default();
        bare.iter().any(|bare| match bare.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => *bare == name,
        })
    };
    let env = container.process.env.iter();
    env.filter(|variable| asked(variable)).cloned().collect()
}

/// The restart policy in systemd's words, and how often at most.
fn restarts(line: &CommandLine) -> (Option<String>, Option<String>) {
    match line.value("restart").unwrap_or_default() {
        "" => (None, None),
        "unless-stopped" => (Some("always".to_owned()), None),
        policy => match policy.split_once(':') {
            Some((policy, times)) => (Some(policy.to_owned()), Some(times.to_owned())),
            None => (Some(policy.to_owned()), None),
        },
    }
}

fn warn_of_restarts(container: &Container) {
    if !container.restart.policy.is_empty() {
        eprintln!(
            "rpod: warning: container {} has the restart policy {:?}, so that systemd and rpod both start it again: make it without --restart, and give --restart-policy here",
            container.name, container.restart.policy
        );
    }
}

/// This rpod, with what stands before the command.
pub(super) fn words(globals: &[String], words: &[&str]) -> Result<Vec<String>> {
    let program = std::env::current_exe().context("where is this program?")?;
    let program = escape(&program.to_string_lossy());
    let rest = globals
        .iter()
        .map(String::as_str)
        .chain(words.iter().copied());
    Ok(std::iter::once(program).chain(rest.map(escape)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::command_line::Given;
    use super::*;

    fn given(text: &str) -> Given {
        let mut words = text.split(' ');
        let name = words.next().unwrap_or_default().trim_start_matches('-');
        Given {
            name: name.to_owned(),
            value: words.next().map(str::to_owned),
            text: text.split(' ').map(str::to_owned).collect(),
        }
    }

    fn line(options: &[&str]) -> CommandLine {
        CommandLine {
            verb: "create".to_owned(),
            options: options.iter().map(|option| given(option)).collect(),
            words: vec!["image".to_owned(), "$A".to_owned()],
            ..CommandLine::default()
        }
    }

    #[test]
    fn restarts_become_systemds() {
        let of = |policy: &str| restarts(&line(&[&format!("--restart {policy}")]));
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(of("unless-stopped"), (some("always"), None));
        assert_eq!(of("on-failure:5"), (some("on-failure"), some("5")));
        assert_eq!(restarts(&line(&[])), (None, None));
    }

    #[test]
    fn instances_have_names_of_their_own() {
        let mut start = Vec::new();
        name_instances(
            &mut line(&["--name 50%", "--tty"]),
            "container-x",
            &mut start,
        );
        assert_eq!(start, ["--name=50%%-%i", "--tty", "image", "$$A"]);
        start.clear();
        name_instances(&mut line(&[]), "container-x", &mut start);
        assert_eq!(start[0], "--name=container-x-%i");
    }

    #[test]
    fn variables_without_a_value_are_the_units() {
        let container = Container {
            process: crate::engine::container::record::Process {
                env: ["A=1", "AB=2", "C=3", "D=4"].map(str::to_owned).into(),
                ..Default::default()
            },
            ..Container::default()
        };
        let taken =
            taken_from_environment(&line(&["--env A*", "--env C", "--env D=4"]), &container);
        assert_eq!(taken, ["A=1", "AB=2", "C=3"]);
    }
}
