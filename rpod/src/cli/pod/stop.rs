//! `rpod pod stop`: podman-pod-stop(1).

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::selection::{Selection, each_by_name};
use crate::cli::stop::Patience;
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::pod::stop;

#[derive(Args, Debug)]
pub struct Stop {
    /// Ignore errors when a specified pod is missing
    #[arg(short, long)]
    ignore: bool,
    /// Read the pod ID from the file
    #[arg(long, value_name = "FILE")]
    pod_id_file: Vec<PathBuf>,
    #[command(flatten)]
    patience: Patience,
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Stop {
    const NAME: &'static str = "stop";
    const ABOUT: &'static str = "Stop one or more pods";

    fn call(mut self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        self.selection.files.clone_from(&self.pod_id_file);
        let pods = self.selection.find(&ctx, self.ignore)?;
        let timeout = self.patience.seconds();
        each_by_name(&pods, "stopping", |pod| stop::stop(&ctx, pod, timeout))
    }
}
