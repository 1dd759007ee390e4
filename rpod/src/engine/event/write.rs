//! Events as the nouns write them. An event that cannot be written is told on standard error; what happened has happened.

use anyhow::{Result, bail};

use super::{Driver, Event, Kind, file, journal};
use crate::engine::Context;
use crate::engine::container::health::History;
use crate::engine::container::health::settings::EVENTS;
use crate::engine::container::inspect;
use crate::engine::container::record::Container;
use crate::engine::image::Image;
use crate::engine::pod::record::Pod;

/// Something happened to a container.
pub fn container(ctx: &Context, status: &str, container: &Container) {
    let mut event = of_container(status, container);
    let wants_data = ctx
        .config
        .containers_conf
        .engine
        .events_container_create_inspect_data;
    if status == "create" && wants_data {
        match inspect::with_size(ctx, container) {
            Ok(value) => event.inspect_data = value.to_string(),
            Err(error) => complain(&error),
        }
    }
    write(ctx, &event);
}

/// It ended, or is removed: with its exit code, where it has one.
pub fn container_end(
    ctx: &Context,
    status: &str,
    container: &Container,
    code: Option<i32>,
    oom: bool,
) {
    let mut event = of_container(status, container);
    event.exit_code = code;
    event.oom_killed = oom.then_some(true);
    write(ctx, &event);
}

/// A process that was run in a container ended.
pub fn exec_died(ctx: &Context, container: &Container, session: &str, code: i32) {
    let mut event = of_container("exec_died", container);
    event.exit_code = Some(code);
    let attributes = event.attributes.get_or_insert_default();
    attributes.insert("execID".to_owned(), session.to_owned());
    write(ctx, &event);
}

/// A health check said something of it.
pub fn health(ctx: &Context, container: &Container, history: &History) {
    if !ctx
        .config
        .containers_conf
        .engine
        .healthcheck_events
        .unwrap_or(true)
    {
        return;
    }
    let last = history.log.last();
    let output = last.map(|check| check.output.clone()).unwrap_or_default();
    let keeps_log = container.health.log_destination == EVENTS;
    write(
        ctx,
        &Event {
            health_status: history.status.clone(),
            health_failing_streak: history.failing_streak,
            health_log: if keeps_log { output } else { String::new() },
            ..of_container("health_status", container)
        },
    );
}

fn of_container(status: &str, container: &Container) -> Event {
    Event {
        id: container.id.clone(),
        image: container.image.name.clone(),
        name: container.name.clone(),
        pod_id: container.pod.clone().unwrap_or_default(),
        attributes: Some(container.labels.clone()),
        ..Event::now(Kind::Container, status)
    }
}

pub fn pod(ctx: &Context, status: &str, pod: &Pod) {
    write(
        ctx,
        &Event {
            id: pod.id.clone(),
            name: pod.name.clone(),
            ..Event::now(Kind::Pod, status)
        },
    );
}

/// `name` is what was typed: a name, a file, nothing.
pub fn image(ctx: &Context, status: &str, image: &Image, name: &str) {
    with_id(ctx, Kind::Image, status, &image.id, name);
}

/// `name` is the artifact's own.
pub fn artifact(ctx: &Context, status: &str, digest: &str, name: &str) {
    with_id(ctx, Kind::Artifact, status, digest, name);
}

/// An image that cannot be read was removed.
pub fn image_removed(ctx: &Context, digest: &str) {
    let id = digest.trim_start_matches("sha256:");
    with_id(ctx, Kind::Image, "remove", id, "");
}

/// A manifest list was removed.
pub fn list_removed(ctx: &Context, id: &str, name: &str) {
    with_id(ctx, Kind::Image, "remove", id, name);
}

/// A manifest list got a name.
pub fn list_tagged(ctx: &Context, id: &str, name: &str) {
    with_id(ctx, Kind::Image, "tag", id, name);
}

/// A manifest list was pushed.
pub fn list_pushed(ctx: &Context, id: &str, destination: &str) {
    with_id(ctx, Kind::Image, "push", id, destination);
}

/// Of rpod as a whole.
pub fn system(ctx: &Context, status: &str) {
    with_id(ctx, Kind::System, status, "", "");
}

/// An image that was wanted in vain.
pub fn image_error(ctx: &Context, status: &str, name: &str, error: &anyhow::Error) {
    write(
        ctx,
        &Event {
            name: name.to_owned(),
            error: format!("{error:#}"),
            ..Event::now(Kind::Image, status)
        },
    );
}

pub fn secret(ctx: &Context, status: &str, id: &str) {
    with_id(ctx, Kind::Secret, status, id, "");
}

fn with_id(ctx: &Context, kind: Kind, status: &str, id: &str, name: &str) {
    write(
        ctx,
        &Event {
            id: id.to_owned(),
            name: name.to_owned(),
            ..Event::now(kind, status)
        },
    );
}

/// A network was made or removed.
pub fn network(ctx: &Context, status: &str, name: &str, id: &str, driver: &str) {
    write(
        ctx,
        &Event {
            id: id.to_owned(),
            network: name.to_owned(),
            attributes: Some([("driver".to_owned(), driver.to_owned())].into()),
            ..Event::now(Kind::Network, status)
        },
    );
}

/// A container was connected to a network, or disconnected.
pub fn network_of(ctx: &Context, status: &str, container: &Container, network: &str) {
    write(
        ctx,
        &Event {
            id: container.id.clone(),
            name: container.name.clone(),
            network: network.to_owned(),
            ..Event::now(Kind::Network, status)
        },
    );
}

pub fn volume(ctx: &Context, status: &str, name: &str) {
    with_id(ctx, Kind::Volume, status, "", name);
}

fn write(ctx: &Context, event: &Event) {
    if let Err(error) = try_write(ctx, event) {
        complain(&error);
    }
}

fn try_write(ctx: &Context, event: &Event) -> Result<()> {
    match ctx.event_driver()? {
        Driver::None => Ok(()),
        Driver::Journald => journal::send(event),
        Driver::File => {
            let (path, max_size) = (ctx.event_log(), ctx.event_log_max_size()?);
            if path.as_os_str().is_empty() {
                bail!("events_logfile_path names no file");
            }
            if file::prepare(&path)? {
                let mut refresh = Event::now(Kind::System, "refresh");
                refresh.time = event.time;
                file::append(&path, max_size, &refresh)?;
            }
            file::append(&path, max_size, event)
        }
    }
}

fn complain(error: &anyhow::Error) {
    eprintln!(
        "time=\"{}\" level=error msg=\"Unable to write event: {}\"",
        jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ"),
        format!("{error:#}").replace('"', "\\\"")
    );
}
