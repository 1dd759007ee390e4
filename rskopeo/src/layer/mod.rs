//! Layers: tar archives that change a tree (image-spec layer.md).
//!
//! ```text
//! compressed bytes ─ thread: decompress ─▶ hash (diffID) ─▶ archive: entries ─▶ extract: openat2 + *at calls ─▶ tree
//! ```
//!
//! A layer is hostile. Nothing in it is resolved as a string by the kernel: names are cleaned, parents are opened with
//! openat2(2) beneath the tree's root and never through a symlink that was not walked by us, and every last
//! component is used relative to its parent's descriptor without following it.

mod archive;
mod attributes;
pub mod chunked;
mod diff;
mod error;
mod extract;
mod limits;
mod mtree;
mod overlay;
mod owners;
mod pack;
mod path;
mod place;
mod ratio;
mod remove;
mod stream;
mod tree;
mod walk;
mod watch;
mod whiteout;
mod xattr;

pub use diff::changes;
pub use error::LayerError;
pub use extract::{Extractor, Form, Options};
pub use limits::Limits;
pub use mtree::{Mtree, describe};
pub use overlay::Unsettled;
pub use owners::{IdMap, Owners};
pub use pack::pack;
pub use stream::{apply, apply_watched};
pub use watch::{Member, Watcher};

#[cfg(test)]
mod tests;
