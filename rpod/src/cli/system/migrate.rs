//! podman-system-migrate(1)

use anyhow::Result;
use clap::Args;

use crate::cli::verb::Refused;
use crate::cli::{Globals, Verb, tell};
use crate::engine::container::restart::EndedBy;
use crate::engine::container::{self, stop};
use crate::engine::{Context, rootless};
use crate::rootless::end_holder;

#[derive(Args, Debug)]
pub struct Migrate {}

impl Verb for Migrate {
    const NAME: &'static str = "migrate";
    const ABOUT: &'static str = "Migrate containers";
    const REFUSED: &'static [Refused] = &[
        (
            "migrate-db",
            "rpod keeps its records in plain files, so there is no database to migrate",
        ),
        (
            "new-runtime",
            "a container is started by the runtime of the command that starts it: use `rpod --runtime`, or set runtime in containers.conf",
        ),
    ];

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let mut code = 0;
        // So that a changed /etc/subuid holds for what is started next.
        if rootless() {
            for container in container::all(&ctx)? {
                if ctx.store.status(&container.id)?.is_active()
                    && let Err(error) =
                        stop::stop(&ctx, &container, container.stop_timeout, EndedBy::Person)
                {
                    code = tell(&error);
                }
            }
            // Containers that did not stop would be left in namespaces that nobody finds.
            if code == 0 {
                end_holder()?;
            }
        }
        Ok(code)
    }
}
