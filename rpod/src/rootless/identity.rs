//! Who the person is: their own ids on the host, which inside of the user namespace nobody could tell any more.
//!
//! They are handed down in the environment, under the names that podman and buildah use, so that each of them works inside of
//! another's `unshare`.

use std::path::Path;
use std::sync::OnceLock;

use nix::unistd::{getegid, geteuid};

use super::namespace;

const CONFIGURED: &str = "_CONTAINERS_USERNS_CONFIGURED";
const UID: &str = "_CONTAINERS_ROOTLESS_UID";
const GID: &str = "_CONTAINERS_ROOTLESS_GID";

/// The variables that the monitor has to hand on to the exit command.
pub const VARIABLES: [&str; 3] = [CONFIGURED, UID, GID];

/// An ordinary user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    pub uid: u32,
    pub gid: u32,
}

static IDENTITY: OnceLock<Option<Identity>> = OnceLock::new();

/// Nothing for the host's root.
pub fn identity() -> Option<Identity> {
    *IDENTITY.get_or_init(find)
}

fn find() -> Option<Identity> {
    if !geteuid().is_root() {
        return Some(Identity {
            uid: geteuid().as_raw(),
            gid: getegid().as_raw(),
        });
    }
    // The host's root may have been given the variables by accident; it has them in no user namespace.
    std::env::var_os(CONFIGURED)?;
    if !namespace::is_mapped() {
        return None;
    }
    let number = |name| std::env::var(name).ok()?.parse().ok();
    let outside = |kind| namespace::outside_of(kind, 0);
    Some(Identity {
        uid: number(UID).or_else(|| outside("uid_map"))?,
        gid: number(GID).or_else(|| outside("gid_map"))?,
    })
}

/// Tells every child who the person is and where their runtime files are. Called once the namespaces are joined.
pub(super) fn announce(runtime: &Path) {
    let Some(Identity { uid, gid }) = *IDENTITY.get_or_init(find) else {
        return;
    };
    // SAFETY: rpod has one thread here, so nobody reads the environment meanwhile.
    unsafe {
        std::env::set_var(CONFIGURED, "done");
        std::env::set_var(UID, uid.to_string());
        std::env::set_var(GID, gid.to_string());
        std::env::set_var("XDG_RUNTIME_DIR", runtime);
    }
}
