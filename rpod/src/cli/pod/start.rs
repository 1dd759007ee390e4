//! `rpod pod start`: podman-pod-start(1).

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;

use super::selection::{Selection, each_by_name};
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::pod::start;

#[derive(Args, Debug)]
pub struct Start {
    /// Read the pod ID from the file
    #[arg(long, value_name = "FILE")]
    pod_id_file: Vec<PathBuf>,
    #[command(flatten)]
    selection: Selection,
}

impl Verb for Start {
    const NAME: &'static str = "start";
    const ABOUT: &'static str = "Start one or more pods";

    fn call(mut self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        self.selection.files.clone_from(&self.pod_id_file);
        let pods = self.selection.find(&ctx, false)?;
        each_by_name(&pods, "starting", |pod| start::start(&ctx, pod))
    }
}
