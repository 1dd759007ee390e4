//! A container is made: id, directory, name, place in its pod, record, in this order.
//!
//! The directory is locked from its first moment. A process killed half-way leaves a directory without a record, which nobody
//! holds a lock on: its name is free again, and `rm --all` sweeps it.

use std::fs;

use anyhow::{Context as _, Result, bail};

use super::record::Container;
use crate::bundle;
use crate::engine::image::{self, Access, ContainerConfig, Image, ImageError, Platform};
use crate::engine::layout::Layout;
use crate::engine::{Context, apparmor, artifact, cgroup, event, pod, secret, selinux, volume};
use crate::store::record::Durability;
use crate::store::{Lock, Noun, id};
use crate::systemd::notify::Readiness;

/// Makes the container and gives it its id, and a name if it has none. The image lock keeps its layers while nothing names them.
pub fn create(ctx: &Context, mut container: Container) -> Result<Container> {
    // A directory in an image's place says nothing of a command; the runtime does not find one then.
    let has_image = container.pause.is_none() && container.rootfs.is_none();
    if has_image && container.process.args().is_empty() {
        bail!("no command or entrypoint provided, and no CMD or ENTRYPOINT from image");
    }
    if container.sdnotify == Readiness::Healthy && container.health.test.is_empty() {
        bail!("sdnotify policy \"healthy\" requires a healthcheck to be set: invalid argument");
    }
    bundle::check(&container)?;
    apparmor::settle(
        &ctx.config.containers_conf.containers,
        &mut container.security,
    )?;
    cgroup::delegation::settle(ctx, &mut container)?;
    // An infra container's is in its pod's record already.
    if container.id.is_empty() {
        container.id = id::new()?;
    }
    settle_log(&mut container)?;
    super::root::settle_quota(&mut container)?;
    container.created = jiff::Timestamp::now().to_string();
    let runtime = ctx.runtime()?;
    container.runtime = Some(
        std::path::absolute(&runtime).with_context(|| format!("finding {}", runtime.display()))?,
    );
    let home = container.home(ctx);
    fs::create_dir_all(ctx.store.all(Noun::Container))
        .with_context(|| format!("making {}", ctx.store.all(Noun::Container).display()))?;
    fs::create_dir(&home).with_context(|| format!("making {}", home.display()))?;
    let lock = Lock::exclusive(&home)?;
    let made = name_and_record(ctx, &mut container);
    if made.is_err() {
        super::remove::erase(ctx, &container)?;
    }
    drop(lock);
    made?;
    event::container(ctx, "create", &container);
    Ok(container)
}

/// In a directory for logs the container has one of its own.
fn settle_log(container: &mut Container) -> Result<()> {
    let Some(directory) = container.log_file.as_ref().filter(|path| path.is_dir()) else {
        return Ok(());
    };
    let own = directory.join(&container.id);
    fs::create_dir(&own)
        .with_context(|| format!("failed to create container log directory {}", own.display()))?;
    container.log_file = Some(own.join("ctr.log"));
    Ok(())
}

fn name_and_record(ctx: &Context, container: &mut Container) -> Result<()> {
    if container.name.is_empty() {
        container.name = ctx.store.take_any_name(Noun::Container, &container.id)?;
    } else {
        ctx.store
            .take_name(Noun::Container, &container.name, &container.id)?;
    }
    selinux::settle(ctx, container)?;
    super::root::make_limited(container, &container.home(ctx))?;
    for mount in &container.mounts {
        if mount.kind == "artifact" {
            artifact::find(ctx, &mount.source)?;
        }
    }
    let _volumes = volume::lock_shared(ctx)?;
    volume::attach::attach(ctx, container)?;
    super::dependency::note(ctx, container)?;
    if let Some(pod) = &container.pod {
        pod::enter(ctx, pod, &container.id)?;
    }
    // A container that ends with the machine's run needs no record that outlives it.
    let durability = if container.remove {
        Durability::Process
    } else {
        Durability::Disk
    };
    secret::attach::copy(ctx, container, durability)?;
    container.save(ctx, durability)
}

/// Holds off the sweep of layers that no container names yet. Taken before the image is looked up, kept until the record is there.
pub fn lock_images(ctx: &Context) -> Result<Lock> {
    Layout::images(&ctx.store).hold()
}

/// Takes over from the image what was not asked for.
pub fn apply_image(
    ctx: &Context,
    container: &mut Container,
    raw_name: &str,
    image: &Image,
    entrypoint: Option<Vec<String>>,
) -> Result<()> {
    let config = image.config.config.clone().unwrap_or_default();
    name_image(ctx, container, raw_name, image, &config)?;
    apply_config(container, &config, entrypoint);
    Ok(())
}

/// Whose files the container has. Of an image's names it is the one that was asked for.
pub fn name_image(
    ctx: &Context,
    container: &mut Container,
    raw_name: &str,
    image: &Image,
    config: &ContainerConfig,
) -> Result<()> {
    let asked = image::full_name(ctx, raw_name)?;
    container.image = super::record::Image {
        id: image.id.clone(),
        name: asked
            .as_ref()
            .filter(|name| image.names.contains(name))
            .or(image.names.first())
            .unwrap_or(&image.id)
            .clone(),
        raw_name: raw_name.to_owned(),
        digest: image.digest.clone(),
        layers: image.layers.clone(),
        volumes: config
            .volumes
            .iter()
            .flatten()
            .map(|(path, _)| path.clone())
            .collect(),
    };
    Ok(())
}

/// What an image says of the containers made of it, where nothing else was asked for.
pub fn apply_config(
    container: &mut Container,
    config: &ContainerConfig,
    entrypoint: Option<Vec<String>>,
) {
    let process = &mut container.process;
    let image_command = config.cmd.clone().unwrap_or_default();
    match entrypoint {
        // Another entrypoint makes the image's arguments meaningless.
        Some(entrypoint) => process.entrypoint = entrypoint,
        None => {
            process.entrypoint = config.entrypoint.clone().unwrap_or_default();
            if process.command.is_empty() {
                process.command = image_command;
            }
        }
    }
    let mut env = config.env.clone().unwrap_or_default();
    env.append(&mut process.env);
    process.env = env;
    if process.workdir.is_empty() {
        process.workdir = config.working_dir.clone();
    }
    if process.user.is_empty() {
        process.user = config.user.clone();
    }
    for (key, value) in config.labels.iter().flatten() {
        container
            .labels
            .entry(key.clone())
            .or_insert_with(|| value.clone());
    }
    if container.stop_signal == 0 {
        container.stop_signal =
            super::stop::signal_number(config.stop_signal.as_deref().unwrap_or_default())
                .unwrap_or(libc::SIGTERM);
    }
}

/// The image of the store with its layers unpacked, pulled if it is not there.
pub fn image(ctx: &Context, name: &str) -> Result<Image> {
    match local_image(ctx, name)? {
        Some(image) => Ok(image),
        None => image::pull(ctx, name, &Access::default(), &Platform::default()),
    }
}

/// The image of the store with its layers unpacked, or nothing.
pub fn local_image(ctx: &Context, name: &str) -> Result<Option<Image>> {
    match image::find(ctx, name) {
        Ok(image) => {
            image::unpack_missing_layers(ctx, &image)?;
            Ok(Some(image))
        }
        Err(error) if matches!(error.downcast_ref(), Some(ImageError::NotHere(..))) => {
            let Some(source) = image::list::source_for_here(ctx, name)? else {
                return Err(error);
            };
            let image = image::pull(ctx, &source, &Access::default(), &Platform::default())?;
            image::unpack_missing_layers(ctx, &image)?;
            Ok(Some(image))
        }
        Err(error) if matches!(error.downcast_ref(), Some(ImageError::NotKnown(_))) => Ok(None),
        Err(error) => Err(error),
    }
}
