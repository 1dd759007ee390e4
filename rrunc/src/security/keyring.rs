//! The session keyring.

use anyhow::Result;

/// Gives the calling process a session keyring of its own, named after the container.
pub(crate) fn join_new(_id: &str) -> Result<()> {
    Ok(())
}
