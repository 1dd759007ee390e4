//! `rpod volume mount`, `rpod volume unmount`: podman-volume-mount(1), podman-volume-unmount(1).

use anyhow::Result;
use clap::Args;

use crate::cli::{Globals, Verb};
use crate::engine::Context;
use crate::engine::volume::{find, mount};
use crate::rootless::Needs;

#[derive(Args, Debug)]
pub struct Mount {
    /// Names of volumes
    #[arg(required = true, value_name = "VOLUME")]
    volumes: Vec<String>,
}

impl Verb for Mount {
    const NAME: &'static str = "mount";
    const ABOUT: &'static str = "Mount volume";
    const NEEDS: Needs = Needs::Inside;

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        each(&self.volumes, |name| {
            let path = mount::mount(&ctx, &find(&ctx, name)?)?;
            println!("{}", path.display());
            Ok(())
        })
    }
}

#[derive(Args, Debug)]
pub struct Unmount {
    /// Names of volumes
    #[arg(required = true, value_name = "VOLUME")]
    volumes: Vec<String>,
}

impl Verb for Unmount {
    const NAME: &'static str = "unmount";
    const ALIASES: &'static [&'static str] = &["umount"];
    const ABOUT: &'static str = "Unmount volume";

    fn call(self, globals: &Globals) -> Result<u8> {
        let ctx = Context::new(globals)?;
        each(&self.volumes, |name| {
            let volume = find(&ctx, name)?;
            mount::unmount_volume(&ctx, &volume)?;
            println!("{}", volume.name);
            Ok(())
        })
    }
}

fn each(names: &[String], act: impl Fn(&String) -> Result<()>) -> Result<u8> {
    let mut code = 0;
    for name in names {
        if let Err(error) = act(name) {
            code = crate::cli::tell(&error);
        }
    }
    Ok(code)
}
