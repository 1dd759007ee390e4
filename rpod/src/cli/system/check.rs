//! podman-system-check(1)

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::cli::{Globals, Verb, tell};
use crate::engine::Context;
use crate::engine::system::check::{self, Asked, Damage, Outcome};
use crate::output::parse_go_duration;

#[derive(Args, Debug)]
pub struct Check {
    /// Remove damaged images, and containers which depend on them
    #[arg(short, long)]
    force: bool,
    /// Maximum allowed age of layers and blobs that nothing refers to
    #[arg(short, long, value_name = "DURATION", default_value = "24h")]
    max: String,
    /// Skip time-consuming checks
    #[arg(short, long)]
    quick: bool,
    /// Mend what is damaged: layers are unpacked anew, damaged images removed
    #[arg(short, long)]
    repair: bool,
}

impl Verb for Check {
    const NAME: &'static str = "check";
    const ABOUT: &'static str = "Check storage consistency";

    fn call(self, globals: &Globals) -> Result<u8> {
        let max_age = parse_go_duration(&self.max)
            .and_then(|duration| Duration::try_from(duration).ok())
            .with_context(|| format!("--max={}: no duration such as 24h or 90m", self.max))?;
        let ctx = Context::new(globals)?;
        let asked = Asked {
            quick: self.quick,
            max_age,
        };
        let found = check::check(&ctx, &asked)?;
        for damage in &found {
            println!("{}", told(damage));
        }
        if !self.repair && !self.force {
            if !found.is_empty() {
                bail!("damage detected in local storage");
            }
            return Ok(0);
        }
        for mended in check::repair(&ctx, &found, self.force) {
            match mended.result {
                Ok(Outcome::Deleted) => println!("Deleted damaged {}", mended.thing),
                Ok(Outcome::Restored(how)) => println!("Restored {}: {how}", mended.thing),
                Ok(Outcome::Left(why)) => println!("Left damaged {}: {why}", mended.thing),
                Err(error) => {
                    tell(&error.context(format!("mending {}", mended.thing)));
                }
            }
        }
        if !check::check(&ctx, &asked)?.is_empty() {
            bail!("damage in local storage still present after repair attempt");
        }
        Ok(0)
    }
}

fn told(damage: &Damage) -> String {
    let errors = &damage.errors;
    let list: String = errors
        .iter()
        .map(|error| format!("\t* {error}\n"))
        .collect();
    let count = match errors.len() {
        1 => "1 error occurred".to_owned(),
        count => format!("{count} errors occurred"),
    };
    format!("Damaged {}:\n{count}:\n{list}", damage.thing)
}
