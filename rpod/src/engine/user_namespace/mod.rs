//! A container's own user namespace: which ids it has ([`map`], [`mode`], [`auto`]; of one mount: [`mount_map`]), and the namespace itself ([`namespace`]).
//!
//! The ids are decided when the container is made and stand in its record. Ids on the outside are those of the namespace that rpod
//! works in: the host's for root, those of the user's own namespace ("intermediate") for others.
//!
//! The namespace is made at each start, before all else, because the network namespace and the root file system depend on it:
//!
//! ```text
//! RUNROOT/userns/<id>             bound; the runtime joins it, and what is made for the container is made to belong to it
//! ROOT/mapped/<map>/<chainID>/    layers unpacked with owners of this map, where the kernel does not map a mount's ids
//! ```

pub mod auto;
pub mod map;
pub mod mode;
pub mod mount_map;
pub mod namespace;

use serde::{Deserialize, Serialize};

pub use map::Maps;

/// Whose users a container has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UserNamespace {
    /// Those of rpod.
    #[default]
    Host,
    Own(Maps),
    /// Those of another container, by its id; the maps are that container's.
    Container(String, Maps),
    /// A namespace file, and the maps that it had when the container was made.
    Path(std::path::PathBuf, Maps),
}

impl UserNamespace {
    /// The maps of another namespace than rpod's.
    pub fn maps(&self) -> Option<&Maps> {
        match self {
            UserNamespace::Own(maps)
            | UserNamespace::Container(_, maps)
            | UserNamespace::Path(_, maps) => Some(maps),
            UserNamespace::Host => None,
        }
    }
}
