//! `rpod pod rm`: podman-pod-rm(1). Its exit codes: 1, a pod did not exist.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;

use super::selection::{Selection, missing_is_1};
use crate::cli::stop::Patience;
use crate::cli::{Globals, Verb, tell_each};
use crate::engine::Context;
use crate::engine::pod::{check, remove};
use crate::store::Noun;

#[derive(Args, Debug)]
pub struct Rm {
    /// Stop the pod's containers first
    #[arg(short, long)]
    force: bool,
    /// Ignore errors when a specified pod is missing
    #[arg(short, long)]
    ignore: bool,
    /// Read the pod ID from the file, and remove the file with the pod
    #[arg(long, value_name = "FILE")]
    pod_id_file: Vec<PathBuf>,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Rm {
    const NAME: &'static str = "rm";
    const ABOUT: &'static str = "Remove one or more pods";

    fn call(mut self, globals: &Globals) -> Result<u8> {
        self.patience.needs_force(self.force)?;
        let ctx = Context::new(globals)?;
        self.selection.files.clone_from(&self.pod_id_file);
        remove::sweep(&ctx)?;
        if self.force {
            self.remove_damaged(&ctx)?;
        }
        // What is gone cannot be removed: to --force that is no error.
        let ignore = self.ignore || self.force;
        let timeout = self.patience.seconds();
        let pods = self.selection.find(&ctx, ignore).map_err(missing_is_1)?;
        let code = tell_each(pods, |pod| {
            remove::remove(&ctx, &pod, self.force, timeout)?;
            Ok(pod.id)
        });
        if code == 0 {
            for file in &self.pod_id_file {
                std::fs::remove_file(file)
                    .with_context(|| format!("removing {}", file.display()))?;
            }
        }
        Ok(code)
    }
}

impl Rm {
    /// What cannot be read goes by force alone.
    fn remove_damaged(&self, ctx: &Context) -> Result<()> {
        let words = match self.selection.all {
            true => ctx.store.ids(Noun::Pod)?,
            false => self.selection.pods.clone(),
        };
        for word in words {
            if let Some(id) = ctx.store.find_damaged(Noun::Pod, &word)? {
                check::mend(ctx, &id, true)?;
                println!("{id}");
            }
        }
        Ok(())
    }
}
