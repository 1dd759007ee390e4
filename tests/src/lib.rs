//! What the whole-tool tests stand on: the real binaries, a real registry, images made on the spot, terminals, and a clean host
//! afterwards.
//!
//! Each folder beside `src/` is one test program. A test is a function that returns a [`Result`]; an error fails it, and the error
//! made by [`skip`] says that this machine cannot run it. The programs under test are those of `scripts/build`; `RSTACK_BIN_DIR`
//! points at others, and `RPOD`, `RSKOPEO`, `RRUNC`, `RCONMON`, `RPAUSE` replace one of them (by its counterpart, say, to see
//! whether a test asks for what the real tool does).

pub mod bundle;
pub mod command;
pub mod daemon;
pub mod image;
pub mod monitor;
pub mod network;
pub mod programs;
pub mod registry;
pub mod scratch;
pub mod stack;
pub mod terminal;
pub mod trial;
pub mod unruly;
pub mod user;

use std::time::{Duration, Instant};

pub use anyhow::{Context, Error, Result, bail, ensure};
pub use command::{Cmd, Output};
pub use programs::{ours, peer};
pub use scratch::Scratch;
pub use stack::Stack;
pub use terminal::Terminal;
pub use trial::{Trial, run, skip, trial};
pub use unruly::{Asked, Fault, Unruly};

/// Asks again until it is so, for at most ten seconds.
pub fn until(what: &str, mut so: impl FnMut() -> Result<bool>) -> Result<()> {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !so()? {
        ensure!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok(())
}
