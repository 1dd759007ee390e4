//! podman and rpod side by side.

use tests::registry::Access;
use tests::stack::Parts;
use tests::{Result, Stack, peer};

/// One stack whose engine is podman, and one whose engine is rpod.
pub(crate) struct Both {
    pub(crate) theirs: Stack,
    pub(crate) ours: Stack,
}

impl Both {
    pub(crate) fn new() -> Result<Both> {
        let ours = Parts::ours()?;
        let parts = Parts {
            engine: peer("podman")?,
            ..ours.clone()
        };
        let both = Both {
            theirs: Stack::of(parts, Access::Plain)?,
            ours: Stack::of(ours, Access::Plain)?,
        };
        both.theirs.pull("alpine:latest")?;
        both.ours.pull("alpine:latest")?;
        Ok(both)
    }

    pub(crate) fn with_a_container() -> Result<Both> {
        let both = Both::new()?;
        both.run("create --name one --network none --memory 64m -v /tmp:/mnt alpine true")?;
        Ok(both)
    }

    /// What podman prints, and what rpod does.
    pub(crate) fn run(&self, line: &str) -> Result<(String, String)> {
        let theirs = self.theirs.rpod(line).ok()?.stdout;
        Ok((theirs, self.ours.rpod(line).ok()?.stdout))
    }
}
