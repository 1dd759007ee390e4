//! `linux.personality` (personality(2)).

use anyhow::{Context, Result, bail, ensure};
use nix::errno::Errno;

use crate::spec::Personality;

/// PER_LINUX and PER_LINUX32 of linux/personality.h.
const LINUX: libc::c_ulong = 0;
const LINUX32: libc::c_ulong = 8;

/// An execution domain.
#[derive(Debug)]
pub(super) struct Domain(libc::c_ulong);

impl Domain {
    pub(super) fn new(wanted: &Personality) -> Result<Domain> {
        // The specification names the list and defines no flag.
        ensure!(
            wanted.flags.is_empty(),
            "flags: the specification defines none: remove {:?}",
            wanted.flags
        );
        match wanted.domain.as_str() {
            "LINUX" => Ok(Domain(LINUX)),
            "LINUX32" => Ok(Domain(LINUX32)),
            other => bail!("domain: {other:?} is neither LINUX nor LINUX32"),
        }
    }

    pub(super) fn apply(&self) -> Result<()> {
        // SAFETY: takes a number only.
        let done = unsafe { libc::personality(self.0) };
        Errno::result(done).map(drop).context("personality")
    }
}
