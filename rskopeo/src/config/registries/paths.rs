//! Which files are read, in their order.

use std::env;
use std::path::PathBuf;
use std::sync::OnceLock;

use anyhow::Result;

use crate::config::search;

static CHOSEN: OnceLock<PathBuf> = OnceLock::new();

/// From now on this one in the place of the user's or the system's.
pub(super) fn choose(path: PathBuf) {
    // There is one command line, so it is set once.
    CHOSEN.set(path).ok();
}

/// `--registries-conf` leaves the `.d` directories as they are; who names a file in the environment wants no other, but for one that is
/// named to come after it.
pub(super) fn all() -> Result<Vec<PathBuf>> {
    let given = |name| env::var_os(name).filter(|path| !path.is_empty());
    let mut files = match (CHOSEN.get(), given("CONTAINERS_REGISTRIES_CONF")) {
        (Some(chosen), _) => vec![chosen.clone()],
        (None, Some(given)) => vec![given.into()],
        (None, None) => search::main_file("registries.conf").into_iter().collect(),
    };
    if CHOSEN.get().is_some() || given("CONTAINERS_REGISTRIES_CONF").is_none() {
        files.extend(search::drop_ins("registries")?);
    }
    files.extend(given("CONTAINERS_REGISTRIES_CONF_OVERRIDE").map(PathBuf::from));
    Ok(files)
}
