//! `rpod container cleanup`: podman-container-cleanup(1). conmon runs it when a container has ended.

use anyhow::Result;
use clap::Args;

use super::selection::{is_missing, one, only_one_way};
use super::{Globals, Refused, Verb};
use crate::engine::container::status::Status;
use crate::engine::container::{self, remove, restart};
use crate::engine::{Context, pod};
use crate::store::{Noun, id};

#[derive(Args, Debug)]
pub struct Cleanup {
    /// Cleanup all containers
    #[arg(short, long)]
    all: bool,
    /// Act on the latest container
    #[arg(short, long)]
    latest: bool,
    /// After cleanup, remove the container entirely
    #[arg(long)]
    rm: bool,
    /// After cleanup, remove the image of the container, too, unless it is used by others
    #[arg(long)]
    rmi: bool,
    /// Only containers that have ended
    #[arg(long, hide = true)]
    stopped_only: bool,
    /// Names or IDs of containers
    #[arg(value_name = "CONTAINER")]
    containers: Vec<String>,
}

impl Verb for Cleanup {
    const NAME: &'static str = "cleanup";
    const ABOUT: &'static str = "Clean up network and mountpoints of one or more containers";
    const REFUSED: &'static [Refused] = &[(
        "exec",
        "a session of exec leaves nothing to clean up: clean up the container",
    )];

    fn call(self, globals: &Globals) -> Result<u8> {
        only_one_way(self.all, self.latest, None, &self.containers)?;
        let ctx = Context::new(globals)?;
        if self.all {
            remove::sweep(&ctx)?;
        }
        let ids = if self.all {
            ctx.store.ids(Noun::Container)?
        } else if self.latest {
            vec![one(&ctx, "container cleanup", None, true)?.id]
        } else {
            self.containers
        };
        for text in ids {
            // The exit command gives the whole id, and the container may be gone already.
            let id = if id::is_whole(&text) {
                text.clone()
            } else {
                match container::find(&ctx, &text) {
                    // Nothing of it is left.
                    Err(error) if is_missing(&error) => continue,
                    found => found?.id,
                }
            };
            if self.stopped_only && !matches!(ctx.store.status(&id)?, Status::Exited(_)) {
                continue;
            }
            let before = container::load(&ctx, &id).ok();
            let remove = self.rm || self.rmi;
            remove::cleanup(&ctx, &id, remove)?;
            if let Ok(container) = container::load(&ctx, &id)
                && !restart::again(&ctx, &container)?
                && remove
            {
                remove::cleanup(&ctx, &id, true)?;
            }
            if let Some(container) = before {
                if self.rmi {
                    remove::remove_image(&ctx, &container)?;
                    remove::tell_image_that_stays(&ctx, &container)?;
                }
                pod::stop::after_exit(&ctx, &container)?;
            }
            println!("{text}");
        }
        Ok(0)
    }
}
