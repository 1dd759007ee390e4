//! What is damaged, and how it is mended: podman-system-check(1).
//!
//! Every noun looks for its own damage (`engine/*/check.rs`); here it is collected and mended, images before layers, since a layer
//! is unpacked anew from the blobs of an image. A running container is never touched without `force`.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Result;

use crate::engine::container::check as containers;
use crate::engine::image::check as images;
use crate::engine::{Context, artifact, pod, quota, secret, volume};

/// How closely to look.
#[derive(Clone, Debug)]
pub struct Asked {
    /// Nothing is read but records and names.
    pub quick: bool,
    /// What nothing refers to and is older is what a cancelled command has left.
    pub max_age: Duration,
}

/// A damaged thing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Thing {
    /// `images/index.json`
    Index,
    /// By its manifest's digest.
    Image(String),
    /// By its chainID.
    Layer(String),
    Container(String),
    Pod(String),
    Volume(String),
    Network(String),
    /// `artifacts/index.json`
    Artifacts,
    /// By its manifest's digest.
    Artifact(String),
    Secret(String),
    /// What a killed process left half-made, or what is left of a thing that is gone.
    Leftover(PathBuf),
}

impl std::fmt::Display for Thing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Thing::Index => f.write_str("list of images"),
            Thing::Image(digest) => write!(f, "image {digest}"),
            Thing::Layer(chain) => write!(f, "layer {chain}"),
            Thing::Container(id) => write!(f, "container {id}"),
            Thing::Pod(id) => write!(f, "pod {id}"),
            Thing::Volume(name) => write!(f, "volume {name}"),
            Thing::Network(name) => write!(f, "network {name}"),
            Thing::Artifacts => f.write_str("list of artifacts"),
            Thing::Artifact(digest) => write!(f, "artifact {digest}"),
            Thing::Secret(id) => write!(f, "secret {id}"),
            Thing::Leftover(path) => write!(f, "remainder {}", path.display()),
        }
    }
}

/// What is wrong with one thing.
#[derive(Clone, Debug)]
pub struct Damage {
    pub thing: Thing,
    pub errors: Vec<String>,
}

impl Damage {
    pub fn one(thing: Thing, error: impl Into<String>) -> Damage {
        Damage {
            thing,
            errors: vec![error.into()],
        }
    }
}

/// Looks for all damage there is.
pub fn check(ctx: &Context, asked: &Asked) -> Result<Vec<Damage>> {
    let mut found = images::check(ctx, asked)?;
    found.extend(containers::check(ctx, asked)?);
    found.extend(pod::check::check(ctx)?);
    found.extend(volume::check::check(ctx)?);
    found.extend(artifact::check::check(ctx, asked)?);
    found.extend(secret::check::check(ctx)?);
    found.sort_by(|a, b| a.thing.cmp(&b.thing));
    Ok(found)
}

/// What was done about a damaged thing.
#[derive(Debug)]
pub struct Mended {
    pub thing: Thing,
    /// Done, left alone for a reason, or an error.
    pub result: Result<Outcome>,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Deleted,
    /// It is whole again.
    Restored(String),
    /// With what has to be done.
    Left(String),
}

/// Mends what was found. With `force` also what costs a container.
pub fn repair(ctx: &Context, found: &[Damage], force: bool) -> Vec<Mended> {
    let mut mended = Vec::new();
    for damage in found {
        let result = match &damage.thing {
            Thing::Index => images::rebuild_index(ctx),
            Thing::Image(digest) => images::drop_image(ctx, digest, force),
            Thing::Layer(chain) => images::mend_layer(ctx, chain, force),
            Thing::Container(id) => containers::mend(ctx, id, force),
            Thing::Pod(id) => pod::check::mend(ctx, id, force),
            Thing::Volume(name) => volume::check::mend(ctx, name),
            Thing::Network(name) => Ok(Outcome::Left(format!(
                "mend its file {}, or remove it with \"rpod network rm {name}\"",
                crate::engine::network::file(ctx, name).display()
            ))),
            Thing::Artifacts => artifact::check::rebuild(ctx),
            Thing::Artifact(digest) => artifact::check::drop_damaged(ctx, digest),
            Thing::Secret(id) => secret::check::mend(ctx, id, force),
            Thing::Leftover(path) => {
                quota::lift(path);
                images::remove_leftover(path).map(|()| Outcome::Deleted)
            }
        };
        mended.push(Mended {
            thing: damage.thing.clone(),
            result,
        });
    }
    mended
}
