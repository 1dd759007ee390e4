//! `docker-archive:path[:name:tag|:@index]`, what `docker save` writes and `docker load` reads: `manifest.json`, which lists
//! images, their configs, and layers as plain tar files.

mod destination;
mod legacy;
mod source;

use serde::{Deserialize, Serialize};

pub use destination::DockerArchiveDestination;
pub use source::{DockerArchiveSource, list_tags};

/// One image in `manifest.json`.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    /// A member's name.
    config: String,
    /// Names with tags; null for an image that has none.
    repo_tags: Option<Vec<String>>,
    /// Members' names, the base layer first.
    layers: Vec<String>,
}
