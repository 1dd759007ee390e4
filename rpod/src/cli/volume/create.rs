//! `rpod volume create`: podman-volume-create(1).

use anyhow::{Result, bail};
use clap::Args;

use crate::cli::options::{labels, pairs};
use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::volume::{Volume, VolumeError, create};

#[derive(Args, Debug)]
pub struct Create {
    /// Volume driver name: local, or image for one that stands on an image (--opt image=NAME)
    #[arg(short, long, default_value = "local")]
    driver: String,
    /// Group of the volume
    #[arg(long, value_name = "GID")]
    gid: Option<u32>,
    /// Do not fail if the volume is there already
    #[arg(long)]
    ignore: bool,
    /// Set metadata for the volume
    #[arg(short, long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// Set driver specific options (local: type, device, o, size, inodes, copy, nocopy; image: image)
    #[arg(short, long, value_name = "KEY=VALUE")]
    opt: Vec<String>,
    /// Owner of the volume
    #[arg(long, value_name = "UID")]
    uid: Option<u32>,
    /// Name of the new volume; one is made up without
    name: Option<String>,
}

impl Verb for Create {
    const NAME: &'static str = "create";
    const ABOUT: &'static str = "Create a new volume";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        if let Some(wrong) = self.opt.iter().find(|text| text.starts_with('=')) {
            bail!("unable to process options: invalid label format: {wrong:?}");
        }
        let wanted = Volume {
            name: self.name.unwrap_or_default(),
            driver: self.driver,
            labels: labels(&[], &self.label)?,
            options: pairs(&self.opt).collect(),
            uid: self.uid,
            gid: self.gid,
            ..Volume::default()
        };
        let name = wanted.name.clone();
        match create::create(&ctx, wanted) {
            Err(error)
                if self.ignore && matches!(error.downcast_ref(), Some(VolumeError::Exists(_))) =>
            {
                println!("{name}");
            }
            created => println!("{}", created?.name),
        }
        Ok(0)
    }
}
