//! What a container is given beside its root file system gets its SELinux label before it sees it.

use std::path::Path;

use anyhow::Result;

use super::record::Container;
use crate::bundle::files::Bound;
use crate::engine::selinux::{self, label_file};

/// Labels the files that were made for the container, if it has a label. Those of another container have that one's.
pub(super) fn label(container: &Container, home: &Path, run: &Path, files: &[Bound]) -> Result<()> {
    let Some(own) = &container.security.mount_label else {
        return Ok(());
    };
    let several = selinux::shared(own)?;
    for bound in files {
        if !bound.source.starts_with(run) && !bound.source.starts_with(home) {
            continue;
        }
        // Who joins the network sees them, too.
        let is_of_the_network = ["/etc/hosts", "/etc/resolv.conf"]
            .iter()
            .any(|name| bound.destination.ends_with(name));
        label_file(
            &bound.source,
            if is_of_the_network { &several } else { own },
        )?;
    }
    for (directory, label) in [
        (home.join("secrets"), own),
        (run.join("subscriptions"), own),
        (home.join("notify"), &several),
    ] {
        if directory.exists() {
            label_file(&directory, label)?;
        }
    }
    Ok(())
}
