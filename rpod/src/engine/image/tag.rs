//! Names given and taken.

use anyhow::{Result, bail};

use super::{Image, Name, double, lent};
use crate::engine::layout::Layout;
use crate::engine::{Context, event};

/// Give the image another name; a short one is `localhost/…`.
pub fn tag(context: &Context, image: &Image, typed: &str) -> Result<()> {
    let name = local(typed)?;
    if name.digest.is_some() {
        bail!("tag by digest not supported: {name} names a digest");
    }
    lent::take_over(context, image)?;
    Layout::images(&context.store)
        .edit(|index| index.add_name(&image.digest, &name.to_string()))?;
    event::image(context, "tag", image, typed);
    Ok(())
}

/// Take names from the image, all of them if none is given.
pub fn untag(context: &Context, image: &Image, names: &[String]) -> Result<()> {
    image.must_be_own(context, "untag")?;
    let (image, _) = double::whole(context, image.clone())?;
    let gone = Layout::images(&context.store).edit(|index| {
        let mut gone = Vec::new();
        for name in names {
            // A digest says which image is meant; as a name it is taken only where it is one.
            let is_meant = |stored: &String| {
                image.names.contains(stored) && stored.contains('@') == name.contains('@')
            };
            match super::stored_name(index, name)?.filter(is_meant) {
                Some(stored) => gone.push(stored),
                None => bail!("{}: tag not known", local(name)?.normalized()),
            }
        }
        if names.is_empty() {
            gone.clone_from(&image.names);
        }
        for name in &gone {
            index.drop_name(name);
        }
        Ok(gone)
    })?;
    for name in &gone {
        event::image(context, "untag", &image, name);
    }
    Ok(())
}

fn local(name: &str) -> Result<Name> {
    let name = Name::parse(name)?;
    Ok(if name.is_short() {
        name.at("localhost")
    } else {
        name
    }
    .normalized())
}
