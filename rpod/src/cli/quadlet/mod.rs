//! `rpod quadlet`: podman-quadlet(1), and the generator that systemd starts.

pub mod generator;
mod install;
mod list;
mod print;
mod rm;

pub use install::Install;
pub use list::List;
pub use print::Print;
pub use rm::Rm;

use anyhow::Result;

use crate::systemd::{is_init, service};

/// Lets systemd see what has changed, where it runs.
fn reload(wanted: bool) -> Result<()> {
    if wanted && is_init() {
        service::reload()?;
    }
    Ok(())
}
