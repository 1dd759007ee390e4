//! `process.rlimits`.

use anyhow::Result;

use crate::spec::Rlimit;

/// Limits with their names resolved.
#[derive(Debug, Clone)]
pub(crate) struct Limits;

impl Limits {
    /// Resolves the names.
    pub(crate) fn prepare(_wanted: &[Rlimit]) -> Result<Limits> {
        Ok(Limits)
    }

    /// Sets the limits of the calling process.
    pub(crate) fn apply(&self) -> Result<()> {
        Ok(())
    }
}
