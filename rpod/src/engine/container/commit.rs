//! An image of a container as it is now: podman-commit(1).

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::{Value, json};

use super::mount::Reached;
use super::record::Container;
use super::status::Status;
use crate::engine::files::Root;
use crate::engine::files::pack::{Form, Packer};
use crate::engine::image::assemble::{self, Base, Kind, Told};
use crate::engine::image::{self, change};
use crate::engine::layout::{Blob, Layout};
use crate::engine::{Context, event, host, runtime};
use crate::store::record;

#[derive(Debug, Default)]
pub struct Commit {
    pub author: String,
    pub changes: Vec<String>,
    /// A configuration whose values win over the container's.
    pub config: Option<Value>,
    pub kind: Kind,
    pub include_volumes: bool,
    pub message: String,
    pub pause: bool,
    /// Nothing is told of how far it is.
    pub quiet: bool,
    pub squash: bool,
    /// The whole name; none leaves the image without.
    pub name: Option<String>,
}

/// Makes the image; its id is the answer.
pub fn commit(ctx: &Context, container: &Container, asked: &Commit) -> Result<String> {
    if container.rootfs.is_some() {
        bail!(
            "cannot commit a container that uses an exploded rootfs: rpod export and rpod import make an image of it"
        );
    }
    let _images = super::create::lock_images(ctx)?;
    let mut base = base(ctx, container)?;
    let mut config = settings(container, &base.config["config"], asked);
    if let Some(more) = &asked.config {
        for (key, value) in more.as_object().into_iter().flatten() {
            config[key] = value.clone();
        }
    }
    for text in &asked.changes {
        change::apply(&mut config, text)?;
    }
    let told = Told { quiet: asked.quiet };
    told.begin();
    let layer = layer(ctx, container, asked)?;
    let now = jiff::Timestamp::now().to_string();
    let entry = json!({
        "created": now,
        "created_by": container.process.args().join(" "),
        "author": asked.author,
        "comment": format!("FROM {}", container.image.name),
    });
    if asked.squash || !base.config["history"].is_array() {
        base.config["history"] = json!([]);
    }
    if asked.squash {
        base.layers.clear();
        base.config["rootfs"]["diff_ids"] = json!([]);
    }
    if let Some(history) = base.config["history"].as_array_mut() {
        // An image may tell nothing of some of its layers; ours is not one of those.
        let told = history
            .iter()
            .filter(|entry| entry["empty_layer"] != true)
            .count();
        for _ in told..base.layers.len() {
            history.insert(0, json!({ "created": now }));
        }
        history.push(entry);
    }
    base.config["config"] = config;
    base.config["created"] = json!(now);
    if !asked.author.is_empty() {
        base.config["author"] = json!(asked.author);
    }
    if !asked.message.is_empty() {
        base.config["comment"] = json!(asked.message);
    }
    let id = assemble::put_image(ctx, base, &layer, asked.kind, asked.name.as_deref(), told)?;
    event::container(ctx, "commit", container);
    Ok(id)
}

fn base(ctx: &Context, container: &Container) -> Result<Base> {
    if container.image.id.is_empty() {
        let config = json!({ "architecture": host::go_arch(), "os": "linux", "rootfs": { "type": "layers", "diff_ids": [] } });
        return Ok(Base {
            config,
            ..Base::default()
        });
    }
    let image = image::find(ctx, &container.image.id).with_context(|| {
        format!(
            "container {} needs its image to be committed",
            container.name
        )
    })?;
    image::copy_blobs(ctx, &image)?;
    Base::of(&ctx.store, &image)
}

/// The image's settings with what the container was made with.
fn settings(container: &Container, image: &Value, asked: &Commit) -> Value {
    let mut config = if image.is_object() {
        image.clone()
    } else {
        json!({})
    };
    let process = &container.process;
    // The image's arguments are not those of another entrypoint.
    for (key, words) in [
        ("Cmd", &process.command),
        ("Entrypoint", &process.entrypoint),
    ] {
        config[key] = json!((!words.is_empty()).then_some(words));
    }
    let mut set = |key: &str, value: Value| {
        config[key] = value;
    };
    set("Env", json!(process.env));
    set(
        "WorkingDir",
        json!(if process.workdir.is_empty() {
            "/"
        } else {
            &process.workdir
        }),
    );
    if !process.user.is_empty() {
        set("User", json!(process.user));
    }
    if !container.labels.is_empty() {
        set("Labels", json!(container.labels));
    }
    if let Ok(signal) = nix::sys::signal::Signal::try_from(container.stop_signal)
        && signal != nix::sys::signal::Signal::SIGTERM
    {
        set("StopSignal", json!(signal.as_str()));
    }
    for port in container.network.exposed_and_published() {
        config["ExposedPorts"][port] = json!({});
    }
    if asked.include_volumes {
        for mount in &container.mounts {
            config["Volumes"][&mount.destination] = json!({});
        }
    }
    config
}

/// What the container changed, or all its files; paused meanwhile, if asked.
fn layer(ctx: &Context, container: &Container, asked: &Commit) -> Result<Blob> {
    let reached = Reached::new(ctx, container)?;
    let running = matches!(ctx.store.status(&container.id)?, Status::Running(_));
    let _paused = (asked.pause && running)
        .then(|| Paused::new(ctx, container))
        .transpose()?;
    let (root, form) = if asked.squash {
        (reached.own()?, Form::Plain)
    } else {
        (Root::open(&container.home(ctx).join("upper"))?, Form::Layer)
    };
    Layout::images(&ctx.store).put_blob(|out| {
        let mounts = mount_points(ctx, container).into_iter();
        let mut packer = Packer::new(out, form).of(container).without(mounts);
        packer.add(&root, Path::new("/"), None)?;
        packer.finish().map(drop)
    })
}

/// Where something was mounted when it ran last.
fn mount_points(ctx: &Context, container: &Container) -> Vec<PathBuf> {
    let config = container.home(ctx).join("config.json");
    // One that never ran has none, and one that cannot be read is as good as none.
    let config: Value = record::load(&config).unwrap_or_default();
    let mounts = config["mounts"].as_array().into_iter().flatten();
    let places = mounts.filter_map(|mount| mount["destination"].as_str());
    places.map(PathBuf::from).collect()
}

/// A container that goes on when this value goes.
struct Paused<'a>(&'a Context, &'a Container);

impl<'a> Paused<'a> {
    fn new(ctx: &'a Context, container: &'a Container) -> Result<Paused<'a>> {
        if container.resources.no_cgroup {
            bail!(
                "container {} has no cgroup, so it cannot be paused: commit it without --pause",
                container.name
            );
        }
        runtime::call(ctx, container, &["pause", &container.id])
            .with_context(|| format!("pausing container {}", container.name))?;
        Ok(Paused(ctx, container))
    }
}

impl Drop for Paused<'_> {
    fn drop(&mut self) {
        let Paused(ctx, container) = self;
        if let Err(error) = runtime::call(ctx, container, &["resume", &container.id]) {
            eprintln!(
                "Error: container {} stays paused: {error:#}",
                container.name
            );
        }
    }
}
