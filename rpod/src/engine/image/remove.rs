//! Removal of a name or of an image.

use anyhow::Result;
use thiserror::Error;

use super::{Filters, Image, ImageError, Subject, double, mount, summary};
use crate::engine::filter::split;
use crate::engine::layout::Layout;
use crate::engine::system::check::Outcome;
use crate::engine::volume::{self, backing};
use crate::engine::{Context, container, event, pod};
use crate::store::readable::Damaged;

/// What a removal did.
#[derive(Debug, Default)]
pub struct Removed {
    pub untagged: Vec<String>,
    /// Id of the image, if it is gone and not only a name of it.
    pub deleted: Option<String>,
}

#[derive(Debug, Error)]
pub enum RemoveError {
    #[error(
        "image used by {0}: image is in use by a container: consider listing external containers and force-removing image"
    )]
    InUse(String),
    #[error("image used by volume {0}: remove that first, or it goes with --force")]
    OfVolume(String),
    #[error("image {0} is mounted: unmount it first, or remove it with --force")]
    Mounted(String),
    #[error(
        "unable to delete image {id:?} by ID with more than one tag ([{names}]): please force removal"
    )]
    ManyNames { id: String, names: String },
}

impl RemoveError {
    /// True if a volume or a container other than this one uses the image.
    pub fn is_in_use_beside(error: &anyhow::Error, container: &str) -> bool {
        match error.downcast_ref() {
            Some(Self::InUse(user)) => user != container,
            other => matches!(other, Some(Self::OfVolume(_))),
        }
    }

    /// True if the image is in use, or was removed by somebody else meanwhile.
    pub fn is_of_others(error: &anyhow::Error) -> bool {
        let gone = matches!(error.downcast_ref(), Some(ImageError::NotKnown(_)));
        gone || matches!(
            error.downcast_ref(),
            Some(Self::InUse(_) | Self::OfVolume(_) | Self::Mounted(_))
        )
    }

    /// podman-rmi(1), "Exit Status": 1 if there is no such image, 2 if a container uses it.
    pub fn exit_code(error: &anyhow::Error) -> u8 {
        match (
            error.downcast_ref::<Self>(),
            error.downcast_ref::<ImageError>(),
        ) {
            (Some(Self::InUse(_) | Self::OfVolume(_)), _) => 2,
            (_, Some(ImageError::NotKnown(_))) => 1,
            _ => 125,
        }
    }
}

/// Remove what `text` names: a name where the image has others, else the image, and with `force` the
/// containers that use it. Blobs and layers stay until [`super::sweep`].
pub fn remove(context: &Context, text: &str, force: bool) -> Result<Removed> {
    if super::list::exists(context, text)? {
        let (untagged, deleted) = super::list::remove(context, text)?;
        return Ok(Removed { untagged, deleted });
    }
    let image = match super::find(context, text) {
        Err(damage) if damage.is::<Damaged>() => {
            return remove_damaged(context, text, force, damage);
        }
        image => image?,
    };
    image.must_be_own(context, "remove")?;
    let (image, digests) = double::whole(context, image)?;
    if image.names.len() > 1 {
        if let Some(name) = super::full_name(context, text)? {
            let layout = Layout::images(&context.store);
            layout.edit(|index| {
                index.drop_name(&name);
                Ok(())
            })?;
            event::image(context, "untag", &image, &name);
            double::forget_nameless(context)?;
            return Ok(Removed {
                untagged: vec![name],
                deleted: None,
            });
        }
        refuse_in_use(context, &image, force)?;
        if !force {
            return Err(RemoveError::ManyNames {
                names: image.names.join(" "),
                id: image.id,
            }
            .into());
        }
    }
    forget(context, image, &digests, force)
}

/// Removes an image with all its names.
pub fn remove_whole(context: &Context, image: Image, force: bool) -> Result<Removed> {
    image.must_be_own(context, "remove")?;
    let (image, digests) = double::whole(context, image)?;
    forget(context, image, &digests, force)
}

fn forget(context: &Context, image: Image, digests: &[String], force: bool) -> Result<Removed> {
    if force {
        for id in users(context, &image.id)? {
            let user = container::load(context, &id)?;
            match &user.pod {
                // A pod is not without its infra container.
                Some(pod) if user.infra => {
                    pod::remove::remove(context, &pod::load(context, pod)?, true, None)?;
                }
                _ => container::remove::remove(context, &user, true, None)?,
            }
        }
        for volume in backing::of_image(context, &image.id)? {
            volume::remove::remove(context, &volume, true, None)?;
        }
    }
    refuse_in_use(context, &image, false)?;
    if mount::is_mounted(context, &image.id)? {
        if !force {
            return Err(RemoveError::Mounted(image.id).into());
        }
        mount::unmount(context, &image)?;
    }
    Layout::images(&context.store).edit(|index| {
        // Whoever begins to use it now finds it gone.
        refuse_in_use(context, &image, false)?;
        digests.iter().for_each(|digest| index.forget(digest));
        Ok(())
    })?;
    for name in &image.names {
        event::image(context, "untag", &image, name);
    }
    event::image(context, "remove", &image, &image.id);
    Ok(Removed {
        untagged: image.names,
        deleted: Some(image.id),
    })
}

/// The same of one that cannot be read. It has no id then: its manifest's digest stands for it.
fn remove_damaged(
    context: &Context,
    text: &str,
    force: bool,
    damage: anyhow::Error,
) -> Result<Removed> {
    let layout = Layout::images(&context.store);
    let index = layout.index()?;
    let Some(digest) = super::find_by_name(&index, text)?.map(str::to_owned) else {
        return Err(damage);
    };
    let names = index.names_of(&digest);
    if names.len() > 1
        && let Some(name) = super::stored_name(&index, text)?
    {
        layout.edit(|index| {
            index.drop_name(&name);
            Ok(())
        })?;
        return Ok(Removed {
            untagged: vec![name],
            deleted: None,
        });
    }
    match super::check::drop_image(context, &digest, force)? {
        Outcome::Left(_) => {
            let users = summary::containers_by_digest(context, &digest)?;
            Err(RemoveError::InUse(users.join(", ")).into())
        }
        _ => Ok(Removed {
            untagged: names,
            deleted: Some(digest),
        }),
    }
}

/// Removes the images that no container uses and that have no name (or, with `all`, have one); their ids are the answer.
pub fn prune(context: &Context, all: bool, filters: &[String]) -> Result<Vec<String>> {
    for text in filters {
        split(text)?;
    }
    let filters = Filters::parse(context, filters)?;
    double::forget_nameless(context)?;
    let mut gone = Vec::new();
    for image in super::all(context)? {
        if !all && !image.names.is_empty() || mount::is_mounted(context, &image.id)? {
            continue;
        }
        if !filters.takes(context, &Subject::from(&image))? {
            continue;
        }
        let removed = Layout::images(&context.store).edit(|index| {
            let unused = users(context, &image.id)?.is_empty()
                && backing::of_image(context, &image.id)?.is_empty();
            if unused {
                index.forget(&image.digest);
            }
            Ok(unused)
        })?;
        if removed {
            event::image(context, "remove", &image, &image.id);
            gone.push(image.id);
        }
    }
    super::sweep(context)?;
    Ok(gone)
}

/// Containers that are made from it, or that run with it for a mount.
fn users(context: &Context, image: &str) -> Result<Vec<String>> {
    let mut users = summary::containers_of(context, image)?;
    for id in mount::containers_of(context, image)? {
        if !users.contains(&id) {
            users.push(id);
        }
    }
    Ok(users)
}

/// Fails if something uses the image.
pub fn must_be_unused(context: &Context, image: &Image) -> Result<()> {
    refuse_in_use(context, image, false)
}

fn refuse_in_use(context: &Context, image: &Image, force: bool) -> Result<()> {
    if force {
        return Ok(());
    }
    if let Some(user) = users(context, &image.id)?.first() {
        return Err(RemoveError::InUse(user.clone()).into());
    }
    match backing::of_image(context, &image.id)?.first() {
        Some(volume) => Err(RemoveError::OfVolume(volume.name.clone()).into()),
        None => Ok(()),
    }
}
