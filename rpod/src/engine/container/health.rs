//! What the health checks of a container said: `ROOT/containers/<id>/healthcheck.log`, in podman's form.

use serde::{Deserialize, Serialize};

use super::record::Container;
use crate::engine::Context;
use crate::store::record;

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct History {
    pub status: String,
    pub failing_streak: u32,
    pub log: Vec<Check>,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "PascalCase")]
pub struct Check {
    /// RFC 3339.
    pub start: String,
    pub end: String,
    pub exit_code: i32,
    pub output: String,
}

/// `starting`, `healthy` or `unhealthy`; nothing for a container without checks.
pub fn status(ctx: &Context, container: &Container) -> Option<String> {
    let history: Option<History> =
        record::load_if_there(&container.home(ctx).join("healthcheck.log")).ok()?;
    history.map(|history| history.status)
}
