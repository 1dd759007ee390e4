//! podman-image-tree(1)

use std::fmt::Write as _;

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::image::{self, Image};
use crate::output;
use crate::store::id;

#[derive(Args, Debug)]
pub struct Tree {
    /// Show all child images and layers of the specified image
    #[arg(long)]
    whatrequires: bool,
    /// Name or id of an image
    image: String,
}

impl Verb for Tree {
    const NAME: &'static str = "tree";
    const ABOUT: &'static str = "Print layer hierarchy of an image in a tree format";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let image = image::find(&ctx, &self.image)?;
        let all = image::all_with_lent(&ctx)?;
        let mut text = String::new();
        writeln!(text, "Image ID: {}", id::short(&image.id))?;
        writeln!(text, "Tags:     [{}]", image.names.join(" "))?;
        writeln!(text, "Size:     {}", output::human_size(image.size()?))?;
        match image.layers.last() {
            None => writeln!(text, "No Image Layers")?,
            Some(_) => writeln!(text, "Image Layers")?,
        }
        let sizes = image.layer_sizes()?;
        let last = image.layers.len().saturating_sub(1);
        for (at, (layer, size)) in image.layers.iter().zip(&sizes).enumerate() {
            let ends = at == last && !self.whatrequires;
            line(&mut text, "", ends, layer, *size, &all)?;
        }
        if self.whatrequires {
            below(&mut text, &all, &image.layers, "")?;
        }
        print!("{text}");
        Ok(0)
    }
}

fn line(
    text: &mut String,
    indent: &str,
    ends: bool,
    layer: &str,
    size: u64,
    all: &[Image],
) -> Result<()> {
    let branch = if ends { "└── " } else { "├── " };
    let size = output::image_size(size).replace(' ', "");
    let top_of: Vec<&str> = all
        .iter()
        .filter(|image| image.layers.last().is_some_and(|top| top == layer))
        .flat_map(|image| image.names.iter().map(String::as_str))
        .collect();
    write!(
        text,
        "{indent}{branch}ID: {} Size: {size:>7}",
        id::short(layer)
    )?;
    if !top_of.is_empty() {
        write!(text, " Top Layer of: [{}]", top_of.join(" "))?;
    }
    Ok(writeln!(text)?)
}

/// The layers that stand directly on a stack of them, and what stands on those.
fn below(text: &mut String, all: &[Image], stack: &[String], indent: &str) -> Result<()> {
    let mut next: Vec<(String, u64)> = Vec::new();
    for image in all {
        if image.layers.len() > stack.len()
            && image.layers.starts_with(stack)
            && !next
                .iter()
                .any(|(layer, _)| *layer == image.layers[stack.len()])
        {
            next.push((
                image.layers[stack.len()].clone(),
                image.layer_sizes()?[stack.len()],
            ));
        }
    }
    let count = next.len();
    for (at, (layer, size)) in next.into_iter().enumerate() {
        let ends = at + 1 == count;
        line(text, indent, ends, &layer, size, all)?;
        let deeper = format!("{indent}{}", if ends { "    " } else { "│   " });
        below(text, all, &[stack, &[layer]].concat(), &deeper)?;
    }
    Ok(())
}
