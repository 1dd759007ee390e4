//! A pod's unit, to which the units of its containers are bound.

use anyhow::{Context as _, Result, bail};

use super::command_line::{CommandLine, Given};
use super::container::{start_what_is_there, unit as container_unit, words};
use super::escape::escape;
use super::unit::Unit;
use super::{Request, Units};
use crate::engine::container::record::Container;
use crate::engine::pod::members;
use crate::engine::pod::record::Pod;
use crate::engine::{Context, container};

/// What its containers' units have to know of it.
#[derive(Debug)]
pub(super) struct PodUnit {
    service: String,
    infra: String,
    /// Those that have units of their own.
    containers: Vec<Container>,
}

pub(super) fn units(ctx: &Context, pod: &Pod, request: &Request) -> Result<Units> {
    if request.template {
        bail!("--template is not supported for pods");
    }
    let Some(infra) = &pod.infra else {
        bail!(
            "generating systemd unit files: Pod {:?} has no infra container: make it with --infra",
            pod.name
        );
    };
    let infra = container::load(ctx, infra)?;
    let mut containers = members(ctx, pod)?;
    containers.retain(|container| !container.infra);
    let called = match request.by_name {
        true => &pod.name,
        false => &pod.id,
    };
    let of_pod = PodUnit {
        service: request.service(&request.pod_prefix, called),
        infra: infra.id.clone(),
        containers,
    };
    let mut units = Units::from([of_pod.unit(ctx, pod, &infra, request)?]);
    for container in &of_pod.containers {
        units.extend([container_unit(ctx, container, request, Some(&of_pod))?]);
    }
    Ok(units)
}

impl PodUnit {
    /// Where the unit of a new pod keeps its id.
    pub(super) fn id_file(&self) -> String {
        format!("%t/{}.pod-id", escape(&self.service))
    }

    /// A container's unit ends with those of what it needs.
    pub(super) fn binds(
        &self,
        container: &Container,
        request: &Request,
    ) -> Vec<(&'static str, Vec<String>)> {
        let mut needs = vec![format!("{}.service", self.service)];
        for id in container.needs() {
            let other = self.containers.iter().find(|other| other.id == id);
            if let Some(other) = other.filter(|other| other.id != self.infra) {
                needs.push(format!("{}.service", request.container_service(other)));
            }
        }
        needs.sort_unstable();
        vec![("BindsTo", needs.clone()), ("After", needs)]
    }

    fn unit(
        &self,
        ctx: &Context,
        pod: &Pod,
        infra: &Container,
        request: &Request,
    ) -> Result<(String, String)> {
        let mut services: Vec<String> = (self.containers.iter())
            .map(|container| format!("{}.service", request.container_service(container)))
            .collect();
        services.sort_unstable();
        let mut unit = Unit {
            name: self.service.clone(),
            relations: vec![("Wants", services.clone()), ("Before", services)],
            stop_timeout: request.stop_timeout.unwrap_or(infra.stop_timeout),
            ..Unit::default()
        };
        let line = (request.take_apart)(&pod.create_command);
        if request.new {
            let line = line.with_context(|| format!("cannot use --new on pod {:?}", pod.name))?;
            self.made_anew(&mut unit, line)?;
        } else {
            let globals = line.map(|line| line.globals).unwrap_or_default();
            start_what_is_there(ctx, &mut unit, infra, request, &globals)?;
        }
        Ok((unit.name.clone(), unit.text(request)))
    }

    fn made_anew(&self, unit: &mut Unit, mut line: CommandLine) -> Result<()> {
        if line.verb != "pod create" {
            bail!(
                "pod does not appear to be created via `rpod pod create`, but by `rpod {}`: only then can it be made anew",
                line.verb
            );
        }
        unit.mounts = "%t/rpod".to_owned();
        let pidfile = format!("%t/{}.pid", escape(&self.service));
        let file = ["--pod-id-file".to_owned(), self.id_file()];
        let globals = line.globals.clone();
        let mut create = words(&globals, &["pod", "create"])?;
        create.extend(["--infra-conmon-pidfile".to_owned(), pidfile.clone()]);
        create.extend(file.clone());
        line.remove(&["infra-conmon-pidfile", "pod-id-file"]);
        // Else the unit would live on when its containers have ended.
        if !line.has("exit-policy") {
            create.push("--exit-policy=stop".to_owned());
        }
        // A machine that lost its power has the last one still; the name may stand after the options.
        let is_named = line.has("name") || !line.words.is_empty();
        if is_named && !line.is_on("replace") {
            line.remove(&["replace"]);
            line.options.push(Given {
                name: "replace".to_owned(),
                value: None,
                text: vec!["--replace".to_owned()],
            });
        }
        create.extend(line.rest().map(escape));
        let of_pod = |verb: &[&str], after: &[&str]| -> Result<Vec<String>> {
            let mut all = words(&globals, &[&["pod"], verb].concat())?;
            all.extend(file.clone());
            all.extend(after.iter().map(|word| (*word).to_owned()));
            Ok(all)
        };
        let timeout = unit.stop_timeout.to_string();
        unit.commands = vec![
            ("ExecStartPre", create),
            ("ExecStart", of_pod(&["start"], &[])?),
            (
                "ExecStop",
                of_pod(&["stop", "--ignore"], &["-t", &timeout])?,
            ),
            ("ExecStopPost", of_pod(&["rm", "--ignore", "-f"], &[])?),
        ];
        unit.kind = vec![("PIDFile", pidfile), ("Type", "forking".to_owned())];
        Ok(())
    }
}
