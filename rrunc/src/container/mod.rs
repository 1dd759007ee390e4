//! Containers on disk: one directory each below `--root`, and in it
//!
//! - `state.json`, what is known of the container; written whole or not at all;
//! - `exec.fifo`, there from `create` until `start`: the process reads from it
//!   and goes on when `start` writes;
//! - the directory itself, locked (flock) by whoever changes the container.
//!
//! The status is nowhere written: it follows from the process and the fifo.

mod directory;
mod root;
mod state;

pub(crate) use directory::Container;
pub(crate) use root::Root;
pub(crate) use state::{OciState, State, Status, start_time};
