//! podman-system-migrate(1)

use std::path::{Path, PathBuf};

use anyhow::Result;
use clap::Args;

use crate::cli::verb::Refused;
use crate::cli::{Globals, Verb, tell};
use crate::engine::container::migrate::to_runtime;
use crate::engine::container::record::Container;
use crate::engine::container::restart::EndedBy;
use crate::engine::container::{self, stop};
use crate::engine::{Context, rootless};
use crate::rootless::end_holder;

#[derive(Args, Debug)]
pub struct Migrate {
    /// Set a new OCI runtime for all containers
    #[arg(long, value_name = "RUNTIME")]
    new_runtime: Option<String>,
}

impl Verb for Migrate {
    const NAME: &'static str = "migrate";
    const ABOUT: &'static str = "Migrate containers";
    const REFUSED: &'static [Refused] = &[(
        "migrate-db",
        "rpod keeps its records in plain files, so there is no database to migrate",
    )];

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let new = self
            .new_runtime
            .map(|runtime| found(globals, runtime))
            .transpose()?;
        let mut code = 0;
        for container in container::all(&ctx)? {
            if let Err(error) = migrate(&ctx, &container, new.as_deref()) {
                code = tell(&error);
            }
        }
        // So that a changed /etc/subuid holds for what is started next. Containers that did not stop would be left in namespaces
        // that nobody finds.
        if rootless() && code == 0 {
            end_holder()?;
        }
        Ok(code)
    }
}

/// Where the runtime is that is called so.
fn found(globals: &Globals, runtime: String) -> Result<PathBuf> {
    let mut globals = globals.clone();
    globals.runtime = Some(runtime);
    Context::new(&globals)?.runtime()
}

fn migrate(ctx: &Context, container: &Container, runtime: Option<&Path>) -> Result<()> {
    let active = ctx.store.status(&container.id)?.is_active();
    if active && (rootless() || runtime.is_some()) {
        stop::stop(ctx, container, container.stop_timeout, EndedBy::Person)?;
    }
    match runtime {
        // One of --rm is gone by now.
        Some(runtime) if container::load(ctx, &container.id).is_ok() => {
            to_runtime(ctx, container, runtime)
        }
        _ => Ok(()),
    }
}
