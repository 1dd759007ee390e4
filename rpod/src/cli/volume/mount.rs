//! `rpod volume mount`, `rpod volume unmount`: podman-volume-mount(1), podman-volume-unmount(1).

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::volume::{find, mount};
use crate::rootless::Needs;

#[derive(Args, Debug)]
pub struct Mount {
    /// Name of the volume
    #[arg(value_name = "VOLUME")]
    volume: String,
}

impl Verb for Mount {
    const NAME: &'static str = "mount";
    const ABOUT: &'static str = "Mount volume";
    const NEEDS: Needs = Needs::Inside;

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let path = mount::mount(&ctx, &find(&ctx, &self.volume)?)?;
        println!("{}", path.display());
        Ok(0)
    }
}

#[derive(Args, Debug)]
pub struct Unmount {
    /// Name of the volume
    #[arg(value_name = "VOLUME")]
    volume: String,
}

impl Verb for Unmount {
    const NAME: &'static str = "unmount";
    const ALIASES: &'static [&'static str] = &["umount"];
    const ABOUT: &'static str = "Unmount volume";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        let volume = find(&ctx, &self.volume)?;
        mount::unmount_volume(&ctx, &volume)?;
        println!("{}", volume.name);
        Ok(0)
    }
}
